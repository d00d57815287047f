import { el } from '../shared/dom.js';
import { Clock, pickLocale, translator } from '../shared/i18n.js';
import { problemWords } from '../shared/problem-words.js';
import { StateBadge } from '../shared/state-badge.js';
import { NewDay } from '../shared/new-day.js';
import { SafeStorage } from '../shared/storage.js';
import { Credentials } from './credentials.js';
import { phrases } from './phrases.js';
import { Senders } from './senders.js';
import { chooseServer } from './server-url.js';
import { TicketActions } from './ticket-actions.js';
import { TicketCard } from './ticket-card.js';
import { TicketLink } from './ticket-link.js';
import { TicketRoom } from './ticket-room.js';
import { TicketsApi } from './tickets-api.js';

/** The open ticket outlives a reload, but each tab has its own; the id is a credential, so no address holds it. */
const TICKET = 'replyx:demo:ticket:';

/** The two-panel page: a ticket's chat at the left, the ticket and what can be done with it at the right. */
class Demo {
  #locale = pickLocale();
  #t = translator(phrases, this.#locale);
  #clock = new Clock(this.#locale, this.#t);
  #storage = new SafeStorage();
  #tab = new SafeStorage(() => globalThis.sessionStorage);
  #senders = new Senders(this.#storage);
  #credentials = new Credentials(this.#tab);
  #badge = new StateBadge(this.#t);
  #notice = el('div', { class: 'notice', role: 'alert', hidden: true, 'data-testid': 'notice' });
  #card = new TicketCard(this.#t, this.#locale);
  #actions;
  #tabs;
  #root;
  #chat;
  #side;
  #choice = { url: null, wish: '' };
  #api = null;
  #link = null;
  #room = null;
  #ticket = null;

  /** Shows itself in `root` and connects. @param {HTMLElement} root */
  connect(root) {
    document.documentElement.lang = this.#locale;
    document.title = `${this.#t('title')} — ReplyX`;
    this.#root = root;
    this.#build();
    new NewDay(() => this.#room?.refresh()).connect();
    this.#followServer();
    const ticketId = this.#choice.url && this.#tab.get(TICKET + this.#choice.url);
    if (ticketId) this.#open(ticketId);
  }

  #build() {
    const t = this.#t;
    this.#actions = new TicketActions({
      t,
      sender: this.#senders.current,
      onCreate: (ticket) => this.#create(ticket),
      onJoin: (ticketId) => this.#join(ticketId),
      onLeave: () => this.#leave(),
      onSender: (sender) => this.#speakAs(sender),
      onCredential: (credential) => this.#show(credential),
    });
    this.#side = el('aside', { class: 'demo__side' }, this.#card.element, this.#actions.element);
    this.#chat = el('section', { class: 'demo__chat', id: 'chat', 'aria-label': t('tab_chat') });
    const tab = (view) =>
      el('button', { type: 'button', class: 'tab', 'data-view': view, onclick: () => this.#view(view) }, t(`tab_${view}`));
    this.#tabs = el('nav', { class: 'tabs', 'aria-label': t('views') }, tab('chat'), tab('side'));
    const words = el('div', { class: 'demo__words' }, el('h1', {}, t('title')), el('p', {}, t('subtitle')));
    this.#root.replaceChildren(
      el('header', { class: 'demo__header' }, words, this.#badge.element),
      this.#notice,
      this.#tabs,
      el('main', { class: 'demo__main' }, this.#chat, this.#side),
    );
    this.#showEmpty();
    this.#view('side');
  }

  /** `window.API_URL` may be set at any time, so each action looks again where the server is. */
  #followServer() {
    const choice = chooseServer();
    if (choice.url === this.#choice.url && choice.wish === this.#choice.wish) return;
    this.#leaveRoom();
    this.#link?.disconnect();
    this.#link = null;
    this.#choice = choice;
    this.#card.show(null, choice.url ?? choice.wish);
    if (!choice.url) {
      this.#badge.show('refused');
      this.#tell(this.#t('bad_server', { wish: choice.wish }));
      return;
    }
    const credential = this.#credentials.of(choice.url);
    this.#actions.credential(credential);
    this.#api = new TicketsApi(choice.url);
    this.#link = new TicketLink(choice.url, credential, {
      state: (state, reason) => this.#connection(state, reason),
      rejoin: () => this.#room?.join(),
      resumed: () => this.#room?.resumed(),
      message: (message) => this.#room?.hear(message),
      ticket: (ticket) => this.#showTicket(ticket),
      typing: (typing) => this.#room?.hearTyping(typing),
      error: (problem) => console.warn('[ReplyX demo]', problem.code, problem.detail),
    });
    this.#link.connect();
  }

  async #create(ticket) {
    this.#followServer();
    if (!this.#link) return;
    const created = await this.#api.create({ ...ticket, userId: this.#senders.current.senderId });
    this.#open(created.id, created);
  }

  async #join(ticketId) {
    this.#followServer();
    if (!this.#link) return;
    const found = await this.#api.read(ticketId); // a wrong id is told before the present ticket is left
    this.#open(ticketId, found);
  }

  #open(ticketId, ticket = null) {
    this.#leaveRoom();
    if (ticket) this.#showTicket(ticket);
    const server = this.#choice.url;
    this.#tab.set(TICKET + server, ticketId);
    this.#room = new TicketRoom({
      ticketId,
      server,
      link: this.#link,
      api: this.#api,
      senders: this.#senders,
      storage: this.#storage,
      t: this.#t,
      clock: this.#clock,
      onTicket: (told) => this.#showTicket(told),
      onRefused: (problem) => this.#refused(ticketId, problem),
    });
    this.#chat.replaceChildren(this.#room.element);
    this.#actions.opened(ticketId);
    this.#side.scrollTop = 0;
    this.#view('chat');
    this.#room.connect();
    this.#room.focus();
  }

  #refused(ticketId, problem) {
    this.#leave();
    this.#actions.refused(ticketId, problem);
  }

  #leave() {
    this.#tab.remove(TICKET + this.#choice.url);
    this.#leaveRoom();
    this.#view('side');
  }

  #leaveRoom() {
    if (!this.#room) return;
    this.#room.disconnect();
    this.#room = null;
    this.#ticket = null;
    this.#actions.opened(null);
    this.#card.show(null, this.#choice.url ?? this.#choice.wish);
    this.#showEmpty();
  }

  #speakAs(sender) {
    this.#senders.choose(sender);
    if (sender.senderId) this.#room?.senderChanged();
  }

  #show(credential) {
    this.#followServer();
    if (!this.#link) return;
    this.#credentials.keep(this.#choice.url, credential);
    this.#link.show(credential);
  }

  #showTicket(ticket) {
    // An event of the log may be older than what the last answer has told.
    if (this.#ticket?.id === ticket.id && this.#ticket.updatedAt > ticket.updatedAt) return;
    this.#ticket = ticket;
    this.#card.show(ticket, this.#choice.url);
  }

  #showEmpty() {
    const t = this.#t;
    const action = el('button', { type: 'button', class: 'button empty__action', onclick: () => this.#view('side') }, t('empty_action'));
    this.#chat.replaceChildren(el('div', { class: 'empty' }, el('h2', {}, t('empty_title')), el('p', {}, t('empty')), action));
  }

  /** Which half a narrow screen shows. */
  #view(view) {
    this.#root.dataset.view = view;
    for (const tab of this.#tabs.children) tab.setAttribute('aria-pressed', String(tab.dataset.view === view));
  }

  #connection(state, reason) {
    this.#badge.show(state);
    const names = { server: this.#choice.url, origin: location.origin };
    if (state === 'refused') {
      this.#tell(this.#t('why_refused', { detail: problemWords(reason, this.#t) }), () => this.#link.retry());
    } else if (state === 'offline' && reason) this.#tell(this.#t(`why_${reason}`, names), () => this.#link.retry());
    else if (state === 'live') this.#tell('');
  }

  #tell(words, retry = null) {
    this.#notice.hidden = !words;
    if (this.#notice.dataset.words === words) return;
    this.#notice.dataset.words = words;
    const button = retry && el('button', { type: 'button', class: 'link-button', onclick: retry }, this.#t('retry_now'));
    this.#notice.replaceChildren(el('p', {}, words), button || '');
  }
}

new Demo().connect(document.getElementById('demo'));

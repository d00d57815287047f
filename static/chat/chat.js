import { applyTheme } from '../shared/color.js';
import { Composer } from '../shared/composer.js';
import { coalesce, el, icon } from '../shared/dom.js';
import { Clock, inLanguage, pickLocale, translator } from '../shared/i18n.js';
import { MessageList } from '../shared/message-list.js';
import { NewDay } from '../shared/new-day.js';
import { StateBadge } from '../shared/state-badge.js';
import { SafeStorage } from '../shared/storage.js';
import { cut } from '../shared/text.js';
import { HostBridge } from './host-bridge.js';
import { phrases } from './phrases.js';
import { Session } from './session.js';
import { Suggestions } from './suggestions.js';
import { Visit } from './visit.js';

/** As much of an answer as the page shows beside its chat button, in characters. */
const PEEK = 120;

/** The chat page: wires a visit to its views and to the page that embeds it. */
class Chat {
  #widget;
  #t;
  #locale;
  #storage = new SafeStorage();
  #bridge;
  #badge;
  #list;
  #composer;
  #suggestions;
  #typing;
  #notice;
  #close;
  #visit = null;
  #greeting = { page: null, name: undefined };
  #shown = true;
  #draw = coalesce(() => this.#render());

  /** @param {{id: number, theme: string|null, locale: string|null, title: string|null}} widget */
  constructor(widget) {
    const locale = (this.#locale = pickLocale(new URLSearchParams(location.search).get('locale') ?? widget.locale));
    this.#widget = widget;
    this.#t = translator(phrases, locale);
    document.documentElement.lang = locale;
    document.title = this.#title;
    applyTheme(widget.theme);
    this.#bridge = new HostBridge({
      onGreeting: (greeting) => this.#greeted(greeting),
      onCommand: (command) => this.#command(command),
    });
    this.#buildViews(new Clock(locale, this.#t));
  }

  /** Shows itself in `root` and waits for a token: from the embedding page, or in the address (`#token=`). */
  connect(root) {
    root.replaceChildren(this.#header(), this.#list.element, this.#typing, this.#suggestions.element, this.#notice, this.#composer.element);
    this.#composer.connect();
    this.#bridge.connect();
    document.addEventListener('visibilitychange', this.#draw);
    new NewDay(this.#draw).connect();
    document.addEventListener('keydown', (event) => event.key === 'Escape' && this.#bridge.close());
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token) {
      // A token must not stay where it can be copied or shared.
      history.replaceState(null, '', location.pathname + location.search);
      this.#greeted({ token, page: null, theme: null, inline: true, kept: null });
    } else if (!this.#bridge.framed) {
      this.#tell(this.#t('no_token'));
    }
  }

  #buildViews(clock) {
    const t = this.#t;
    const conversation = `w${this.#widget.id}`;
    this.#badge = new StateBadge(t, { troubleAlone: true });
    this.#list = new MessageList({
      self: 'user',
      t,
      clock,
      nameOf: ({ sender, author }) => author || t({ user: 'you', manager: 'operator' }[sender] ?? sender),
      onOlder: () => this.#visit.conversation.loadOlder(),
      onRetry: (id) => this.#visit.outbox.retry(id),
      onDiscard: (id) => this.#composer.restore(this.#visit.outbox.discard(id)),
      onSeen: () => this.#seen(),
      intro: this.#intro(),
    });
    this.#composer = new Composer({
      conversation,
      storage: this.#storage,
      t,
      onSend: (text) => this.#send(text),
      onTyping: (typing) => this.#visit?.typing(typing),
    });
    this.#suggestions = new Suggestions({ t, onPick: (text) => this.#pick(text) });
    this.#typing = el('p', { class: 'typing', 'data-testid': 'typing', 'aria-live': 'polite', hidden: true });
    this.#notice = el('div', { class: 'notice', role: 'status', hidden: true });
  }

  /** The shop's own greeting says hello itself. */
  #intro() {
    const t = this.#t;
    const { greeting, greetings } = this.#widget;
    const own = inLanguage(greetings, this.#locale, greeting);
    const words = own ? [el('p', { class: 'intro__greeting', dir: 'auto' }, own)] : [el('h2', {}, t('intro_title')), el('p', {}, t('intro'))];
    return el('div', { class: 'intro' }, ...words);
  }

  get #title() {
    return inLanguage(this.#widget.titles, this.#locale, this.#widget.title) || this.#t('title');
  }

  #header() {
    const label = this.#t('close_chat');
    this.#close = el(
      'button',
      { type: 'button', class: 'icon-button', 'data-testid': 'close', 'aria-label': label, title: label, hidden: true },
      icon('close'),
    );
    this.#close.addEventListener('click', () => this.#bridge.close());
    const title = el('h1', { dir: 'auto' }, this.#title);
    const words = el('div', { class: 'chat-header__words' }, title, this.#badge.element);
    return el('header', { class: 'chat-header' }, words, this.#close);
  }

  #greeted(greeting) {
    this.#greeting = greeting;
    applyTheme(greeting.theme);
    this.#storage.lend(greeting.kept, (text) => this.#bridge.keep(text));
    this.#composer.recall();
    this.#close.hidden = greeting.inline;
    const session = new Session({
      token: greeting.token,
      widgetId: this.#widget.id,
      storage: this.#storage,
      identity: () => ({ page: this.#greeting.page, name: this.#greeting.name, locale: this.#locale }),
      onMoved: () => this.#visit.moved(),
    });
    this.#visit = new Visit({
      session,
      storage: this.#storage,
      conversation: `w${this.#widget.id}`,
      onChange: this.#draw,
      onState: (state) => this.#connection(state),
      onAnswer: (message) => this.#bridge.message(message),
    });
    this.#visit.connect();
    this.#draw();
    this.#takeFocus();
  }

  /** @param {import('./host-bridge.js').Command} command */
  #command({ type, name }) {
    if (type === 'identify') {
      this.#greeting.name = name;
      this.#visit.renamed().catch((error) => console.warn('[ReplyX Widget]', error.code));
      return;
    }
    this.#shown = type === 'shown';
    if (this.#shown) this.#takeFocus();
    this.#draw();
  }

  /** Where a finger is the pointer, focus would throw up the keyboard over the conversation. */
  #takeFocus() {
    if (this.#shown && !this.#notice.textContent && matchMedia('(pointer: fine)').matches) this.#composer.focus();
  }

  #send(text) {
    if (!this.#visit) {
      this.#composer.restore(text);
      return;
    }
    this.#list.toEnd();
    this.#visit.send(text);
  }

  #pick(text) {
    this.#send(text);
    this.#takeFocus();
  }

  #connection(state) {
    this.#badge.show(state);
    if (state === 'refused') this.#tell(this.#t('refused'), () => this.#visit.retry());
    else this.#tell('');
    this.#draw();
  }

  #tell(words, retry = null) {
    this.#notice.hidden = !words;
    const label = this.#t('try_again');
    const button = retry && el('button', { type: 'button', class: 'link-button', onclick: retry }, label);
    this.#notice.replaceChildren(words, button || '');
  }

  #seen() {
    if (this.#shown && document.visibilityState === 'visible' && this.#list.atEnd) this.#visit?.seen();
  }

  #render() {
    if (!this.#visit) return;
    const { conversation, outbox, dialog } = this.#visit;
    const { messages, readUpTo, hasOlder } = conversation;
    // What takes room from the messages comes first, so that the end of the list is where it will be.
    if (this.#badge.element.dataset.state !== 'refused') this.#tell(dialog?.status === 'closed' ? this.#t('closed') : '');
    this.#suggestions.render(messages.at(-1), outbox.entries.length > 0);
    const typing = conversation.typing.find((sender) => sender !== 'user');
    this.#typing.hidden = !typing;
    this.#typing.textContent = typing ? this.#t(`typing_${typing}`) : '';
    this.#list.render({ messages, unsent: outbox.entries, readUpTo: readUpTo.manager, hasOlder });
    this.#seen();
    const answers = messages.filter(({ sender }) => sender !== 'user');
    const unseen = answers.filter(({ id }) => id > readUpTo.user);
    this.#bridge.unread(unseen.length, this.#peek(unseen.at(-1)));
  }

  #peek(answer) {
    if (!answer) return null;
    const { id, text, author } = answer;
    const shown = cut(text, PEEK);
    return { id, text: `${author ? `${author}: ` : ''}${shown === text ? text : `${shown.trimEnd()}…`}` };
  }
}

const { widget } = JSON.parse(document.getElementById('replyx-config').textContent);
new Chat(widget).connect(document.getElementById('chat'));

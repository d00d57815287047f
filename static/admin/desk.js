import { coalesce, el } from '../shared/dom.js';
import { money } from '../shared/i18n.js';
import { PushSwitch } from '../shared/push.js';
import { Inbox, dialogOf } from './inbox.js';
import { LiveInbox } from './live.js';
import { Moderation } from './moderation.js';
import { Room } from './room.js';
import { FOR_ADMINS, hashOf, parseRoute } from './router.js';
import { MessageSearch } from './search.js';
import { DialogList } from './views/dialog-list.js';
import { DialogView } from './views/dialog-view.js';
import { EmbedsView } from './views/embeds.js';
import { ModerationView } from './views/moderation.js';
import { visitorName } from './views/names.js';
import { NoticesView } from './views/notices.js';
import { Shell } from './views/shell.js';
import { WebhooksView } from './views/webhooks.js';

/** Everything of a signed-in operator: the inbox, the dialog that is open, the stream that feeds both. */
export class Desk {
  #options;
  #shell;
  #notices;
  #inbox;
  #live;
  #list;
  #search;
  #detail = el('div', { class: 'detail' });
  #route = parseRoute('');
  #view = null;
  /** The message that the address asked for, as long as the operator stays at it. @type {number|null} */
  #wanted = null;
  #embeds = null;
  /** Of an admin only. @type {Moderation|null} */
  #moderation = null;
  #queueView = null;
  #webhooksView = null;
  /** The platform's; the defaults until they are loaded. */
  #settings = { platform_name: '', currency: 'RUB', moderation_required: true, default_approval_fee: 0 };
  /** @type {Promise<Wire.Account[]>|null} */
  #operators = null;
  /** Rooms that are open or still have something to send. @type {Map<number, Room>} */
  #rooms = new Map();
  #draw = coalesce(() => this.#render());
  #navigate = () => this.#go(parseRoute(location.hash));
  #pressed = (event) => this.#key(event);

  /**
   * @param {object} options
   * @param {import('./api.js').PanelApi} options.api
   * @param {{id: number, name: string, role: string}} options.user
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../shared/i18n.js').Clock} options.clock
   * @param {'ru'|'en'} options.locale
   * @param {() => void} options.onSignOut the operator asks to leave
   * @param {() => void} options.onSignedOut the session has ended
   */
  constructor(options) {
    this.#options = options;
    const { api, t, clock, user, storage, locale, onSignOut } = options;
    const push = new PushSwitch({ server: api.push, storage, accountId: user.id, locale });
    this.#notices = new NoticesView({ push, t });
    this.#shell = new Shell({ t, user, notices: this.#notices.element, onSignOut });
    this.#inbox = new Inbox({ api, onChange: this.#draw });
    if (user.role === 'admin') this.#moderation = new Moderation({ api, onChange: this.#draw });
    this.#search = new MessageSearch({ api, onChange: this.#draw });
    this.#list = new DialogList({
      ...{ t, clock, search: this.#search, onMore: () => this.#more(), onKind: (kind) => this.#visit({ kind }) },
      onAgain: () => this.#navigate(),
    });
    this.#live = new LiveInbox({
      accountId: user.id,
      inbox: api.inbox,
      load: () => this.#load(),
      onEvent: (event, cursor) => this.#received(event, cursor),
      onState: (state) => this.#connection(state),
      onSignedOut: options.onSignedOut,
      probe: () => this.#probe(),
      audit: () => this.#inbox.complete(),
    });
    this.element = this.#shell.element;
  }

  /** Shows itself and goes live. */
  async connect() {
    const { user, storage } = this.#options;
    window.addEventListener('hashchange', this.#navigate);
    document.addEventListener('keydown', this.#pressed);
    document.addEventListener('visibilitychange', this.#draw);
    for (const id of Room.unsent(user.id, storage)) this.#room(id);
    this.#moderation?.verdicts.connect();
    this.#go(parseRoute(location.hash));
    this.#notices.connect();
    await this.#live.connect();
  }

  /** Sends what is held back; for an operator who asks to leave. */
  async flush() {
    await this.#moderation?.verdicts.flush();
  }

  /** Stops everything; drafts and unsent messages stay. */
  disconnect() {
    window.removeEventListener('hashchange', this.#navigate);
    document.removeEventListener('keydown', this.#pressed);
    document.removeEventListener('visibilitychange', this.#draw);
    this.#live.disconnect();
    this.#search.disconnect();
    this.#moderation?.verdicts.disconnect();
    this.#queueView?.disconnect();
    this.#webhooksView?.disconnect();
    this.#view?.disconnect();
    for (const room of this.#rooms.values()) room.outbox.disconnect();
    document.title = this.#options.t('brand');
  }

  /** Tells the operator's other tabs that the session is over. */
  announceSignOut() {
    this.#live.announceSignOut();
  }

  async #load() {
    const cursor = await this.#inbox.load();
    this.#settings = await this.#options.api.settings();
    await this.#moderation?.queue.load(); // behind the cursor: events of what it has missed are still to come
    const room = this.#rooms.get(this.#route.dialogId);
    if (room) await this.#loadRoom(room);
    const { status, kind } = this.#route;
    if (!this.#inbox.loaded(status, kind)) await this.#inbox.more(status, kind);
    return cursor;
  }

  /** Somebody else may have signed in, in another tab: then this desk's session is over. */
  async #probe() {
    const { api, user } = this.#options;
    try {
      return (await api.me())?.id === user.id ? 'ok' : 'refused';
    } catch {
      return 'unreachable';
    }
  }

  #received(event, cursor) {
    if (event.type === 'settings.updated') this.#set(event.data);
    this.#moderation?.apply(event);
    this.#queueView?.apply(event);
    this.#inbox.apply(event, cursor);
    this.#rooms.get(dialogOf(event))?.apply(event);
  }

  #set(settings) {
    this.#settings = settings;
    this.#draw();
  }

  #connection(state) {
    this.#shell.badge.show(state);
    if (state !== 'live') return;
    this.#moderation?.verdicts.retry();
    for (const room of this.#rooms.values()) room.outbox.kick();
    const open = this.#rooms.get(this.#route.dialogId);
    if (open && !open.conversation.loaded) this.#tryRoom(open);
    this.#draw();
  }

  #go(route) {
    const before = this.#route;
    if (FOR_ADMINS.includes(route.section) && !this.#moderation) route = { ...route, section: 'dialogs' };
    this.#route = route;
    this.#wanted = route.messageId;
    this.#shell.mark(route.section);
    if (route.section !== 'moderation') this.#closeQueue();
    if (route.section !== 'webhooks') this.#closeWebhooks();
    if (route.section === 'widgets') this.#showEmbeds();
    else if (route.section === 'moderation') this.#showQueue(before);
    else if (route.section === 'webhooks') this.#showWebhooks();
    else this.#showDialogs(before);
    const comesFirst = route.status === 'open' && route.kind === 'all';
    if (!comesFirst && !this.#inbox.loaded(route.status, route.kind)) this.#more();
    this.#draw();
  }

  #showEmbeds() {
    const { api, t } = this.#options;
    this.#closeRoom();
    this.#embeds = new EmbedsView({ api, t });
    this.#shell.content.replaceChildren(this.#embeds.element);
    this.#embeds.connect();
  }

  #showQueue(before) {
    if (!this.#queueView) {
      this.#closeRoom();
      this.#embeds = null;
      const { api, t, clock } = this.#options;
      this.#queueView = new ModerationView({
        ...{ moderation: this.#moderation, api, t, clock, settings: this.#settings },
        money: () => money(this.#options.locale, this.#settings.currency),
        onSettings: (settings) => this.#set(settings),
      });
      this.#shell.content.replaceChildren(this.#queueView.element);
      this.#queueView.connect();
    }
    this.#queueView.open(this.#route.products);
    this.#queueView.render(this.#settings);
    if (before.section !== 'moderation') this.#queueView.focus();
  }

  #closeQueue() {
    this.#queueView?.disconnect();
    this.#queueView = null;
  }

  #showWebhooks() {
    if (!this.#webhooksView) {
      this.#closeRoom();
      this.#embeds = null;
      this.#webhooksView = new WebhooksView(this.#options);
      this.#shell.content.replaceChildren(this.#webhooksView.element);
    }
    this.#webhooksView.open(this.#route.webhook);
  }

  #closeWebhooks() {
    this.#webhooksView?.disconnect();
    this.#webhooksView = null;
  }

  #showDialogs(before) {
    const { dialogId } = this.#route;
    if (!this.#list.element.isConnected) {
      this.#embeds = null;
      this.#shell.content.replaceChildren(el('div', { class: 'desk' }, this.#list.element, this.#detail));
    }
    this.#list.element.parentElement.classList.toggle('desk--detail', dialogId !== null);
    if (dialogId === null) {
      this.#closeRoom();
      this.#detail.replaceChildren(this.#invitation());
      const left = this.#list.links.filter((link) => link.dataset.dialogId === String(before.dialogId));
      (left.find((link) => link.dataset.messageId === String(before.messageId)) ?? left[0])?.focus();
    } else if (!this.#view || this.#view.dialogId !== dialogId) {
      this.#openRoom(dialogId);
    } else {
      this.#reveal(this.#rooms.get(dialogId));
    }
  }

  #invitation() {
    const { t } = this.#options;
    return el('div', { class: 'detail__empty' }, el('h1', {}, t('choose')), el('p', {}, t('choose_text')));
  }

  #openRoom(dialogId) {
    const { user, storage, t, clock, api } = this.#options;
    this.#closeRoom();
    const room = this.#room(dialogId);
    this.#view = new DialogView({
      room,
      user,
      storage,
      t,
      clock,
      conversation: Room.nameOf(user.id, dialogId),
      operators: () => this.#findOperators(),
      visitor: (id) => visitorName(this.#inbox.get(id) ?? { id }, t),
      onAction: async (action, body) => {
        await api.act(dialogId, action, body);
        await this.#inbox.fetch(dialogId); // the event may be late; the operator should see the effect now
      },
      onTicket: async (fields) => {
        await api.changeTicket(room.ticket.id, fields);
        await this.#inbox.fetch(dialogId);
      },
    });
    this.#view.dialogId = dialogId;
    this.#detail.replaceChildren(this.#view.element);
    this.#view.connect();
    if (this.#wanted !== null) this.#view.holdBack();
    this.#tryRoom(room);
  }

  /** Goes to the message that the address asked for. */
  async #reveal(room) {
    const here = this.#view?.dialogId === room.dialogId && room.conversation.loaded;
    if (here && this.#wanted !== null) await this.#view.reveal(this.#wanted);
  }

  /** Asked once; what failed is asked again with the next ticket. */
  #findOperators() {
    const forget = () => (this.#operators = null);
    this.#operators ??= this.#options.api.operators();
    this.#operators.catch(forget);
    return this.#operators;
  }

  /** What failed is told in the view, and tried again as soon as the stream is back. */
  #tryRoom(room) {
    this.#loadRoom(room).catch((error) => error.status === undefined && console.error(error));
  }

  async #loadRoom(room) {
    const { t } = this.#options;
    try {
      if (!this.#inbox.get(room.dialogId)) await this.#inbox.fetch(room.dialogId);
      room.take(this.#inbox.get(room.dialogId));
      if (this.#view?.leftMessage) this.#wanted = null;
      await room.load();
      if (this.#view?.dialogId === room.dialogId) this.#view.say('');
      await this.#reveal(room);
    } catch (error) {
      const missing = error.status === 404;
      if (this.#view?.dialogId === room.dialogId) this.#view.say(t(missing ? 'dialog_missing' : 'load_failed'));
      if (missing) return; // nothing to wait for
      throw error;
    }
  }

  #closeRoom() {
    this.#view?.disconnect();
    this.#view = null;
    for (const [id, room] of this.#rooms) {
      if (room.outbox.entries.length) continue;
      room.outbox.disconnect();
      this.#rooms.delete(id);
    }
  }

  #room(dialogId) {
    const { api, user, storage } = this.#options;
    let room = this.#rooms.get(dialogId);
    if (!room) {
      room = new Room({ dialogId, accountId: user.id, api, storage, onChange: this.#draw });
      this.#rooms.set(dialogId, room);
      room.outbox.connect();
    }
    return room;
  }

  async #more() {
    try {
      await this.#inbox.more(this.#route.status, this.#route.kind);
    } catch (error) {
      if (error.status === undefined) throw error;
      this.#draw(); // the button is still there to be pressed again
    }
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const opensList = event.target instanceof HTMLSelectElement; // what Alt with an arrow does in a choice
    const writes = event.target.closest?.('input, textarea, select');
    const slash = event.key === '/' || (event.code === 'Slash' && !event.shiftKey); // in whatever layout
    if (step && event.altKey && !opensList && this.#route.section === 'dialogs') {
      event.preventDefault();
      const { links } = this.#list;
      const at = links.findIndex((link) => link.hasAttribute('aria-current'));
      if (links[at + step]) location.hash = links[at + step].hash;
    } else if (slash && !writes && !event.altKey && !event.ctrlKey && !event.metaKey && this.#route.section === 'dialogs') {
      event.preventDefault();
      this.#toSearch();
    } else if (event.key === 'Escape' && !event.defaultPrevented) {
      if (this.#route.dialogId !== null) this.#visit({ dialogId: null });
      else if (this.#search.active) this.#list.search.clear();
    }
  }

  /** A narrow window shows the dialog in the field's place: then it is left first. */
  #toSearch() {
    const focus = () => this.#list.search.focus();
    if (this.#list.element.offsetParent) return focus();
    window.addEventListener('hashchange', focus, { once: true });
    this.#visit({ dialogId: null });
  }

  /** Goes somewhere else by changing parts of the address. @param {Partial<import('./router.js').Route>} parts */
  #visit(parts) {
    location.hash = hashOf({ ...this.#route, ...parts });
  }

  #render() {
    const { t } = this.#options;
    const { status, kind, dialogId } = this.#route;
    const { unread } = this.#inbox;
    const brand = this.#settings.platform_name || t('brand');
    document.title = `${unread ? `(${unread}) ` : ''}${brand} · ${t(this.#route.section)}`;
    this.#shell.call(brand);
    if (this.#moderation) this.#shell.wait(this.#moderation.waiting.length, this.#moderation.queue.hasMore);
    this.#queueView?.render(this.#settings);
    this.#list.render({
      dialogs: this.#inbox.list(status, kind),
      route: this.#route,
      loaded: this.#inbox.loaded(status, kind),
      hasMore: this.#inbox.hasMore(status, kind),
    });
    this.#view?.render(this.#inbox.get(dialogId), hashOf({ ...this.#route, dialogId: null }));
  }
}

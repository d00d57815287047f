import { el } from '../../shared/dom.js';
import { dialogOf } from '../inbox.js';
import { styleSheet } from '../parts/styles.js';
import { DialogList } from './dialog-list.js';
import { DialogView } from './dialog-view.js';
import { visitorName } from './names.js';
import { words } from './phrases.js';
import { Room } from './room.js';
import { hashOf, routeOf } from './route.js';
import { MessageSearch } from './search.js';

await Promise.all(['./dialogs.css', './search.css', './ticket.css'].map((name) => styleSheet(new URL(name, import.meta.url))));

/** How often the list says anew how long people wait. */
const WAITS_MS = 20_000;

/** The list of dialogs and tickets, and the one that is open. */
export default class DialogsSection {
  #desk;
  #t;
  #list;
  #search;
  #detail = el('div', { class: 'detail' });
  /** @type {import('./route.js').Route} */
  #route = { dialogId: null, messageId: null, status: 'open', kind: 'all' };
  /** @type {DialogView|null} */
  #view = null;
  /** The message that the address asked for, as long as the operator stays at it. @type {number|null} */
  #wanted = null;
  /** @type {Promise<Wire.Account[]>|null} */
  #operators = null;
  #waits = 0;
  /** Rooms that are open or still have something to send. @type {Map<number, Room>} */
  #rooms = new Map();

  /** @param {import('../desk.js').DeskParts} desk */
  constructor(desk) {
    this.#desk = desk;
    const { api, clock, user, storage, draw, speak } = desk;
    const t = (this.#t = speak(words));
    this.#search = new MessageSearch({ api, onChange: draw });
    this.#list = new DialogList({
      ...{ t, clock, search: this.#search, onMore: () => this.#more(), onKind: (kind) => this.#visit({ kind }) },
      onAgain: () => this.#go(),
    });
    this.element = el('div', { class: 'desk' }, this.#list.element, this.#detail);
    this.#waits = window.setInterval(draw, WAITS_MS);
    for (const id of Room.unsent(user.id, storage)) this.#room(id);
  }

  /** @param {import('../router.js').Place} place */
  show(place) {
    const before = this.#route;
    this.#route = routeOf(place);
    this.#wanted = this.#route.messageId;
    this.#go(before);
    const { status, kind } = this.#route;
    const comesFirst = status === 'open' && kind === 'all';
    if (!comesFirst && !this.#desk.inbox.loaded(status, kind)) this.#more();
  }

  hide() {
    this.#closeRoom();
  }

  disconnect() {
    clearInterval(this.#waits);
    this.#search.disconnect();
    this.#view?.disconnect();
    for (const room of this.#rooms.values()) room.outbox.disconnect();
  }

  async load() {
    const room = this.#rooms.get(this.#route.dialogId);
    if (room) await this.#loadRoom(room);
    const { inbox } = this.#desk;
    const { status, kind } = this.#route;
    if (!inbox.loaded(status, kind)) await inbox.more(status, kind);
  }

  /** @param {Wire.Event} event */
  apply(event) {
    this.#rooms.get(dialogOf(event))?.apply(event);
  }

  live() {
    for (const room of this.#rooms.values()) room.outbox.kick();
    const open = this.#rooms.get(this.#route.dialogId);
    if (open && !open.conversation.loaded) this.#tryRoom(open);
  }

  render() {
    const { inbox } = this.#desk;
    const { status, kind, dialogId } = this.#route;
    this.#list.render({
      dialogs: inbox.list(status, kind),
      route: this.#route,
      loaded: inbox.loaded(status, kind),
      hasMore: inbox.hasMore(status, kind),
    });
    this.#view?.render(inbox.get(dialogId), hashOf({ ...this.#route, dialogId: null }));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { target } = event;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const opensList = target instanceof HTMLSelectElement; // what Alt with an arrow does in a choice
    const writes = target instanceof Element && target.closest('input, textarea, select');
    const slash = event.key === '/' || (event.code === 'Slash' && !event.shiftKey); // in whatever layout
    if (step && event.altKey && !opensList) {
      event.preventDefault();
      const { links } = this.#list;
      const at = links.findIndex((link) => link.hasAttribute('aria-current'));
      if (links[at + step]) location.hash = links[at + step].hash;
    } else if (slash && !writes && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#toSearch();
    } else if (event.key === 'Escape' && !event.defaultPrevented) {
      if (this.#view?.giveBack()) return;
      if (this.#route.dialogId !== null) this.#visit({ dialogId: null });
      else if (this.#search.active) this.#list.search.clear();
    }
  }

  #go(before = this.#route) {
    const { dialogId } = this.#route;
    this.element.classList.toggle('desk--detail', dialogId !== null);
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
    const t = this.#t;
    return el('div', { class: 'detail__empty' }, el('h1', {}, t('choose')), el('p', {}, t('choose_text')));
  }

  #openRoom(dialogId) {
    const { user, storage, clock, api, inbox, draw } = this.#desk;
    this.#closeRoom();
    const room = this.#room(dialogId);
    this.#view = new DialogView({
      ...{ room, user, storage, t: this.#t, clock, draw },
      conversation: Room.nameOf(user.id, dialogId),
      operators: () => this.#findOperators(),
      visitor: (id) => visitorName(inbox.get(id) ?? { id }, this.#t),
      onAction: (action, body) => this.#change(dialogId, (seen) => api.act(dialogId, action, { ...body, ...seen })),
      onBan: (ban) => api.ban(dialogId, ban),
      onTicket: (fields) => this.#change(dialogId, (seen) => api.changeTicket(room.ticket.id, { ...fields, ...seen })),
    });
    this.#detail.replaceChildren(this.#view.element);
    this.#view.connect();
    if (this.#wanted !== null) this.#view.holdBack();
    this.#tryRoom(room);
  }

  /**
   * Changes a dialog and shows what it is then: the event may be late, and a refusal means that another was first.
   * Only the operator whose name is on the screen may be displaced by it.
   * @param {number} dialogId
   * @param {(seen: {displace?: number}) => Promise<unknown>} request
   */
  async #change(dialogId, request) {
    const { inbox, user } = this.#desk;
    const holder = inbox.get(dialogId)?.assignee?.id;
    try {
      await request(holder === undefined || holder === user.id ? {} : { displace: holder });
    } catch (error) {
      if (error.code === 'taken') await inbox.fetch(dialogId);
      throw error;
    }
    await inbox.fetch(dialogId);
  }

  /** Goes to the message that the address asked for. */
  async #reveal(room) {
    const here = this.#view?.dialogId === room.dialogId && room.conversation.loaded;
    if (here && this.#wanted !== null) await this.#view.reveal(this.#wanted);
  }

  /** Asked once; what failed is asked again with the next ticket. */
  #findOperators() {
    const forget = () => (this.#operators = null);
    this.#operators ??= this.#desk.api.operators();
    this.#operators.catch(forget);
    return this.#operators;
  }

  /** What failed is told in the view, and tried again as soon as the stream is back. */
  #tryRoom(room) {
    this.#loadRoom(room).catch((error) => error.status === undefined && console.error(error));
  }

  async #loadRoom(room) {
    const { inbox } = this.#desk;
    try {
      if (!inbox.get(room.dialogId)) await inbox.fetch(room.dialogId);
      room.take(inbox.get(room.dialogId));
      if (!room.conversation.loaded) this.#listWith(room.dialogId);
      if (this.#view?.leftMessage) this.#wanted = null;
      await room.load();
      if (this.#view?.dialogId === room.dialogId) this.#view.say('');
      await this.#reveal(room);
    } catch (error) {
      const missing = error.status === 404;
      if (this.#view?.dialogId === room.dialogId) this.#view.say(this.#t(missing ? 'dialog_missing' : 'load_failed'));
      if (missing) return; // nothing to wait for
      throw error;
    }
  }

  /** A dialog that was opened by a link stands in the list that has it. @param {number} dialogId */
  #listWith(dialogId) {
    const { status } = this.#desk.inbox.get(dialogId);
    if (this.#route.dialogId !== dialogId || this.#route.status === status || this.#search.active) return;
    location.replace(hashOf({ ...this.#route, status }, this.#route.messageId ?? undefined));
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
    const { api, user, storage, draw } = this.#desk;
    let room = this.#rooms.get(dialogId);
    if (!room) {
      room = new Room({ dialogId, accountId: user.id, api, storage, onChange: draw });
      this.#rooms.set(dialogId, room);
      room.outbox.connect();
    }
    return room;
  }

  async #more() {
    try {
      await this.#desk.inbox.more(this.#route.status, this.#route.kind);
    } catch (error) {
      if (error.status === undefined) throw error;
      this.#desk.draw(); // the button is still there to be pressed again
    }
  }

  /** A narrow window shows the dialog in the field's place: then it is left first. */
  #toSearch() {
    const focus = () => this.#list.search.focus();
    if (this.#list.element.offsetParent) {
      focus();
      return;
    }
    window.addEventListener('hashchange', focus, { once: true });
    this.#visit({ dialogId: null });
  }

  /** Goes somewhere else by changing parts of the address. @param {Partial<import('./route.js').Route>} parts */
  #visit(parts) {
    location.hash = hashOf({ ...this.#route, ...parts });
  }
}

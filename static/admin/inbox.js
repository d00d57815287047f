import { fullJitter } from '../shared/backoff.js';
import { isPerson } from '../shared/conversation.js';
import { isAfter } from '../shared/cursor.js';

const PAGE = 50;

/**
 * A dialog whose ticket has become `ticket`, which is written as clients of tickets have it.
 * @param {Wire.Dialog} dialog
 * @param {Wire.Ticket} ticket
 * @returns {Wire.Dialog}
 */
function withTicket(dialog, ticket) {
  const { id, subject, status, priority, sla } = ticket;
  const closed = ['RESOLVED', 'CLOSED'].includes(status);
  return {
    ...dialog,
    status: closed ? 'closed' : 'open',
    waiting_since: closed ? null : dialog.waiting_since,
    assignee: ticket.assignedAgent,
    updated_at: ticket.updatedAt,
    ticket: {
      ...{ id, subject, status, priority, sla },
      first_response_at: ticket.firstResponseAt,
      response_due_at: ticket.responseDueAt,
      resolution_due_at: ticket.resolutionDueAt,
    },
  };
}

/** Since when the visitor waits, after a message. @param {Wire.Dialog} dialog @param {Wire.Message} message */
function waiting({ waiting_since: since }, { sender, timestamp }) {
  if (sender === 'user') return since ?? timestamp;
  return sender === 'system' ? since : null;
}

/** When a dialog last spoke, by which it has its place in the list. @param {Wire.Dialog} dialog */
export function spokeAt({ last_message: last, created_at: created }) {
  return last?.timestamp ?? created;
}

/** The dialog that an event is about, if it is about one. @param {Wire.Event} event @returns {number|null} */
export function dialogOf(event) {
  if ('dialog' in event) return event.dialog.id;
  return 'dialog_id' in event ? event.dialog_id : null;
}

/**
 * A dialog after one event. Loading a dialog and applying its events lead to the same object.
 * Null when the event says too little, and the dialog must be asked for.
 * @param {Wire.Dialog} dialog @param {Wire.Event} event @returns {Wire.Dialog|null}
 */
export function reduce(dialog, event) {
  if (event.type === 'dialog:updated') return event.dialog;
  if (event.type === 'ticket:updated') return withTicket(dialog, event.ticket);
  if (event.type === 'message:new') {
    const { message } = event;
    const after = { ...dialog, last_message: message, updated_at: message.timestamp, waiting_since: waiting(dialog, message) };
    if (!isPerson(message.sender)) return after; // what an assistant says, no operator has read anything by
    const unread = message.sender === 'user' ? dialog.unread + 1 : 0;
    return { ...after, unread, read_up_to: { ...dialog.read_up_to, [message.sender]: message.id } };
  }
  if (event.type === 'message:read') {
    const readUpTo = { ...dialog.read_up_to, [event.sender]: event.up_to };
    if (event.sender === 'user') return { ...dialog, read_up_to: readUpTo };
    const all = !dialog.last_message || event.up_to >= dialog.last_message.id;
    return all ? { ...dialog, read_up_to: readUpTo, unread: 0 } : null;
  }
  return dialog;
}

/**
 * The dialogs that this tab knows. Each is remembered with the cursor at which it was true, so a page
 * that was read later than an event, or earlier, never overwrites what is newer.
 */
export class Inbox {
  #api;
  #onChange;
  /** @type {Map<number, {dialog: Wire.Dialog, cursor: string}>} */
  #entries = new Map();
  /** Where each list continues, by status and kind; null: no further. @type {Map<string, number|null>} */
  #next = new Map();
  /** Dialogs being asked for, with the newest cursor heard about them meanwhile. @type {Map<number, string>} */
  #asked = new Map();
  #attempt = 0;

  /** @param {{api: import('./api.js').PanelApi, onChange: () => void}} options */
  constructor({ api, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** Forgets everything and loads the open dialogs. @returns {Promise<string>} the cursor to stream from */
  async load() {
    const page = await this.#api.dialogs({ status: 'open', limit: PAGE });
    this.#entries.clear();
    this.#next = new Map([['open all', page.next]]);
    this.#take(page);
    return page.cursor;
  }

  /**
   * Loads the next page of a list, the first if there is none yet.
   * @param {'open'|'closed'} status
   * @param {import('./dialogs/route.js').Kind} kind
   */
  async more(status, kind) {
    if (!this.hasMore(status, kind)) return;
    const list = `${status} ${kind}`;
    const before = this.#next.get(list);
    const page = await this.#api.dialogs({ status, ...(kind !== 'all' && { kind }), limit: PAGE, before });
    this.#next.set(list, page.next);
    this.#take(page);
  }

  /** @param {'open'|'closed'} status @param {import('./dialogs/route.js').Kind} kind @returns {boolean} whether `more` brings any */
  hasMore(status, kind) {
    return this.#next.get(`${status} all`) !== null && this.#next.get(`${status} ${kind}`) !== null;
  }

  /** @param {'open'|'closed'} status @param {import('./dialogs/route.js').Kind} kind @returns {boolean} */
  loaded(status, kind) {
    return this.#next.has(`${status} ${kind}`) || !this.hasMore(status, kind);
  }

  /**
   * @param {'open'|'closed'} status
   * @param {import('./dialogs/route.js').Kind} [kind]
   * @returns {Wire.Dialog[]} newest message first, as the server lists them
   */
  list(status, kind = 'all') {
    const wanted = (dialog) => dialog.status === status && (kind === 'all' || dialog.kind === kind);
    const found = [...this.#entries.values()].map(({ dialog }) => dialog).filter(wanted);
    return found.sort((a, b) => spokeAt(b).localeCompare(spokeAt(a)) || b.id - a.id);
  }

  /** @param {number} id @returns {Wire.Dialog|undefined} */
  get(id) {
    return this.#entries.get(id)?.dialog;
  }

  /** Visitors' messages in the open dialogs that no operator has read. @returns {number} */
  get unread() {
    return this.list('open').reduce((sum, dialog) => sum + dialog.unread, 0);
  }

  /** Loads one dialog that no list has brought. @param {number} id @throws {import('../shared/http.js').HttpProblem} */
  async fetch(id) {
    const { dialog, cursor } = await this.#api.dialog(id);
    this.#put(dialog, cursor);
    this.#onChange();
  }

  /** @param {Wire.Event} event @param {string|null} cursor */
  apply(event, cursor) {
    if (cursor === null) return;
    const id = dialogOf(event);
    if (id === null) return;
    const entry = this.#entries.get(id);
    if (entry && !isAfter(cursor, entry.cursor)) return;
    const dialog = entry || 'dialog' in event ? reduce(entry?.dialog, event) : null;
    if (dialog) {
      this.#put(dialog, cursor);
      this.#onChange();
    } else {
      this.#ask(id, cursor);
    }
  }

  /** The newest dialog of the server is as we have it: the stream has not fallen silent. @returns {Promise<boolean>} */
  async complete() {
    const { items } = await this.#api.dialogs({ limit: 1 });
    const newest = items[0];
    const ours = newest && this.get(newest.id);
    return !newest || (ours !== undefined && ours.updated_at >= newest.updated_at);
  }

  #take({ items, cursor }) {
    for (const dialog of items) this.#put(dialog, cursor);
    this.#onChange();
  }

  #put(dialog, cursor) {
    const known = this.#entries.get(dialog.id);
    if (!known || isAfter(cursor, known.cursor)) this.#entries.set(dialog.id, { dialog, cursor });
  }

  async #ask(id, cursor) {
    const asking = this.#asked.has(id);
    this.#asked.set(id, cursor);
    if (asking) return;
    try {
      await this.fetch(id);
      this.#attempt = 0;
    } catch (error) {
      if (error.transient) this.#attempt += 1;
      else this.#asked.delete(id); // gone, or no longer ours to see
    }
    const heard = this.#asked.get(id);
    this.#asked.delete(id);
    const entry = this.#entries.get(id);
    if (heard !== undefined && (!entry || isAfter(heard, entry.cursor))) {
      setTimeout(() => this.#ask(id, heard), fullJitter(this.#attempt));
    }
  }
}

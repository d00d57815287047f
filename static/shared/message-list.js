import { el, icon } from './dom.js';
import { problemWords } from './problem-words.js';
import { richText } from './text.js';

/** Nearer to the end than this, in pixels, the list follows new messages. */
const FOLLOW_PX = 80;
/** Nearer to the start than this, the page before is fetched. */
const FETCH_PX = 240;
/** Messages of one person this close together are shown as one group. */
const GROUP_MS = 5 * 60_000;

/**
 * What the list shows.
 * @typedef {object} ListState
 * @property {import('./conversation.js').Message[]} messages
 * @property {import('./outbox.js').Unsent[]} unsent
 * @property {number} readUpTo the other side has read up to this message id
 * @property {boolean} hasOlder
 */

/**
 * Messages in a `role="log"`. A message keeps its node for life: an unsent one is found again by its
 * `client_id` when it comes back from the server, so it changes its mark and never appears twice.
 */
export class MessageList {
  #options;
  #log;
  #items;
  #older;
  #jump;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  #following = true;
  #seenLast = null;
  #olderFailed = false;
  /** The message to show as soon as it is here. @type {number|null} */
  #wanted = null;

  /**
   * @param {object} options
   * @param {string} options.self the sender whose messages stand at the right
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('./i18n.js').Clock} options.clock
   * @param {(message: import('./conversation.js').Message) => string} options.nameOf
   * @param {() => Promise<void>} options.onOlder
   * @param {(clientId: string) => void} options.onRetry
   * @param {(clientId: string) => void} options.onDiscard
   * @param {(message: import('./conversation.js').Message) => boolean} [options.isMine] whether this viewer wrote a message of our side
   * @param {() => void} [options.onSeen] the end of the list is in view
   * @param {HTMLElement} [options.intro] shown before the first message
   */
  constructor(options) {
    this.#options = { onSeen: () => {}, isMine: () => true, ...options };
    const { t, intro } = this.#options;
    this.#items = el('ol', { class: 'messages__items' });
    this.#older = el('button', { type: 'button', class: 'messages__older', hidden: true }, t('older'));
    this.#older.addEventListener('click', () => this.#fetchOlder());
    this.#log = el(
      'div',
      { class: 'messages__log', role: 'log', tabindex: '0', 'aria-label': t('messages'), 'data-testid': 'messages' },
      this.#older,
      intro,
      this.#items,
    );
    this.#log.addEventListener('scroll', () => this.#scrolled());
    this.#jump = el('button', { type: 'button', class: 'messages__jump', hidden: true }, icon('down'), t('newer'));
    this.#jump.addEventListener('click', () => this.toEnd());
    this.element = el('div', { class: 'messages' }, this.#log, this.#jump);
    new ResizeObserver(() => this.#following && this.#scrollToEnd()).observe(this.#log);
  }

  /** @param {ListState} state */
  render({ messages, unsent, readUpTo, hasOlder }) {
    const anchor = this.#anchor();
    const rows = this.#rows(messages, unsent, readUpTo);
    this.#log.setAttribute('aria-busy', String(anchor !== null && messages[0]?.id !== this.#firstId));
    this.#place(rows);
    this.#older.hidden = !hasOlder;
    this.#firstId = messages[0]?.id;
    this.#keepPlace(anchor, messages.at(-1)?.id ?? null, unsent.length);
    this.#showWanted();
    this.#log.setAttribute('aria-busy', 'false');
    if (hasOlder && !this.#olderFailed && this.#log.scrollHeight <= this.#log.clientHeight) this.#fetchOlder();
  }

  /** Whether the newest message can be seen. @returns {boolean} */
  get atEnd() {
    return this.#following;
  }

  /** Goes to the newest message and follows from there. */
  toEnd() {
    this.#following = true;
    this.#scrollToEnd();
    this.#scrolled();
  }

  /** Stays away from the end until `reveal` or `toEnd`. */
  holdBack() {
    this.#following = false;
  }

  /** Brings a message into the middle, marks it and gives it the focus, now or with the render that has it. @param {number} id */
  reveal(id) {
    this.#wanted = id;
    this.#showWanted();
  }

  /** Whether the message that was revealed still has the focus, or is still to come. @returns {boolean} */
  get revealing() {
    return this.#wanted !== null || document.activeElement?.classList.contains('message--found') === true;
  }

  #firstId;

  /** The rows to show: days, messages and then what is unsent, each with a key that outlives a redraw. */
  #rows(messages, unsent, readUpTo) {
    const { self, clock } = this.#options;
    const waiting = unsent.filter(({ client_id: id }) => !messages.some((message) => message.client_id === id));
    const statusOf = ({ sender, id }) => (sender === self && id <= readUpTo ? 'read' : 'sent');
    const all = [
      ...messages.map((message) => ({ ...message, status: statusOf(message) })),
      ...waiting.map((entry) => ({ ...entry, id: null, sender: self, author: null, timestamp: entry.created_at })),
    ];
    const rows = [];
    let previous = null;
    for (const message of all) {
      const day = clock.dayKey(message.timestamp);
      if (!previous || day !== clock.dayKey(previous.timestamp)) {
        rows.push({ key: `day:${day}`, day: message.timestamp });
        previous = null;
      }
      const follows = this.#follows(previous, message);
      // Of messages written within a minute the last alone shows the time.
      if (follows && clock.time(previous.timestamp) === clock.time(message.timestamp)) rows.at(-1).continued = true;
      const key = message.client_id ? `c:${message.client_id}` : `m:${message.id}`;
      rows.push({ key, message, follows, continued: false });
      previous = message;
    }
    return rows;
  }

  #follows(previous, message) {
    if (!previous || previous.sender !== message.sender) return false;
    if (previous.author !== message.author && message.id !== null) return false;
    return Date.parse(message.timestamp) - Date.parse(previous.timestamp) < GROUP_MS;
  }

  #place(rows) {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, node] of this.#nodes) {
      if (keys.has(key)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
    let next = this.#items.firstChild;
    for (const row of rows) {
      const node = this.#nodeOf(row);
      if (node === next) next = next.nextSibling;
      else this.#items.insertBefore(node, next);
    }
  }

  #nodeOf(row) {
    let node = this.#nodes.get(row.key);
    if (!node) {
      node = row.message ? this.#message(row.message) : el('li', { class: 'day' });
      this.#nodes.set(row.key, node);
    }
    if (row.message) this.#update(node, row);
    else this.#name(node, row.day);
    return node;
  }

  /** A day is called "today" for as long as it is. */
  #name(node, day) {
    const words = this.#options.clock.day(day);
    if (node.textContent !== words) node.textContent = words;
  }

  #message(message) {
    const { self, nameOf, isMine } = this.#options;
    const own = message.sender === self;
    const mine = own && isMine(message);
    return el(
      'li',
      {
        class: `message message--${own ? 'own' : message.sender}${mine ? ' message--mine' : ''}`,
        'data-testid': 'message',
        'data-sender': message.sender,
        'data-client-id': message.client_id,
      },
      el('span', { class: 'message__author', dir: 'auto' }, nameOf(message)),
      el('p', { class: 'message__text', dir: 'auto' }, richText(message.text)),
      el('div', { class: 'message__foot' }),
    );
  }

  /** Brings the parts of a node up to date that can change: id, place in the group, state. */
  #update(node, { message, follows, continued }) {
    node.classList.toggle('message--follows', follows);
    node.classList.toggle('message--continued', continued);
    if (message.id !== null) node.dataset.messageId = message.id;
    const state = `${message.status}|${message.timestamp}|${message.problem ?? ''}`;
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    node.dataset.status = message.status;
    // Time and mark change quietly; that a message failed is worth saying.
    node.lastElementChild.setAttribute('aria-live', message.status === 'failed' ? 'polite' : 'off');
    node.lastElementChild.replaceChildren(...this.#foot(message));
  }

  #foot(message) {
    const { self, clock, t } = this.#options;
    if (message.status === 'failed') return this.#failure(message);
    const { timestamp, status } = message;
    const time = el('time', { datetime: timestamp, title: clock.full(timestamp) }, clock.time(timestamp));
    if (message.sender !== self) return [time];
    const mark = icon({ pending: 'clock', sent: 'check', read: 'checks' }[status]);
    const words = el('span', { class: 'hidden' }, t(status));
    return [time, el('span', { class: 'message__mark', title: t(status) }, mark, words)];
  }

  #failure({ client_id: id, problem, faults }) {
    const { t, onRetry, onDiscard } = this.#options;
    const words = problemWords({ status: 422, code: problem, errors: faults }, t);
    const button = (name, onclick) =>
      el('button', { type: 'button', class: 'link-button', 'data-testid': name, onclick }, t(name));
    return [
      el('span', { class: 'message__failure' }, icon('alert'), el('span', {}, words)),
      button('retry', () => onRetry(id)),
      button('discard', () => onDiscard(id)),
    ];
  }

  /** The first message in view and where it stands, so that a page put before it does not move it. */
  #anchor() {
    if (this.#following) return null;
    const top = this.#log.getBoundingClientRect().top;
    const inView = (child) => child.dataset.testid && child.getBoundingClientRect().bottom > top;
    const node = [...this.#items.children].find(inView);
    return node ? { node, offset: node.getBoundingClientRect().top } : null;
  }

  #keepPlace(anchor, lastId, unsentCount) {
    const last = `${lastId}:${unsentCount}`;
    const grew = last !== this.#seenLast;
    this.#seenLast = last;
    if (this.#following) {
      this.#scrollToEnd();
      this.#options.onSeen();
      return;
    }
    if (anchor?.node.isConnected) this.#log.scrollTop += anchor.node.getBoundingClientRect().top - anchor.offset;
    if (grew) this.#jump.hidden = false;
  }

  #showWanted() {
    if (this.#wanted === null) return;
    const node = this.#items.querySelector(`[data-message-id="${this.#wanted}"]`);
    if (!node) return;
    this.#wanted = null;
    for (const other of this.#items.querySelectorAll('.message--found')) other.classList.remove('message--found');
    node.classList.add('message--found');
    const { top, height } = node.getBoundingClientRect();
    const log = this.#log.getBoundingClientRect();
    this.#log.scrollTop += top - log.top - Math.max(0, (log.height - height) / 2);
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
    this.#scrolled();
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#following = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    if (this.#following) {
      this.#jump.hidden = true;
      this.#options.onSeen();
    }
    if (scrollTop < FETCH_PX && !this.#older.hidden && !this.#olderFailed) this.#fetchOlder();
  }

  /** After a failure the button stays for the reader to press; scrolling alone does not insist. */
  async #fetchOlder() {
    this.#older.textContent = this.#options.t('loading');
    try {
      await this.#options.onOlder();
      this.#olderFailed = false;
      this.#older.textContent = this.#options.t('older');
    } catch {
      this.#olderFailed = true;
      this.#older.textContent = this.#options.t('older_failed');
    }
  }
}

/** What a page holds; enough to fill a tall screen twice. */
const PAGE = 50;
/** The most the server gives at once, and how many such pages are loaded to reach a message. */
const LONG_PAGE = 200;
const LONG_PAGES = 10;
/** Clients repeat `typing_start` every 3.5 s: one that is lost does not hide who types on, and nobody types for ever. */
const TYPING_LASTS_MS = 6_000;

/** Whether a sender is somebody who reads: a visitor or an operator, no assistant. @param {string} sender */
export function isPerson(sender) {
  return sender === 'user' || sender === 'manager';
}

/**
 * One dialog's messages: the history up to a cursor plus the events after it. Messages are kept by id
 * and read marks only grow, so it does not matter which of the two brought something, or if both did.
 *
 * @typedef {object} Message
 * @property {number} id
 * @property {string} sender `user`, `manager`, `assistant` or `system`; in the demo of tickets their words for these
 * @property {string} text
 * @property {string} timestamp RFC 3339
 * @property {string|null} [client_id]
 * @property {string|null} [author] an operator's name
 *
 * @typedef {{items: Message[], next: number|null, cursor?: string}} Page `cursor` stands in the newest page
 */
export class Conversation {
  #fetchPage;
  #onChange;
  /** @type {Map<number, Message>} */
  #messages = new Map();
  #sorted = null;
  #readUpTo = { user: 0, manager: 0 };
  /** Messages that events brought while a page was on its way. @type {Message[]|null} */
  #late = null;
  #older = null;
  #loaded = false;
  /** @type {Promise<void>|null} */
  #loadingOlder = null;
  #typing = new Map();

  /**
   * @param {object} options
   * @param {(page: {before?: number, limit: number}) => Promise<Page>} options.fetchPage
   * @param {() => void} options.onChange
   */
  constructor({ fetchPage, onChange }) {
    this.#fetchPage = fetchPage;
    this.#onChange = onChange;
  }

  /** @returns {Message[]} oldest first, without gaps */
  get messages() {
    this.#sorted ??= [...this.#messages.values()].sort((a, b) => a.id - b.id);
    return this.#sorted;
  }

  /** @param {number} id @returns {boolean} */
  has(id) {
    return this.#messages.has(id);
  }

  /** @returns {boolean} whether the first page has arrived */
  get loaded() {
    return this.#loaded;
  }

  /** @returns {boolean} whether the history goes on before the first message here */
  get hasOlder() {
    return this.#older !== null;
  }

  /** Up to which message id each side has read. @returns {{user: number, manager: number}} */
  get readUpTo() {
    return this.#readUpTo;
  }

  /** Senders now typing. @returns {string[]} */
  get typing() {
    return [...this.#typing.keys()];
  }

  /** The newest message of one of `senders`. @param {...string} senders @returns {Message|undefined} */
  latest(...senders) {
    return this.messages.findLast(({ sender }) => senders.includes(sender));
  }

  /**
   * Replaces everything by the newest page; events that arrive meanwhile are kept.
   * @returns {Promise<string>} the page's cursor: the stream goes on from it
   */
  async load() {
    const late = (this.#late = []);
    const { items, next, cursor } = await this.#fetchPage({ limit: PAGE });
    if (late !== this.#late) return cursor; // a later load replaces this one
    this.#late = null;
    this.#messages.clear();
    this.#sorted = null;
    for (const message of [...items, ...late]) this.#put(message);
    this.#older = next;
    this.#loaded = true;
    this.#onChange();
    return cursor;
  }

  /** Puts the page before the first message in front of it. Asked again while one is on its way, it waits for that. */
  loadOlder(limit = PAGE) {
    if (this.#older === null) return Promise.resolve();
    this.#loadingOlder ??= this.#fetchOlder(limit).finally(() => (this.#loadingOlder = null));
    return this.#loadingOlder;
  }

  /**
   * Loads earlier pages until a message is here, but not more than ten long pages: without gaps there is no shorter way.
   * @param {number} id
   * @returns {Promise<boolean>} false when it is farther away, or not of this dialog
   */
  async reach(id) {
    for (let page = 0; page < LONG_PAGES && this.hasOlder && id < this.#older; page += 1) await this.loadOlder(LONG_PAGE);
    return this.has(id);
  }

  async #fetchOlder(limit) {
    const oldest = this.#older;
    const { items, next } = await this.#fetchPage({ before: oldest, limit });
    if (this.#older !== oldest) return; // reloaded meanwhile
    for (const message of items) this.#put(message);
    this.#older = next;
    this.#onChange();
  }

  /**
   * Takes in what a dialog object says about the conversation.
   * @param {{read_up_to?: Wire.ReadUpTo}|null|undefined} dialog
   */
  take(dialog) {
    if (!dialog?.read_up_to) return;
    this.#read('user', dialog.read_up_to.user);
    this.#read('manager', dialog.read_up_to.manager);
    this.#onChange();
  }

  /** Takes an acknowledged message of our own; the stream brings it as well. @param {Message} message */
  add(message) {
    this.#put(message);
    this.#late?.push(message);
    this.#onChange();
  }

  /**
   * Applies an event of this dialog. Applying one whose effect is in the history already changes nothing.
   * @param {{type: string} & Record<string, any>} event
   */
  apply(event) {
    if (event.type === 'message:new') {
      this.#put(event.message);
      this.#late?.push(event.message);
      this.#stopTyping(event.message.sender);
      this.#read(event.message.sender, event.message.id); // who writes has read what stands before
    } else if (event.type === 'message:read') {
      this.#read(event.sender, event.up_to);
    } else if (event.type === 'dialog:updated') {
      this.take(event.dialog);
      return;
    } else if (event.type === 'typing_start') {
      this.#startTyping(event.sender);
    } else if (event.type === 'typing_stop') {
      this.#stopTyping(event.sender);
    } else {
      return;
    }
    this.#onChange();
  }

  #put(message) {
    this.#messages.set(message.id, message);
    this.#sorted = null;
  }

  #read(sender, upTo) {
    if (!isPerson(sender)) return;
    // An event of the log may be older than what an answer over HTTP has told; reading never goes back.
    this.#readUpTo = { ...this.#readUpTo, [sender]: Math.max(this.#readUpTo[sender], upTo ?? 0) };
  }

  /** `typing_stop` is ephemeral and may be lost, so typing ends by itself. */
  #startTyping(sender) {
    clearTimeout(this.#typing.get(sender));
    const timer = setTimeout(() => {
      this.#typing.delete(sender);
      this.#onChange();
    }, TYPING_LASTS_MS);
    this.#typing.set(sender, timer);
  }

  #stopTyping(sender) {
    clearTimeout(this.#typing.get(sender));
    this.#typing.delete(sender);
  }
}

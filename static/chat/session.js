import { request } from '../shared/http.js';
import { randomId } from '../shared/ids.js';
import { cut } from '../shared/text.js';
import { dialogUrls, siteSessionUrl } from '../shared/urls.js';

/** As much of a visitor's name and page as the server takes, in characters. */
const NAME = 200;
const PAGE = 2000;
/** What one tab has stored reaches the others' view of the storage within this time. */
const SPREAD_MS = 100;

const spread = () => new Promise((resolve) => setTimeout(resolve, SPREAD_MS));

/**
 * A visitor's session: the widget token, which anyone can read in the page, is exchanged for a token
 * of this visitor's own. The guest id is kept only once the visitor has written something; the tokens
 * live in memory alone.
 *
 * All tabs of a browser are one visitor. Whoever has to make a guest id looks again before, alone; the others hear of
 * it, and go on as that visitor.
 */
export class Session {
  #token;
  #storage;
  #key;
  #identity;
  #onMoved;
  #open = null;
  #guestId;
  #heard = ({ key, newValue }) => key === this.#key && newValue && this.#become(newValue);

  /**
   * @param {object} options
   * @param {string} options.token the widget token
   * @param {number} options.widgetId
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   * @param {() => {page: string|null, name?: string|null, locale: string}} options.identity what is known of the visitor
   * @param {() => void} [options.onMoved] another tab has begun the conversation: what was opened here is void
   */
  constructor({ token, widgetId, storage, identity, onMoved = () => {} }) {
    this.#token = token;
    this.#storage = storage;
    this.#key = `replyx:guest:${widgetId}`;
    this.#identity = identity;
    this.#onMoved = onMoved;
    this.#guestId = storage.get(this.#key);
  }

  /** Begins to hear what other tabs do. */
  connect() {
    window.addEventListener('storage', this.#heard);
  }

  /** Stops. */
  disconnect() {
    window.removeEventListener('storage', this.#heard);
  }

  /** Whether this visitor has written here before. */
  get known() {
    return this.#guestId !== null;
  }

  /**
   * The dialog, the cursor at which it was read and its addresses; opened at the first call, then shared.
   * @returns {Promise<{dialog: Wire.Dialog, cursor: string, urls: import('../shared/urls.js').DialogUrls}>}
   * @throws {import('../shared/http.js').HttpProblem} the next call tries again
   */
  open() {
    this.#open ??= this.#exchange().catch((error) => {
      this.#open = null;
      throw error;
    });
    return this.#open;
  }

  /** Exchanges the widget token anew: the session token has expired, or the visitor has a name now. */
  renew() {
    this.#open = null;
    return this.open();
  }

  /**
   * Runs `action` with the dialog's addresses, a second time if the session token has expired, or the dialog is no
   * more: one in which nobody wrote is forgotten in time, and the visitor then has another.
   * @template T
   * @param {(urls: import('../shared/urls.js').DialogUrls) => Promise<T>} action
   * @returns {Promise<T>}
   */
  async call(action) {
    const opened = this.open();
    const { urls } = await opened;
    try {
      return await action(urls);
    } catch (error) {
      if (error.status !== 401 && error.code !== 'dialog_not_found') throw error;
      const { dialog } = await opened;
      const renewed = await (this.#open === opened ? this.renew() : this.open());
      if (renewed.dialog.id !== dialog.id) this.#onMoved();
      return action(renewed.urls);
    }
  }

  async #exchange() {
    const guestId = await this.#guest();
    const { site_token: siteToken, dialog, cursor } = await this.#ask(guestId);
    if (guestId !== this.#guestId) return this.#exchange(); // another tab was first
    return { dialog, cursor, urls: dialogUrls({ siteToken }, dialog.id) };
  }

  /** What the page tells of the visitor is a help for operators: where the server refuses it, the chat goes on without. */
  async #ask(guestId) {
    const { page, name, locale } = this.#identity();
    const known = { site_token: this.#token, guest_id: guestId, locale };
    const told = { page: page ? cut(page, PAGE) : undefined, name: name ? cut(name, NAME) : name };
    const ask = (body) => request(siteSessionUrl(), { method: 'POST', body, credentials: 'omit' });
    try {
      return await ask({ ...known, ...told });
    } catch (error) {
      if (error.status !== 422 || !error.errors.some(({ field }) => field in told)) throw error;
      return ask(known);
    }
  }

  /** The guest id is made here and kept before it is used, so a repeated exchange finds the same visitor. */
  async #guest() {
    if (this.#guestId) return this.#guestId;
    const alone = (make) => (navigator.locks ? navigator.locks.request(this.#key, make) : make());
    await alone(async () => {
      this.#guestId ??= this.#storage.get(this.#key);
      if (this.#guestId) return;
      this.#guestId = randomId();
      this.#storage.set(this.#key, this.#guestId);
      await spread();
      this.#guestId = this.#storage.get(this.#key) ?? this.#guestId; // without locks the last to write is the one
    });
    return this.#guestId;
  }

  #become(guestId) {
    if (guestId === this.#guestId) return;
    this.#guestId = guestId;
    this.#open = null;
    this.#onMoved();
  }
}

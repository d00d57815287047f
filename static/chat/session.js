import { request } from '../shared/http.js';
import { randomId } from '../shared/ids.js';
import { dialogUrls, siteSessionUrl } from '../shared/urls.js';

/**
 * A visitor's session: the widget token, which anyone can read in the page, is exchanged for a token
 * of this visitor's own. The guest id is kept only once the visitor has written something; the tokens
 * live in memory alone.
 */
export class Session {
  #token;
  #storage;
  #key;
  #identity;
  #open = null;
  #guestId;

  /**
   * @param {object} options
   * @param {string} options.token the widget token
   * @param {number} options.widgetId
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   * @param {() => {page: string|null, name: string|null, locale: string}} options.identity what is known of the visitor
   */
  constructor({ token, widgetId, storage, identity }) {
    this.#token = token;
    this.#storage = storage;
    this.#key = `replyx:guest:${widgetId}`;
    this.#identity = identity;
    this.#guestId = storage.get(this.#key);
  }

  /** Whether this visitor has written here before. */
  get known() {
    return this.#guestId !== null;
  }

  /**
   * The dialog, the cursor at which it was read and its addresses; opened at the first call, then shared.
   * @returns {Promise<{dialog: object, cursor: string, urls: import('../shared/urls.js').DialogUrls}>}
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
   * Runs `action` with the dialog's addresses, a second time if the session token has expired.
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
      if (error.status !== 401) throw error;
      const renewed = this.#open === opened ? this.renew() : this.open();
      return action((await renewed).urls);
    }
  }

  /** The guest id is made here and kept before it is used, so a repeated exchange finds the same visitor. */
  async #exchange() {
    this.#guestId ??= randomId();
    this.#storage.set(this.#key, this.#guestId);
    const { page, name, locale } = this.#identity();
    const { site_token: siteToken, dialog, cursor } = await request(siteSessionUrl(), {
      method: 'POST',
      body: { site_token: this.#token, guest_id: this.#guestId, page: page ?? undefined, name: name ?? undefined, locale },
      credentials: 'omit',
    });
    return { dialog, cursor, urls: dialogUrls({ siteToken }, dialog.id) };
  }
}

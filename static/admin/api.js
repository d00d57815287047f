import { request } from '../shared/http.js';
import { Session, xsrf } from '../shared/session.js';
import { dialogUrls, panelUrls } from '../shared/urls.js';

const OPERATORS = ['admin', 'manager'];

/**
 * The server as an operator's panel sees it. The session is an HttpOnly cookie; when it ends,
 * `onSignedOut` is told and the call fails like any other.
 */
export class PanelApi extends Session {
  #urls;

  constructor() {
    const urls = panelUrls();
    super(urls.push);
    this.#urls = urls;
  }

  /** The addresses of one dialog's conversation. @param {number} id */
  conversation(id) {
    return dialogUrls({ panel: true }, id);
  }

  /** @returns {(cursor: string|null) => string} where the inbox streams from */
  get inbox() {
    return this.#urls.inbox;
  }

  /** Who is signed in, or null. @returns {Promise<object|null>} */
  async me() {
    try {
      const answer = await request(this.#urls.me);
      return answer.user ?? answer;
    } catch (error) {
      if (error.status === 401) return null;
      throw error;
    }
  }

  /** @returns {Promise<{needed: boolean}>} */
  setup() {
    return request(this.#urls.setup);
  }

  /** @param {{code: string, email: string, name: string, password: string}} account */
  completeSetup(account) {
    return request(this.#urls.setup, { method: 'POST', body: account, headers: xsrf() });
  }

  /** @param {{email: string, password: string}} pair */
  signIn(pair) {
    return request(this.#urls.session, { method: 'POST', body: pair, headers: xsrf() });
  }

  signOut() {
    return request(this.#urls.session, { method: 'DELETE', headers: xsrf() });
  }

  /** @param {{status?: string, kind?: string, limit?: number, before?: number}} query */
  dialogs(query) {
    return this.get(this.#urls.dialogs(query));
  }

  /** @param {number} id @returns {Promise<{dialog: object, cursor: string}>} */
  dialog(id) {
    return this.get(this.#urls.dialog(id));
  }

  /** @param {number} id @param {string} action @param {object} [body] @returns {Promise<{dialog: object}>} */
  act(id, action, body = {}) {
    return this.change('POST', this.#urls.dialogAction(id, action), body);
  }

  /** @param {string} id @returns {Promise<object>} */
  ticket(id) {
    return this.get(this.#urls.ticket(id));
  }

  /** @param {string} id @param {{limit?: number, before?: number}} query */
  changes(id, query) {
    return this.get(this.#urls.changes(id, query));
  }

  /** @param {string} id @param {{status?: string, priority?: string, assignee?: number|null}} fields */
  changeTicket(id, fields) {
    return this.change('PATCH', this.#urls.ticket(id), fields);
  }

  /** Who can be given a ticket. @returns {Promise<{id: number, name: string}[]>} */
  async operators() {
    const accounts = await this.all('accounts');
    return accounts.filter(({ role, active }) => active && OPERATORS.includes(role));
  }

  /** Everything there is of a kind, oldest first. @param {'accounts'|'assistants'|'webhooks'|'widgets'} kind @returns {Promise<object[]>} */
  async all(kind) {
    const found = [];
    for (let after = 0; after !== null; ) {
      const page = await this.get(this.#urls[kind](null, { limit: 200, after }));
      found.push(...page.items);
      after = page.next;
    }
    return found;
  }

  /**
   * Creates without an `id`, changes with one.
   * @param {'assistants'|'webhooks'|'widgets'} kind
   * @param {object} fields
   * @param {number} [id]
   */
  save(kind, fields, id) {
    return this.change(id === undefined ? 'POST' : 'PATCH', this.#urls[kind](id), fields);
  }

  /** @param {'assistants'|'webhooks'|'widgets'} kind @param {number} id */
  remove(kind, id) {
    return this.change('DELETE', this.#urls[kind](id));
  }

  /** The platform's settings. @returns {Promise<object>} */
  settings() {
    return this.get(this.#urls.settings);
  }

  /** @param {object} settings all of them @returns {Promise<object>} */
  saveSettings(settings) {
    return this.change('PUT', this.#urls.adminSettings, settings);
  }

  /** @param {{status?: string, limit?: number, before?: number, after?: number}} query */
  products(query) {
    return this.get(this.#urls.products(query));
  }

  /** @param {{product_ids: number[], moderation_notes?: string, approval_fee?: number}} approval @param {object} [options] */
  approve(approval, options) {
    return this.change('POST', this.#urls.approval, approval, options);
  }

  /** @param {number} id @param {{moderation_notes: string}} rejection @param {object} [options] */
  reject(id, rejection, options) {
    return this.change('POST', this.#urls.product(id, 'reject'), rejection, options);
  }

  /** @param {number} id @returns {Promise<object>} the product, which waits again */
  reopenProduct(id) {
    return this.change('POST', this.#urls.product(id, 'reopen'));
  }

  /** @param {number} id @returns {Promise<{items: object[]}>} oldest first */
  decisions(id) {
    return this.get(this.#urls.product(id, 'decisions'));
  }

  /** What a webhook can listen to. @returns {Promise<{group: string, types: string[]}[]>} */
  async eventGroups() {
    return (await this.get(this.#urls.webhookEvents)).items;
  }

  /** @param {number} id @returns {Promise<object>} */
  webhook(id) {
    return this.get(this.#urls.webhooks(id));
  }

  /** @param {number} id @param {number} hours for how long both secrets sign @returns {Promise<{secret: string}>} */
  rotateSecret(id, hours) {
    return this.change('POST', this.#urls.webhookAction(id, 'secret'), { overlap_hours: hours });
  }

  /** @param {number} id @returns {Promise<object>} the delivery of a test */
  testWebhook(id) {
    return this.change('POST', this.#urls.webhookAction(id, 'test'));
  }

  /** @param {number} id @param {{limit?: number, before?: number}} query the newest first */
  deliveries(id, query) {
    return this.get(this.#urls.deliveries(id, query));
  }

  /** @param {number} id @param {number} deliveryId @returns {Promise<object>} the delivery, which is sent again */
  replay(id, deliveryId) {
    return this.change('POST', this.#urls.replay(id, deliveryId));
  }

  /** Messages that hold words. @param {{q: string, before?: number|null}} query @param {AbortSignal} signal */
  search(query, signal) {
    return this.get(this.#urls.search(query), { signal });
  }
}

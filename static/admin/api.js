import { request } from '../shared/http.js';
import { Session, xsrf } from '../shared/session.js';
import { dialogUrls, panelUrls } from '../shared/urls.js';

const OPERATORS = ['admin', 'manager'];

/** @typedef {{accounts: Wire.Account, assistants: Wire.Assistant, bans: Wire.Ban, webhooks: Wire.Webhook, widgets: Wire.Widget}} Kinds */

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

  /** Who is signed in, or null. @returns {Promise<Wire.Account|null>} */
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

  /** @param {Wire.DialogQuery} query @returns {Promise<Wire.PageAtCursorOfDialog>} */
  dialogs(query) {
    return this.get(this.#urls.dialogs(query));
  }

  /** @param {number} id @returns {Promise<Wire.DialogAtCursor>} */
  dialog(id) {
    return this.get(this.#urls.dialog(id));
  }

  /** @param {number} id @param {string} action @param {object} [body] @returns {Promise<Wire.DialogAnswer>} */
  act(id, action, body = {}) {
    return this.change('POST', this.#urls.dialogAction(id, action), body);
  }

  /** @param {number} id @param {Wire.NewBan} ban of its other side @returns {Promise<Wire.Ban>} */
  ban(id, ban) {
    return this.change('POST', this.#urls.dialogAction(id, 'ban'), ban);
  }

  /** @param {string} id @returns {Promise<Wire.Ticket>} */
  ticket(id) {
    return this.get(this.#urls.ticket(id));
  }

  /** @param {string} id @param {Wire.Paging} query @returns {Promise<Wire.PageOfTicketChange>} the newest first */
  changes(id, query) {
    return this.get(this.#urls.changes(id, query));
  }

  /** @param {string} id @param {Wire.ChangeTicket} fields @returns {Promise<Wire.Ticket>} */
  changeTicket(id, fields) {
    return this.change('PATCH', this.#urls.ticket(id), fields);
  }

  /** Who can be given a ticket. @returns {Promise<Wire.Account[]>} */
  async operators() {
    const accounts = await this.all('accounts');
    return accounts.filter(({ role, active }) => active && OPERATORS.includes(role));
  }

  /**
   * Everything there is of a kind, oldest first.
   * @template {keyof Kinds} Kind
   * @param {Kind} kind
   * @returns {Promise<Kinds[Kind][]>}
   */
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

  /** @param {'assistants'|'bans'|'webhooks'|'widgets'} kind @param {number} id */
  remove(kind, id) {
    return this.change('DELETE', this.#urls[kind](id));
  }

  /** The platform's settings. @returns {Promise<Wire.PlatformSettings>} */
  settings() {
    return this.get(this.#urls.settings);
  }

  /** @param {Wire.PlatformSettings} settings all of them @returns {Promise<Wire.PlatformSettings>} */
  saveSettings(settings) {
    return this.change('PUT', this.#urls.adminSettings, settings);
  }

  /** @param {Wire.ModerationQuery} query @returns {Promise<Wire.PageOfModeratedProduct>} */
  products(query) {
    return this.get(this.#urls.products(query));
  }

  /** @param {Wire.BulkApproval} approval @param {object} [options] @returns {Promise<Wire.BulkAnswer>} */
  approve(approval, options) {
    return this.change('POST', this.#urls.approval, approval, options);
  }

  /** @param {number} id @param {Wire.Rejection} rejection @param {object} [options] */
  reject(id, rejection, options) {
    return this.change('POST', this.#urls.product(id, 'reject'), rejection, options);
  }

  /** @param {number} id @returns {Promise<Wire.ModeratedProduct>} the product, which waits again */
  reopenProduct(id) {
    return this.change('POST', this.#urls.product(id, 'reopen'));
  }

  /** @param {number} id @returns {Promise<Wire.PageOfDecision>} oldest first */
  decisions(id) {
    return this.get(this.#urls.product(id, 'decisions'));
  }

  /** What a webhook can listen to. @returns {Promise<Wire.EventGroup[]>} */
  async eventGroups() {
    return (await this.get(this.#urls.webhookEvents)).items;
  }

  /** @param {number} id @returns {Promise<Wire.Webhook>} */
  webhook(id) {
    return this.get(this.#urls.webhooks(id));
  }

  /** @param {number} id @param {number} hours for how long both secrets sign @returns {Promise<Wire.WebhookWithSecret>} */
  rotateSecret(id, hours) {
    return this.change('POST', this.#urls.webhookAction(id, 'secret'), { overlap_hours: hours });
  }

  /** @param {number} id @returns {Promise<Wire.Delivery>} the delivery of a test */
  testWebhook(id) {
    return this.change('POST', this.#urls.webhookAction(id, 'test'));
  }

  /** @param {number} id @param {Wire.Paging} query @returns {Promise<Wire.PageOfDelivery>} the newest first */
  deliveries(id, query) {
    return this.get(this.#urls.deliveries(id, query));
  }

  /** @param {number} id @param {number} deliveryId @returns {Promise<Wire.Delivery>} the delivery, which is sent again */
  replay(id, deliveryId) {
    return this.change('POST', this.#urls.replay(id, deliveryId));
  }

  /** How the installation stands. @param {'ru'|'en'} locale @returns {Promise<Wire.Examined>} */
  examined(locale) {
    return this.get(this.#urls.doctor({ locale }));
  }

  /** What the doctor's browser half connects to. */
  get road() {
    return this.#urls.road;
  }

  /** Messages that hold words. @param {Wire.SearchQuery} query @param {AbortSignal} signal @returns {Promise<Wire.PageOfFound>} */
  search(query, signal) {
    return this.get(this.#urls.search(query), { signal });
  }
}

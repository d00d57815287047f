import { el } from '../../shared/dom.js';
import { NewWebhook } from './webhook-new.js';
import { WebhookList } from './webhook-list.js';
import { WebhookPage } from './webhook-page.js';

/** The section of webhooks: all of them, one of them, or the form for a new one. */
export class WebhooksView {
  #options;
  #which;
  #page = null;
  /** The secret of a webhook that was just added, for its page alone. @type {{id: number, secret: string}|null} */
  #made = null;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   */
  constructor({ api, t, clock }) {
    this.#options = { api, t, clock };
    this.element = el('div', { class: 'webhooks' });
  }

  /** @param {number|'new'|null} which null for the list */
  open(which) {
    if (which === this.#which) return;
    const moved = this.#page !== null;
    this.#page?.disconnect();
    this.#which = which;
    this.#page = this.#make(which);
    this.#made = null;
    this.element.replaceChildren(this.#page.element);
    this.#page.connect();
    if (moved) this.#page.focus();
  }

  /** Stops. */
  disconnect() {
    this.#page?.disconnect();
  }

  #make(which) {
    if (which === null) return new WebhookList(this.#options);
    if (which === 'new') return new NewWebhook({ ...this.#options, onMade: (hook) => this.#show(hook) });
    const secret = this.#made?.id === which ? this.#made.secret : null;
    return new WebhookPage({ ...this.#options, id: which, secret });
  }

  /** In the place of the form, so that the way back does not lead to it. */
  #show({ id, secret }) {
    this.#made = { id, secret };
    location.replace(`#/webhooks/${id}`);
  }
}

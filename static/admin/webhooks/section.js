import { el } from '../../shared/dom.js';
import { styleSheet } from '../parts/styles.js';
import { numberOf } from '../router.js';
import { NewWebhook } from './new.js';
import { WebhookList } from './list.js';
import { WebhookPage } from './page.js';
import { words } from './phrases.js';

await styleSheet(new URL('./webhooks.css', import.meta.url));

/** The section of webhooks: all of them, one of them, or the form for a new one. */
export default class WebhooksSection {
  #options;
  /** @type {number|'new'|null|undefined} */
  #which;
  #page = null;
  /** The secret of a webhook that was just added, for its page alone. @type {{id: number, secret: string}|null} */
  #made = null;

  /** @param {import('../desk.js').DeskParts} desk */
  constructor({ api, clock, speak }) {
    this.#options = { api, t: speak(words), clock };
    this.element = el('div', { class: 'webhooks' });
  }

  /** @param {import('../router.js').Place} place the list, or a webhook's id, or `new` */
  show({ parts: [part] }) {
    const which = part === 'new' ? part : numberOf(part);
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

  hide() {
    this.#page?.disconnect();
    this.#page = null;
    this.#which = undefined;
  }

  disconnect() {
    this.hide();
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

import { el } from '../shared/dom.js';
import { statusWords } from './status-words.js';

const KEPT = 20;
const KNOWN = new Set(['product_added', 'product_updated', 'product_deleted', 'order_status', 'new_subscriber', 'shop_updated']);

/** What has happened, the newest first. */
export class Events {
  #t;
  #clock;
  #list = el('ol', { class: 'events', role: 'log', 'aria-labelledby': 'events-title', 'data-testid': 'events' });
  #empty;

  /** @param {(key: string, params?: object) => string} t @param {import('../shared/i18n.js').Clock} clock */
  constructor(t, clock) {
    this.#t = t;
    this.#clock = clock;
    this.#empty = el('p', { class: 'field__hint' }, t('no_events'));
    const title = el('h2', { id: 'events-title' }, t('events'));
    this.element = el('section', { class: 'card' }, title, this.#empty, this.#list);
  }

  /** @param {import('./broadcasts.js').Broadcast} event as the bot sent it */
  heard(event) {
    this.#empty.hidden = true;
    const now = new Date().toISOString();
    const shop = event.shopId === undefined ? '' : ` · ${this.#t('of_shop', { id: event.shopId })}`;
    const time = el('time', { datetime: now }, this.#clock.time(now));
    this.#list.prepend(el('li', { class: 'event' }, time, el('span', {}, this.#words(event) + shop)));
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild.remove();
  }

  #words(event) {
    if (!KNOWN.has(event.type)) return event.type;
    const status = event.status === undefined ? '' : statusWords(this.#t, event.status);
    return this.#t(`event_${event.type}`, { ...event, status });
  }
}

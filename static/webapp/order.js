import { input, labelled } from '../shared/fields.js';
import { el } from '../shared/dom.js';
import { statusWords } from './status-words.js';

/** What can be the name of a room: no spaces, no commas. */
const NUMBER = /^[^\s,\p{Cc}]{1,64}$/u;

/** One order whose status is followed. */
export class Order {
  #t;
  #clock;
  #onFollow;
  #form;
  #field;
  #wrong;
  #card = el('div', { class: 'order', role: 'status', hidden: true, 'data-testid': 'order' });
  #unfollow;
  #number = null;

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../shared/i18n.js').Clock} options.clock
   * @param {(number: string|null) => void} options.onFollow
   */
  constructor({ t, clock, onFollow }) {
    this.#t = t;
    this.#clock = clock;
    this.#onFollow = onFollow;
    const known = { 'data-testid': 'order-number', autocomplete: 'off', 'aria-describedby': 'order-wrong', maxlength: '80' };
    this.#field = input('', known);
    this.#wrong = el('p', { class: 'failure', id: 'order-wrong', role: 'alert', hidden: true }, t('order_wrong'));
    const follow = el('button', { class: 'button button--primary', 'data-testid': 'follow' }, t('follow'));
    this.#unfollow = el(
      'button',
      { type: 'button', class: 'link-button', hidden: true, 'data-testid': 'unfollow', onclick: () => this.#set(null) },
      t('unfollow'),
    );
    const fields = el('div', { class: 'order__form' }, labelled(t('order_number'), this.#field), follow);
    this.#form = el('form', { novalidate: true, onsubmit: (event) => this.#submit(event) }, fields, this.#wrong);
    const title = el('h2', { id: 'order-title' }, t('order'));
    const hint = el('p', { class: 'field__hint' }, t('order_hint'));
    this.element = el('section', { class: 'card', 'aria-labelledby': 'order-title' }, title, this.#form, hint, this.#card, this.#unfollow);
  }

  /** @returns {string|null} the order that is followed */
  get number() {
    return this.#number;
  }

  /** Follows an order that the page's address names. @param {string|null} number */
  begin(number) {
    if (!number || !NUMBER.test(number)) return;
    this.#field.value = number;
    this.#set(number);
  }

  /** @param {{orderId: number|string, status: string}} event */
  heard({ orderId, status }) {
    if (String(orderId) !== this.#number) return;
    const now = new Date().toISOString();
    this.#show(statusWords(this.#t, status), this.#t('order_since', { time: this.#clock.time(now) }));
  }

  #submit(event) {
    event.preventDefault();
    const number = this.#field.value.trim();
    const good = NUMBER.test(number);
    this.#wrong.hidden = good;
    this.#field.setAttribute('aria-invalid', String(!good));
    if (good && number !== this.#number) this.#set(number);
  }

  #set(number) {
    this.#number = number;
    this.#unfollow.hidden = this.#card.hidden = number === null;
    if (number === null) this.#field.value = '';
    else this.#show(this.#t('order_waiting'), '');
    this.#onFollow(number);
  }

  #show(words, when) {
    const name = el('span', { class: 'order__number' }, `${this.#t('order')} ${this.#number}`);
    const status = el('strong', { class: 'order__status', 'data-testid': 'order-status' }, words);
    this.#card.replaceChildren(name, status, el('span', { class: 'order__when' }, when));
  }
}

import { el } from '../../shared/dom.js';
import { ProblemLine } from '../parts/problem-line.js';
import { productWords } from './product-list.js';

const PAGE = 50;
/** Many decisions at once are looked at once. */
const SETTLE_MS = 300;

/** The products that were approved or rejected, the newest first, with their history and the way back to the queue. */
export class DecidedList {
  #options;
  #items = el('ul', { class: 'decided', 'data-testid': 'decided' });
  #problem;
  #empty = el('p', { class: 'moderation__empty', hidden: true });
  #more;
  #next = null;
  #settling = 0;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => (amount: number) => string} options.money
   * @param {'approved'|'rejected'} options.status
   */
  constructor(options) {
    this.#options = options;
    const { t, status } = options;
    this.#problem = new ProblemLine(t);
    this.#empty.textContent = t(`none_${status}`);
    const more = () => this.#problem.attempt(() => this.#load(this.#next));
    this.#more = el('button', { type: 'button', class: 'button', hidden: true, onclick: more }, t('more'));
    this.element = el('div', { class: 'moderation__list' }, this.#problem.element, this.#items, this.#empty, this.#more);
  }

  /** Loads the newest ones. */
  connect() {
    this.#problem.attempt(() => this.#load());
  }

  /** Stops looking. */
  disconnect() {
    clearTimeout(this.#settling);
  }

  /** A decision was made somewhere: look again. */
  apply() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.connect(), SETTLE_MS);
  }

  async #load(before) {
    const { api, status } = this.#options;
    const page = await api.products({ status, limit: PAGE, before });
    const rows = page.items.map((product) => this.#row(product));
    if (before) this.#items.append(...rows);
    else this.#items.replaceChildren(...rows);
    this.#next = page.next;
    this.#more.hidden = page.next === null;
    this.#empty.hidden = this.#items.children.length > 0;
  }

  #row(product) {
    const { t, clock, money } = this.#options;
    const history = el('ol', { class: 'history' });
    const button = { type: 'button', class: 'button', onclick: () => this.#problem.attempt(() => this.#reopen(product.id, row)), 'data-testid': 'reopen' };
    const open = (event) => event.target.open && this.#problem.attempt(() => this.#history(product, history));
    const row = el(
      'li',
      { class: 'product product--decided', 'data-testid': 'decided-product', 'data-product-id': product.id },
      ...productWords(product, money(), clock).slice(1),
      el(
        'details',
        { class: 'product__history', ontoggle: open, 'data-testid': 'history' },
        el('summary', {}, t('decisions')),
        history,
      ),
      el('button', { ...button, 'aria-label': t('reopen_named', { name: product.name }) }, t('reopen_product')),
    );
    return row;
  }

  async #reopen(id, row) {
    await this.#options.api.reopenProduct(id);
    row.remove();
    this.#empty.hidden = this.#items.children.length > 0;
  }

  async #history({ id }, list) {
    const { api, t, clock, money } = this.#options;
    const { items } = await api.decisions(id);
    const line = ({ status, admin, created_at: at, approval_fee: fee, moderation_notes: notes }) =>
      el(
        'li',
        { class: 'history__line', 'data-testid': 'decision' },
        el('span', {}, t(`decided_${status}`), fee === null ? '' : ` · ${t('fee_of', { fee: money()(fee) })}`),
        el('span', { class: 'history__about' }, admin ? admin.name : t('decided_by_nobody'), ' · ', el('time', { datetime: at }, clock.full(at))),
        notes && el('span', { class: 'history__notes' }, notes),
      );
    list.replaceChildren(...items.map(line));
  }
}

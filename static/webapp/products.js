import { el } from '../shared/dom.js';

/** What is heard within this time of a load is loaded together: an admin may approve five hundred at once. */
const GATHER_MS = 1000;

/** The list of products. What was not in it before is marked as new for a while. */
export class Products {
  #t;
  #locale;
  #load;
  #known = null;
  #busy = false;
  #again = false;
  #loadedAt = -Infinity;
  #timer = 0;
  #list = el('ul', { class: 'products', 'data-testid': 'products' });
  #count = el('span', { class: 'count', 'data-testid': 'products-count' });
  #failure;
  #empty;

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {'ru'|'en'} options.locale
   * @param {() => Promise<{products: import('./catalogue.js').Product[], currency: string, withShops: boolean}|null>} options.load
   *   null for what is not wanted any more; `withShops` when each product says whose it is
   */
  constructor({ t, locale, load }) {
    this.#t = t;
    this.#locale = locale;
    this.#load = load;
    const retry = el('button', { type: 'button', class: 'link-button', onclick: () => this.refresh() }, t('retry'));
    this.#failure = el('p', { class: 'failure', role: 'alert', hidden: true }, `${t('products_failed')} `, retry);
    this.#empty = el('p', { class: 'empty', hidden: true }, t('no_products'));
    const title = el('h2', { id: 'products-title' }, t('products'));
    this.element = el(
      'section',
      { class: 'goods', 'aria-labelledby': 'products-title' },
      el('div', { class: 'goods__head' }, title, this.#count),
      this.#failure,
      this.#empty,
      this.#list,
    );
  }

  /** Forgets what was shown, as for another shop. */
  clear() {
    this.#known = null;
    this.#list.replaceChildren();
    this.#count.textContent = '';
    this.#empty.hidden = true;
  }

  /** Something has changed: loads the list anew, at once after a pause and at most once a second. */
  changed() {
    if (this.#timer) return;
    const wait = Math.max(0, this.#loadedAt + GATHER_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.refresh();
    }, wait);
  }

  /** Loads the list anew. Who asks meanwhile has it loaded once more. */
  async refresh() {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    do {
      this.#again = false;
      this.#loadedAt = performance.now();
      try {
        const found = await this.#load();
        if (found) this.#show(found);
        this.#failure.hidden = true;
      } catch {
        this.#failure.hidden = false;
      }
    } while (this.#again);
    this.#busy = false;
  }

  #show({ products, currency, withShops }) {
    const before = this.#known;
    this.#known = new Set(products.map((product) => product.id));
    const price = new Intl.NumberFormat(this.#locale, { style: 'currency', currency, minimumFractionDigits: 0 });
    const items = products.map((product) => {
      const fresh = before !== null && !before.has(product.id);
      return el(
        'li',
        { class: fresh ? 'product product--new' : 'product', 'data-testid': 'product', 'data-product-id': product.id },
        el('h3', { dir: 'auto' }, product.name),
        product.description && el('p', { class: 'product__text', dir: 'auto' }, product.description),
        withShops && el('p', { class: 'product__shop', dir: 'auto' }, product.shop_name),
        el('p', { class: 'product__price' }, price.format(product.price)),
      );
    });
    this.#list.replaceChildren(...items);
    this.#empty.hidden = products.length > 0;
    this.#count.textContent = products.length ? this.#t('products_count', { n: products.length }) : '';
  }
}

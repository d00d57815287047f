import { el, icon } from '../../shared/dom.js';
import { arrange } from '../parts/rows.js';

/** The Latin letter of a key, in whatever layout: the same keys must work while one writes Russian. */
export function letter({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return /^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : '';
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 };

/**
 * The products that wait, as a list box: one row has the focus, any number are selected (WAI-ARIA, listbox).
 * Rows outlive a redraw; when the focused one leaves, the focus goes to the one that takes its place.
 */
export class ProductList {
  #options;
  /** @type {Map<number, {node: HTMLElement, product: Wire.ModeratedProduct, drawn: string}>} */
  #rows = new Map();
  /** @type {Set<number>} */
  #selected = new Set();
  #active = null;

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => void} options.onSelect the selection has changed
   */
  constructor(options) {
    this.#options = options;
    const label = options.t('waiting_products');
    this.element = el('ul', {
      ...{ class: 'products', role: 'listbox', 'aria-multiselectable': 'true', 'aria-label': label },
      'data-testid': 'queue',
      onkeydown: (event) => this.#pressed(event),
      onclick: (event) => this.#clicked(event),
      onfocusin: (event) => this.#focused(event),
    });
  }

  /** @param {Wire.ModeratedProduct[]} products @param {(amount: number) => string} money */
  render(products, money) {
    const before = [...this.element.children];
    const held = document.activeElement?.closest?.('.product');
    const nodes = products.map((product) => this.#row(product, money).node);
    const kept = new Set(products.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    for (const id of this.#selected) if (!kept.has(id)) this.#selected.delete(id);
    arrange(this.element, nodes);
    if (!this.#rows.has(this.#active)) this.#activate(nodes[Math.min(Math.max(before.indexOf(this.#node(before)), 0), nodes.length - 1)]);
    if (held && before.includes(held) && !held.isConnected) this.focus();
    this.element.hidden = nodes.length === 0;
    this.#mark();
  }

  /** What a decision would be about: the selected ones, else the one with the focus. @returns {Wire.ModeratedProduct[]} */
  get chosen() {
    const ids = this.#selected.size > 0 ? [...this.#selected] : [this.#active];
    return ids.map((id) => this.#rows.get(id)?.product).filter(Boolean).sort((a, b) => a.id - b.id);
  }

  /** How many are selected. */
  get selected() {
    return this.#selected.size;
  }

  /** Selects every one, or none. @param {boolean} all */
  select(all) {
    this.#selected = new Set(all ? this.#rows.keys() : []);
    this.#mark();
  }

  /** Moves the focus to the row that has its turn. */
  focus() {
    this.#rows.get(this.#active)?.node.focus();
  }

  #row(product, money) {
    let row = this.#rows.get(product.id);
    if (!row) {
      const node = el('li', { class: 'product', role: 'option', tabindex: '-1', 'data-testid': 'product', 'data-product-id': product.id });
      row = { node, product, drawn: '' };
      this.#rows.set(product.id, row);
    }
    row.product = product;
    const drawn = JSON.stringify([product, money(product.price), new Date().toDateString()]);
    if (row.drawn !== drawn) {
      row.drawn = drawn;
      row.node.replaceChildren(...productWords(product, money, this.#options.clock));
    }
    return row;
  }

  #activate(node) {
    this.#active = node ? Number(node.dataset.productId) : null;
  }

  #node(nodes) {
    return nodes.find((node) => Number(node.dataset.productId) === this.#active);
  }

  #mark() {
    for (const [id, { node }] of this.#rows) {
      node.setAttribute('aria-selected', String(this.#selected.has(id)));
      node.tabIndex = id === this.#active ? 0 : -1;
    }
    this.#options.onSelect();
  }

  #toggle(id) {
    if (!this.#selected.delete(id)) this.#selected.add(id);
    this.#mark();
  }

  #clicked(event) {
    const node = event.target.closest('.product');
    if (!node || String(getSelection())) return; // somebody marks text to copy it
    this.#toggle(Number(node.dataset.productId));
  }

  #focused(event) {
    this.#activate(event.target.closest('.product'));
    this.#mark();
  }

  #pressed(event) {
    if (event.altKey) return;
    const key = letter(event) || event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key !== 'a') return;
      this.select(true);
    } else if (key === ' ') {
      this.#toggle(this.#active);
    } else if (key === 'Escape') {
      this.select(false);
    } else if (!this.#move(key, event.shiftKey)) {
      return;
    }
    event.preventDefault();
  }

  #move(key, extend) {
    const nodes = [...this.element.children];
    const at = nodes.indexOf(this.#node(nodes));
    const to = { Home: 0, End: nodes.length - 1 }[key] ?? (STEPS[key] && at + STEPS[key]);
    if (to === undefined) return false;
    if (extend) this.#selected.add(this.#active);
    const next = nodes[Math.min(Math.max(to, 0), nodes.length - 1)];
    if (next instanceof HTMLElement) next.focus();
    if (extend) this.#selected.add(this.#active);
    this.#mark();
    return true;
  }
}

/** A product's row. @param {Wire.ModeratedProduct} product @param {(amount: number) => string} money @param {import('../../shared/i18n.js').Clock} clock */
export function productWords(product, money, clock) {
  const { name, price, shop_name: shop, created_at: created, description } = product;
  return [
    el('span', { class: 'product__check', 'aria-hidden': 'true' }, icon('check')),
    el('span', { class: 'product__name' }, name),
    el('span', { class: 'product__price' }, money(price)),
    el(
      'span',
      { class: 'product__about' },
      el('span', {}, shop),
      el('time', { datetime: created, title: clock.full(created) }, clock.brief(created)),
    ),
    description && el('span', { class: 'product__text' }, description),
  ].filter(Boolean);
}

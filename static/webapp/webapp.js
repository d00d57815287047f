import { choice, labelled } from '../shared/fields.js';
import { el } from '../shared/dom.js';
import { Clock, pickLocale, translator } from '../shared/i18n.js';
import { StateBadge } from '../shared/state-badge.js';
import { SafeStorage } from '../shared/storage.js';
import { Account } from './account.js';
import { Broadcasts } from './broadcasts.js';
import { approvedProducts, currencyOfPrices } from './catalogue.js';
import { Events } from './events.js';
import { Order } from './order.js';
import { phrases } from './phrases.js';
import { Products } from './products.js';
import { WebappSession } from './session.js';

const ALL = '';
/** Of a shop's own events these change what its page shows. */
const REFETCH = new Set(['product_added', 'product_updated', 'product_deleted', 'shop_updated']);
const SHOP = /^[^\s,\p{Cc}]{1,64}$/u;

/** The page of a shop, or of all: products, an order's status and new subscribers, as bots tell of them. */
class Webapp {
  #locale = pickLocale();
  #t = translator(phrases, this.#locale);
  #badge = new StateBadge(this.#t);
  #config = JSON.parse(document.getElementById('replyx-config').textContent);
  #title = el('h1', { 'data-testid': 'shop-name' });
  #count = el('output', { class: 'subscribers__count', 'data-testid': 'subscribers' }, '0');
  #shops = new Map();
  #shop = ALL;
  #subscribers = 0;
  #picker;
  #products;
  #order;
  #account;
  #events;
  #broadcasts;

  /** Shows itself in `root` and connects. @param {HTMLElement} root */
  connect(root) {
    document.documentElement.lang = this.#locale;
    const asked = new URL(location.href).searchParams;
    this.#shop = SHOP.test(asked.get('shop') ?? '') ? asked.get('shop') : ALL;
    this.#build(root);
    this.#broadcasts = new Broadcasts({
      onEvent: (event) => this.#heard(event),
      onState: (state) => this.#badge.show(state),
      onLive: () => this.#live(),
    });
    this.#order.begin(asked.get('order'));
    this.#broadcasts.connect(this.#rooms());
    this.#refresh();
    this.#account.connect();
  }

  #build(root) {
    const t = this.#t;
    const clock = new Clock(this.#locale, t);
    this.#products = new Products({ t, locale: this.#locale, load: () => this.#load() });
    this.#order = new Order({ t, clock, onFollow: () => this.#moved() });
    this.#events = new Events(t, clock);
    this.#account = new Account({ t, locale: this.#locale, session: new WebappSession(), storage: new SafeStorage() });
    this.#picker = choice(ALL, []);
    this.#picker.dataset.testid = 'shop';
    this.#picker.addEventListener('change', () => this.#turnTo(this.#picker.value));
    const subscribers = el(
      'section',
      { class: 'card subscribers', 'aria-labelledby': 'subscribers-title' },
      el('h2', { id: 'subscribers-title' }, t('subscribers')),
      this.#count,
      el('p', { class: 'field__hint' }, t('subscribers_since')),
    );
    root.replaceChildren(
      el('header', { class: 'webapp__header' }, this.#title, this.#badge.element),
      el(
        'main',
        { class: 'webapp__main' },
        el('div', { class: 'webapp__shop' }, labelled(t('shop'), this.#picker), this.#products.element),
        el('div', { class: 'webapp__side' }, this.#order.element, subscribers, this.#account.element, this.#events.element),
      ),
    );
    this.#name();
  }

  /** A shop hears its own room; all shops are heard without one, unless orders need theirs. */
  #rooms() {
    const order = this.#order.number === null ? [] : [`order:${this.#order.number}`];
    if (this.#shop !== ALL) return [`shop:${this.#shop}`, ...order];
    if (!order.length || !this.#config.private_types.includes('order_status')) return [];
    return [...order, ...[...this.#shops.keys()].slice(0, 90).map((id) => `shop:${id}`)];
  }

  #turnTo(shop) {
    this.#shop = shop;
    this.#subscribers = 0;
    this.#count.textContent = '0';
    this.#products.clear();
    this.#name();
    this.#moved();
    this.#refresh();
  }

  /** Another shop or order: the rooms follow, and so does the address, which can be kept and sent to somebody. */
  #moved() {
    const url = new URL(location.href);
    for (const [name, value] of [['shop', this.#shop], ['order', this.#order.number]]) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    history.replaceState(null, '', url);
    this.#broadcasts?.follow(this.#rooms());
  }

  #heard(event) {
    this.#events.heard(event);
    if (event.type === 'order_status') this.#order.heard(event);
    if (this.#shop !== ALL && String(event.shopId) !== this.#shop) return;
    if (event.type === 'new_subscriber') {
      this.#subscribers += 1;
      this.#count.textContent = String(this.#subscribers);
    }
    if (REFETCH.has(event.type)) this.#products.changed();
  }

  /** What happened while the page was cut off may be unknown. */
  #live() {
    this.#refresh();
    this.#account.check();
  }

  #refresh() {
    return this.#products.refresh();
  }

  async #load() {
    const shop = this.#shop;
    const all = shop === ALL;
    const [products, currency] = await Promise.all([approvedProducts(all ? null : shop), currencyOfPrices()]);
    if (shop !== this.#shop) return null; // another shop was chosen meanwhile, and is loaded next
    for (const product of products) this.#shops.set(String(product.shop_id), product.shop_name);
    if (!all && this.#picker.options.length <= 2) {
      for (const product of await approvedProducts(null)) this.#shops.set(String(product.shop_id), product.shop_name);
    }
    this.#name();
    return { products, currency, withShops: all };
  }

  #name() {
    const t = this.#t;
    const names = new Map(this.#shops);
    if (this.#shop !== ALL && !names.has(this.#shop)) names.set(this.#shop, t('shop_id', { id: this.#shop }));
    const options = [[ALL, t('all_shops')], ...names].map(([id, name]) => el('option', { value: id }, name));
    this.#picker.replaceChildren(...options);
    this.#picker.value = this.#shop;
    const name = this.#shop === ALL ? t('all_shops') : names.get(this.#shop);
    this.#title.textContent = name;
    document.title = `${name} — ${t('title')}`;
  }
}

new Webapp().connect(document.getElementById('webapp'));

import { el } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';
import { DecidedList } from './decided-list.js';
import { PlatformCard } from './platform-card.js';
import { ProductList, letter } from './product-list.js';
import { askVerdict } from './verdict-dialog.js';
import { VerdictList } from './verdict-list.js';

/** @typedef {'pending'|'approved'|'rejected'} Products which of the products are shown */

/** @type {Products[]} */
const TABS = ['pending', 'approved', 'rejected'];
const KEYS = [
  ['↑ ↓', 'J K', 'key_move'],
  ['␣', null, 'key_select'],
  ['⇧ ↑ ↓', null, 'key_extend'],
  ['Ctrl A', null, 'key_all'],
  ['Esc', null, 'key_none'],
  ['A', null, 'key_approve'],
  ['⇧ A', null, 'key_approve_with'],
  ['R', null, 'key_reject'],
  ['U', null, 'key_undo'],
];

/** The page of moderation: the queue with its decisions, what was decided before, the platform's settings. */
export class ModerationView {
  #options;
  #tabs;
  #products;
  #verdicts;
  #decided = null;
  #platform;
  #list = el('div', { class: 'moderation__list' });
  #bar;
  #keys;
  #buttons;
  #all;
  #count = el('span', { class: 'moderation__count', role: 'status', 'data-testid': 'selected' });
  #told = el('p', { class: 'moderation__empty' });
  #again;
  #more;
  #settings;
  #status = null;
  #pressed = (event) => this.#key(event);

  /**
   * @param {object} options
   * @param {import('./moderation.js').Moderation} options.moderation
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => (amount: number) => string} options.money
   * @param {Wire.PlatformSettings} options.settings
   * @param {(settings: Wire.PlatformSettings) => void} options.onSettings
   */
  constructor(options) {
    this.#options = options;
    const { moderation, api, t, clock, settings, onSettings } = options;
    this.#settings = settings;
    const link = (status) => [status, el('a', { class: 'tab', href: `#/moderation/${status}`, 'data-testid': `products-${status}` }, t(`products_${status}`))];
    this.#tabs = Object.fromEntries(TABS.map(link));
    this.#verdicts = new VerdictList({ t, verdicts: moderation.verdicts });
    this.#products = new ProductList({ t, clock, onSelect: () => this.#choose() });
    this.#platform = new PlatformCard({ api, t, settings, onSaved: onSettings });
    this.#bar = this.#makeBar();
    this.#keys = this.#makeKeys();
    const load = () => moderation.queue.load().catch((error) => error.status === undefined && console.error(error));
    this.#again = el('button', { type: 'button', class: 'button', hidden: true, onclick: load }, t('retry'));
    const more = () => moderation.queue.more().catch((error) => error.status === undefined && console.error(error));
    this.#more = el('button', { type: 'button', class: 'button', hidden: true, onclick: more }, t('more'));
    this.element = el(
      'div',
      { class: 'moderation' },
      el('h1', {}, t('moderation')),
      el('nav', { class: 'tabs moderation__tabs', 'aria-label': t('products') }, ...Object.values(this.#tabs)),
      this.#list,
      this.#keys,
      this.#verdicts.element,
      this.#platform.element,
    );
  }

  /** Begins to listen. */
  connect() {
    document.addEventListener('keydown', this.#pressed);
    this.#verdicts.connect();
  }

  /** Puts the focus into the queue. */
  focus() {
    this.#products.focus();
  }

  /** Stops. */
  disconnect() {
    document.removeEventListener('keydown', this.#pressed);
    this.#verdicts.disconnect();
    this.#decided?.disconnect();
  }

  /** Shows the queue or what was decided. @param {Products} status */
  open(status) {
    if (status === this.#status) return;
    this.#status = status;
    for (const [name, tab] of Object.entries(this.#tabs)) tab.setAttribute('aria-current', String(name === status));
    this.#keys.hidden = status !== 'pending';
    this.#decided?.disconnect();
    this.#decided = null;
    if (status === 'pending') {
      this.#list.replaceChildren(this.#bar, this.#products.element, this.#told, this.#again, this.#more);
    } else {
      this.#decided = new DecidedList({ ...this.#options, status });
      this.#list.replaceChildren(this.#decided.element);
      this.#decided.connect();
    }
  }

  /** @param {Wire.Event} event */
  apply(event) {
    if (event.type.startsWith('product.')) this.#decided?.apply();
  }

  /** @param {Wire.PlatformSettings} settings the platform's, as they are now */
  render(settings) {
    const { moderation, t, money } = this.#options;
    const { queue, waiting } = moderation;
    this.#settings = settings;
    this.#platform.show(settings);
    const working = this.#bar.contains(document.activeElement) || this.#products.element.contains(document.activeElement);
    this.#verdicts.render();
    this.#products.render(waiting, money());
    if (working && waiting.length === 0) this.#verdicts.focus();
    this.#bar.hidden = waiting.length === 0;
    this.#told.hidden = waiting.length > 0 && !queue.problem;
    this.#told.dataset.kind = queue.problem ? 'problem' : 'empty';
    this.#told.textContent = this.#words(queue, t);
    this.#again.hidden = !queue.problem;
    this.#more.hidden = !queue.hasMore || Boolean(queue.problem);
  }

  #words({ problem, loaded, hasMore }, t) {
    if (problem) return problemWords(problem, t);
    if (!loaded) return t('loading');
    return t(hasMore ? 'none_shown' : 'none_pending');
  }

  #makeBar() {
    const { t } = this.#options;
    const button = (name, kind, key, act) =>
      el('button', { type: 'button', class: `button ${kind}`, onclick: act, 'data-testid': name }, t(name), el('kbd', {}, key));
    this.#all = el('input', { type: 'checkbox', onchange: () => this.#products.select(this.#all.checked), 'data-testid': 'select-all' });
    this.#buttons = {
      approve: button('approve', 'button--primary', 'A', () => this.#approve()),
      approve_with: button('approve_with', '', '⇧A', () => this.#ask('approve')),
      reject: button('reject', 'button--quiet', 'R', () => this.#ask('reject')),
    };
    return el(
      'div',
      { class: 'moderation__bar', role: 'toolbar', 'aria-label': t('decide') },
      el('label', { class: 'moderation__all' }, this.#all, el('span', {}, t('select_all'))),
      this.#count,
      el('span', { class: 'moderation__buttons' }, ...Object.values(this.#buttons)),
    );
  }

  #choose() {
    if (!this.#buttons) return; // while the page is being built
    const { t, moderation } = this.#options;
    const { selected, chosen } = this.#products;
    const all = moderation.waiting.length;
    this.#all.checked = selected > 0 && selected === all;
    this.#all.indeterminate = selected > 0 && selected < all;
    this.#count.textContent = selected ? t('selected', { n: selected }) : '';
    for (const button of Object.values(this.#buttons)) button.disabled = chosen.length === 0;
  }

  #approve() {
    this.#decide('approve', this.#products.chosen, {});
  }

  async #ask(action) {
    const { t, money } = this.#options;
    const products = this.#products.chosen;
    if (products.length === 0) return;
    const fields = await askVerdict({ place: this.element, action, products, t, settings: this.#settings, money: money() });
    if (fields) this.#decide(action, products, fields);
  }

  /** Drawn at once: whoever types fast must not decide about the same product a second time. */
  #decide(action, products, fields) {
    if (products.length === 0) return;
    this.#products.select(false);
    this.#options.moderation.verdicts.hold(action, products, fields);
    this.render(this.#settings);
  }

  #key(event) {
    const inList = this.#products.element.contains(event.target);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!inList && !this.#verdicts.element.contains(event.target)) return;
    const act = {
      a: inList && (() => (event.shiftKey ? this.#ask('approve') : this.#approve())),
      r: inList && (() => this.#ask('reject')),
      u: () => this.#undo(),
    }[letter(event)];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #undo() {
    this.#options.moderation.verdicts.undoLast();
    this.render(this.#settings);
    if (!this.element.contains(document.activeElement)) this.#products.focus();
  }

  #makeKeys() {
    const { t } = this.#options;
    const row = ([key, other, what]) => [
      el('dt', {}, el('kbd', {}, key), other && el('kbd', {}, other)),
      el('dd', {}, t(what)),
    ];
    return el(
      'details',
      { class: 'keys', 'data-testid': 'keys' },
      el('summary', {}, t('keys')),
      el('p', { class: 'keys__text' }, t('keys_text')),
      el('dl', { class: 'keys__list' }, ...KEYS.flatMap(row)),
    );
  }
}

import { el, icon } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';
import { arrange } from '../parts/rows.js';

/** What has just been decided: what can still be taken back, what is on its way, what came of it. */
export class VerdictList {
  #options;
  /** @type {Map<number, {node: HTMLElement, countdown: HTMLElement, drawn: string}>} */
  #rows = new Map();
  #beat = 0;

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('./verdicts.js').Verdicts} options.verdicts
   */
  constructor(options) {
    this.#options = options;
    this.element = el('ul', { class: 'verdicts', 'aria-live': 'polite', 'data-testid': 'verdicts' });
  }

  /** Begins to count. */
  connect() {
    this.#beat = setInterval(() => this.#count(), 250);
  }

  /** Stops counting. */
  disconnect() {
    clearInterval(this.#beat);
  }

  /** Puts the focus where the newest decision can be taken back. */
  focus() {
    this.element.querySelector('button')?.focus();
  }

  /** Shows the decisions as they are now. */
  render() {
    const { list } = this.#options.verdicts;
    const kept = new Set(list.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    arrange(this.element, list.map((verdict) => this.#row(verdict).node));
    this.#count();
  }

  #row(verdict) {
    let row = this.#rows.get(verdict.id);
    if (!row) {
      const node = el('li', { class: 'verdict', 'data-testid': 'verdict' });
      const countdown = el('span', { class: 'verdict__countdown', 'aria-hidden': 'true' });
      row = { node, countdown, drawn: '' };
      this.#rows.set(verdict.id, row);
    }
    const { state, products, results, problem } = verdict;
    const drawn = JSON.stringify([state, products.length, results.map(({ outcome }) => outcome), problem?.code]);
    if (row.drawn !== drawn) {
      row.drawn = drawn;
      row.node.dataset.state = state;
      row.node.dataset.action = verdict.action;
      row.node.replaceChildren(...this.#words(verdict, row.countdown));
    }
    return row;
  }

  #words(verdict, countdown) {
    const { t, verdicts } = this.#options;
    const { id, state, results, problem } = verdict;
    const button = (name, act, extra = null) =>
      el('button', { type: 'button', class: 'button', onclick: act, 'data-testid': `verdict-${name}` }, t(name), extra);
    const actions = {
      held: [countdown, button('undo', () => verdicts.remove(id), el('kbd', {}, 'U'))],
      sending: [],
      failed: [button('retry', () => verdicts.retry(id)), button('undo', () => verdicts.remove(id))],
      done: [this.#dismiss(verdict)],
    }[state];
    const detail = problem && (problem.transient ? t('verdict_kept') : problemWords(problem, t));
    return [
      el('p', { class: 'verdict__words' }, this.#title(verdict), detail && el('span', { class: 'verdict__problem' }, detail)),
      el('span', { class: 'verdict__actions' }, ...actions),
      this.#worthTelling(verdict) && this.#results(results),
    ].filter(Boolean);
  }

  #title({ action, state, products, results }) {
    const { t } = this.#options;
    if (state === 'done') {
      const done = results.filter(({ outcome }) => outcome === 'done');
      if (done.length === 1 && results.length === 1) return t(`${action}_done_one`, { name: done[0].product.name });
      return t(`${action}_done`, { n: done.length, all: results.length });
    }
    if (products.length === 1) return t(`${action}_${state}_one`, { name: products[0].name });
    return t(`${action}_${state}`, { n: products.length });
  }

  /** One product whose title has said it all needs no list. */
  #worthTelling({ results }) {
    return results.length > 1 || results.some(({ outcome }) => outcome !== 'done');
  }

  #results(results) {
    const { t } = this.#options;
    const line = ({ product, outcome }) =>
      el(
        'li',
        { class: 'verdict__result', 'data-outcome': outcome, 'data-testid': 'verdict-result' },
        icon(outcome === 'done' ? 'check' : 'alert'),
        el('span', {}, product.name),
        el('span', { class: 'verdict__outcome' }, t(`outcome_${outcome}`)),
      );
    const open = results.length <= 5 || results.some(({ outcome }) => outcome !== 'done');
    return el(
      'details',
      { class: 'verdict__results', open },
      el('summary', {}, t('verdict_results', { n: results.length })),
      el('ul', {}, ...results.map(line)),
    );
  }

  #dismiss({ id }) {
    const { t, verdicts } = this.#options;
    const label = t('close');
    const attributes = { type: 'button', class: 'icon-button', title: label, 'aria-label': label };
    return el('button', { ...attributes, onclick: () => verdicts.remove(id), 'data-testid': 'verdict-close' }, icon('close'));
  }

  #count() {
    const now = performance.now();
    for (const { id, state, until } of this.#options.verdicts.list) {
      const seconds = String(Math.max(1, Math.ceil((until - now) / 1000)));
      const row = this.#rows.get(id);
      if (state === 'held' && row) row.countdown.textContent = this.#options.t('seconds', { n: seconds });
    }
  }
}

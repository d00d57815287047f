import { el } from './dom.js';

/** @typedef {'idle'|'connecting'|'live'|'offline'|'refused'} State */

/** Says in words and in colour how the connection is. Screen readers hear changes once, politely. */
export class StateBadge {
  #t;
  #words;

  /** @param {(key: string) => string} t knows `state_idle`, `state_live` and so on */
  constructor(t) {
    this.#t = t;
    this.#words = el('span', {});
    const dot = el('span', { class: 'state__dot', 'aria-hidden': 'true' });
    this.element = el('p', { class: 'state', role: 'status', 'data-testid': 'state' }, dot, this.#words);
    this.show('idle');
  }

  /** @param {State} state */
  show(state) {
    if (this.element.dataset.state === state) return;
    this.element.dataset.state = state;
    this.#words.textContent = this.#t(`state_${state}`);
  }
}

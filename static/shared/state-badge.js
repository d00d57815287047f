import { el } from './dom.js';

/** @typedef {'idle'|'connecting'|'live'|'offline'|'refused'} State */

/** Says in words and in colour how the connection is. Screen readers hear changes once, politely. */
export class StateBadge {
  #t;
  #words;
  #troubleAlone;

  /**
   * @param {(key: string) => string} t knows `state_idle`, `state_live` and so on
   * @param {{troubleAlone?: boolean}} [options] `troubleAlone`: no words while nothing is wrong
   */
  constructor(t, { troubleAlone = false } = {}) {
    this.#t = t;
    this.#troubleAlone = troubleAlone;
    this.#words = el('span', {});
    const dot = el('span', { class: 'state__dot', 'aria-hidden': 'true' });
    this.element = el('p', { class: 'state', role: 'status', 'data-testid': 'state' }, dot, this.#words);
    this.show('idle');
  }

  /** @param {State} state */
  show(state) {
    if (this.element.dataset.state === state) return;
    this.element.dataset.state = state;
    const untold = this.#troubleAlone && (state === 'idle' || state === 'live');
    this.#words.textContent = untold ? '' : this.#t(`state_${state}`);
  }
}

import { el } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';

/** Where a page tells of a request that failed. */
export class ProblemLine {
  #t;

  /** @param {(key: string, params?: object) => string} t @param {string|null} [testid] */
  constructor(t, testid = null) {
    this.#t = t;
    this.element = el('p', { class: 'form-error', role: 'alert', hidden: true, 'data-testid': testid });
  }

  /** Does something; what was wrong with it is told here. @param {() => Promise<void>} action @returns {Promise<boolean>} whether it went well */
  async attempt(action) {
    this.clear();
    try {
      await action();
      return true;
    } catch (error) {
      this.say(problemWords(error, this.#t));
      return false;
    }
  }

  /** @param {string} words */
  say(words) {
    if (this.element.textContent !== words) this.element.textContent = words; // a screen reader reads it out once
    this.element.hidden = false;
  }

  /** Nothing is wrong. */
  clear() {
    this.element.hidden = true;
  }
}

import { el } from './dom.js';
import { labelled } from './fields.js';
import { problemWords } from './problem-words.js';

/** A labelled input that must be filled in. @returns {{input: HTMLInputElement, element: HTMLElement}} */
export function field(label, attributes, hint = null) {
  const input = el('input', { class: 'input', required: true, ...attributes });
  return { input, element: labelled(label, input, hint) };
}

/** What one signs in with. @param {(key: string) => string} t */
export function signInFields(t) {
  return {
    email: field(t('email'), { type: 'email', autocomplete: 'username', 'data-testid': 'login-email' }),
    password: field(t('password'), {
      type: 'password',
      autocomplete: 'current-password',
      'data-testid': 'login-password',
    }),
  };
}

/** A form that is sent once at a time, and says what the server had against it. */
export class Form {
  #t;
  #fields;
  #submit;
  #error;
  #button;
  #problems;

  /**
   * @typedef {object} FormOptions
   * @property {import('./i18n.js').Translate} t knows `problem-phrases.js`
   * @property {Record<string, {input: HTMLInputElement, element: HTMLElement}>} fields
   * @property {HTMLButtonElement} action
   * @property {(values: any) => Promise<void>} submit takes the values by the fields' names
   * @property {(Node|string|null|false)[]} [head] what stands above the fields
   * @property {(Node|string|null|false)[]} [foot] what stands beside the button
   * @property {Record<string, string>} [problems] words by code, before those that all forms have
   * @property {string} [kind] the form's class
   *
   * @param {FormOptions} options
   */
  constructor({ t, fields, action, submit, head = [], foot = [], problems = {}, kind = 'form' }) {
    this.#t = t;
    this.#problems = problems;
    this.#fields = fields;
    this.#submit = submit;
    this.#error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.#button = action;
    const inputs = Object.values(fields).map(({ element }) => element);
    this.element = el('form', { class: kind, onsubmit: (event) => this.#send(event) }, ...head, ...inputs, this.#error, action, ...foot);
  }

  /** Puts the caret in the first field. */
  focus() {
    Object.values(this.#fields)[0].input.focus();
  }

  async #send(event) {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(this.#fields).map(([name, { input }]) => [name, input.value]));
    this.#button.disabled = true;
    this.#error.hidden = true;
    try {
      await this.#submit(values);
    } catch (error) {
      this.#error.textContent = this.#words(error);
      this.#error.hidden = false;
    } finally {
      this.#button.disabled = false;
    }
  }

  #words(problem) {
    return this.#problems[problem.code] ?? problemWords(problem, this.#t);
  }
}

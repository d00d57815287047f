import { el } from '../../shared/dom.js';
import { labelled } from '../../shared/fields.js';

/** A labelled input. */
function field(label, attributes, hint = null) {
  const input = el('input', { class: 'input', required: true, ...attributes });
  return { input, element: labelled(label, input, hint) };
}

/** A form that shows what the server had against it. */
class GateForm {
  #t;
  #fields;
  #submit;
  #error;
  #button;
  #problems;

  constructor({ t, title, text, fields, action, submit, problems = {} }) {
    this.#t = t;
    this.#problems = problems;
    this.#fields = fields;
    this.#submit = submit;
    this.#error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.#button = action;
    const form = el(
      'form',
      { class: 'gate__form', onsubmit: (event) => this.#send(event) },
      el('p', { class: 'gate__brand' }, t('brand')),
      el('h1', {}, title),
      text && el('p', { class: 'gate__text' }, text),
      ...Object.values(fields).map(({ element }) => element),
      this.#error,
      action,
    );
    this.element = el('main', { class: 'gate', id: 'content' }, form);
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

  #words({ code, detail, message }) {
    if (this.#problems[code]) return this.#problems[code];
    const known = this.#t(code);
    return known === code ? this.#t('went_wrong', { detail: detail || message }) : known;
  }
}

/**
 * The page to sign in.
 * @param {object} options
 * @param {(key: string, params?: object) => string} options.t
 * @param {(pair: {email: string, password: string}) => Promise<void>} options.onSubmit
 */
export function signInView({ t, onSubmit }) {
  return new GateForm({
    t,
    title: t('panel'),
    fields: {
      email: field(t('email'), { type: 'email', autocomplete: 'username', 'data-testid': 'login-email' }),
      password: field(t('password'), {
        type: 'password',
        autocomplete: 'current-password',
        'data-testid': 'login-password',
      }),
    },
    problems: { forbidden: t('not_operator') },
    action: el('button', { class: 'button button--primary', 'data-testid': 'login-submit' }, t('enter')),
    submit: onSubmit,
  });
}

/**
 * The page of the first start: whoever can read the server's log becomes the first account.
 * @param {{t: (key: string, params?: object) => string, onSubmit: (account: object) => Promise<void>}} options
 */
export function setupView({ t, onSubmit }) {
  return new GateForm({
    t,
    title: t('setup_title'),
    text: t('setup_text'),
    fields: {
      code: field(t('setup_code'), { autocomplete: 'one-time-code', spellcheck: 'false', 'data-testid': 'setup-code' }),
      email: field(t('email'), { type: 'email', autocomplete: 'username', 'data-testid': 'setup-email' }),
      name: field(t('name'), { autocomplete: 'name', 'data-testid': 'setup-name' }),
      password: field(
        t('password'),
        { type: 'password', autocomplete: 'new-password', minlength: '8', 'data-testid': 'setup-password' },
        t('setup_password_hint'),
      ),
    },
    problems: { forbidden: t('setup_code_wrong') },
    action: el('button', { class: 'button button--primary', 'data-testid': 'setup-submit' }, t('create_account')),
    submit: onSubmit,
  });
}

import { el } from '../../shared/dom.js';
import { Form, field, signInFields } from '../../shared/form.js';
import { LIMITS } from '../../shared/limits.js';

/**
 * A form that is the whole page.
 * @param {{title: string, text?: string|null} & Omit<import('../../shared/form.js').FormOptions, 'head'|'kind'>} options
 */
function page({ t, title, text = null, ...options }) {
  const head = [el('p', { class: 'gate__brand' }, t('brand')), el('h1', {}, title), text && el('p', { class: 'gate__text' }, text)];
  const form = new Form({ t, head, kind: 'gate__form', ...options });
  return { element: el('main', { class: 'gate', id: 'content' }, form.element), focus: () => form.focus() };
}

/**
 * The page to sign in.
 * @param {object} options
 * @param {(key: string, params?: object) => string} options.t
 * @param {(pair: {email: string, password: string}) => Promise<void>} options.onSubmit
 */
export function signInView({ t, onSubmit }) {
  return page({
    t,
    title: t('panel'),
    fields: signInFields(t),
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
  return page({
    t,
    title: t('setup_title'),
    text: t('setup_text'),
    fields: {
      code: field(t('setup_code'), { autocomplete: 'one-time-code', spellcheck: 'false', 'data-testid': 'setup-code' }),
      email: field(t('email'), { type: 'email', autocomplete: 'username', 'data-testid': 'setup-email' }),
      name: field(t('name'), { autocomplete: 'name', 'data-testid': 'setup-name' }),
      password: field(
        t('password'),
        { type: 'password', autocomplete: 'new-password', minlength: LIMITS.passwordMin, 'data-testid': 'setup-password' },
        t('setup_password_hint', { n: LIMITS.passwordMin }),
      ),
    },
    problems: { forbidden: t('setup_code_wrong') },
    action: el('button', { class: 'button button--primary', 'data-testid': 'setup-submit' }, t('create_account')),
    submit: onSubmit,
  });
}

import { el } from '../shared/dom.js';
import { Form, signInFields } from '../shared/form.js';
import { problemWords } from '../shared/problem-words.js';
import { PushControls } from '../shared/push-controls.js';
import { PushSwitch } from '../shared/push.js';

/** Whom push messages are for, and the words that say what they are about. */
const ABOUT = { user: 'notices_text_user', shop: 'notices_text_shop', admin: 'notices_text_operator', manager: 'notices_text_operator' };

/** Notices while the page is closed, for whoever has an account. Everybody else uses the page without. */
export class Account {
  #options;
  #body = el('div', { class: 'account' });
  #user = null;
  #checking = Promise.resolve();
  #problem = el('p', { class: 'form-error', role: 'alert', hidden: true });

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {'ru'|'en'} options.locale
   * @param {import('./session.js').WebappSession} options.session
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   */
  constructor(options) {
    this.#options = options;
    const title = el('h2', { id: 'account-title' }, options.t('notices'));
    this.element = el('section', { class: 'card', 'aria-labelledby': 'account-title', 'data-testid': 'account' }, title, this.#body);
  }

  /** Finds out who is signed in, now and whenever somebody comes back to the page: other tabs sign in and out too. */
  connect() {
    const { session, t } = this.#options;
    session.onSignedOut = () => this.#user && this.#invite(t('session_ended'));
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.check());
    this.check();
  }

  /**
   * Looks who is signed in, behind a look that is under way: that one may yet fail. While the server cannot be asked,
   * everything stays as it is.
   */
  check() {
    const look = () => this.#check();
    this.#checking = this.#checking.then(look, look);
    return this.#checking;
  }

  async #check() {
    const { session, t } = this.#options;
    const user = await session.user().catch((error) => {
      if (error.status === undefined) throw error;
      return this.#user;
    });
    if (user && user.id !== this.#user?.id) this.#enter(user);
    else if (!user && this.#user) this.#invite(t('session_ended'));
    else if (!this.#body.hasChildNodes()) this.#invite();
  }

  #invite(problem = '') {
    const { t } = this.#options;
    this.#user = null;
    this.#say(problem);
    const ask = el('button', { type: 'button', class: 'button', onclick: () => this.#ask(), 'data-testid': 'account-enter' }, t('enter'));
    this.#body.replaceChildren(el('p', { class: 'field__hint' }, t('account_text')), this.#problem, ask);
  }

  #ask() {
    const { t, session } = this.#options;
    const later = el('button', { type: 'button', class: 'link-button', onclick: () => this.#leaveForm() }, t('not_now'));
    const form = new Form({
      t,
      fields: signInFields(t),
      action: el('button', { class: 'button button--primary', 'data-testid': 'login-submit' }, t('enter')),
      foot: [later],
      submit: async (pair) => {
        this.#enter(await session.signIn(pair));
        this.#body.querySelector('p').focus(); // who it is now, to be read out
      },
      kind: 'account__form',
    });
    this.#body.replaceChildren(form.element);
    form.focus();
  }

  #leaveForm() {
    this.#invite();
    this.#body.querySelector('button').focus();
  }

  #enter(user) {
    const { t, session, storage, locale } = this.#options;
    this.#user = user;
    this.#say('');
    const leave = el('button', { type: 'button', class: 'link-button', onclick: () => this.#signOut(), 'data-testid': 'sign-out' }, t('sign_out'));
    const who = el('p', { class: 'account__who', tabindex: '-1', 'data-testid': 'account-who' }, el('span', {}, user.name, el('span', { class: 'account__email' }, user.email)), leave);
    const about = ABOUT[user.role];
    if (!about) {
      this.#body.replaceChildren(who, this.#problem, el('p', { class: 'field__hint' }, t('notices_none')));
      return;
    }
    const push = new PushSwitch({ server: session.push, storage, accountId: user.id, locale });
    const controls = new PushControls({ push, t, text: t(about) });
    this.#body.replaceChildren(who, this.#problem, controls.element);
    controls.connect();
  }

  async #signOut() {
    const { t, session } = this.#options;
    try {
      await session.signOut();
      this.#leaveForm();
    } catch (error) {
      this.#say(problemWords(error, t));
    }
  }

  #say(problem) {
    this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
  }
}

import { fullJitter } from '../shared/backoff.js';
import { el } from '../shared/dom.js';
import { HttpProblem } from '../shared/http.js';
import { Clock, pickLocale, translator } from '../shared/i18n.js';
import { SafeStorage } from '../shared/storage.js';
import { PanelApi } from './api.js';
import { Desk } from './desk.js';
import { phrases } from './phrases.js';
import { setupView, signInView } from './views/gate.js';
import { refusalsNotice } from './views/refusals.js';

const OPERATORS = new Set(['admin', 'manager']);

/** The panel: first start, sign-in or the desk, whichever it is time for. */
class Panel {
  #root;
  #api = new PanelApi();
  #storage = new SafeStorage();
  #locale = pickLocale();
  #t = translator(phrases, this.#locale);
  #clock = new Clock(this.#locale, this.#t);
  #desk = null;

  constructor(root) {
    this.#root = root;
    this.#api.onSignedOut = () => this.#signedOut();
    document.documentElement.lang = this.#locale;
  }

  /** Finds out who is there, for as long as it takes the server to answer. */
  async connect() {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#enter();
      } catch (error) {
        if (!error.transient) throw error;
        this.#show(el('p', { class: 'gate', role: 'status' }, this.#t('problem_network')));
        await new Promise((resume) => setTimeout(resume, fullJitter(attempt, { cap: 8000 })));
      }
    }
  }

  async #enter() {
    const user = await this.#api.me();
    if (user && OPERATORS.has(user.role)) return this.#open(user);
    const { needed } = await this.#api.setup();
    return needed ? this.#askSetup() : this.#askSignIn();
  }

  #askSignIn() {
    const onSubmit = async (pair) => {
      const { user, refusals } = await this.#api.signIn(pair);
      this.#open(user);
      if (refusals) this.#desk.tell(refusalsNotice({ t: this.#t, clock: this.#clock, refusals }));
    };
    const view = signInView({ t: this.#t, onSubmit });
    this.#show(view.element);
    view.focus();
  }

  #askSetup() {
    const onSubmit = async (account) => this.#open((await this.#api.completeSetup(account)).user);
    const view = setupView({ t: this.#t, onSubmit });
    this.#show(view.element);
    view.focus();
  }

  #open(user) {
    if (!OPERATORS.has(user.role)) throw new HttpProblem({ status: 403, code: 'forbidden' });
    const t = this.#t;
    this.#desk = new Desk({
      api: this.#api,
      user,
      storage: this.#storage,
      t,
      clock: this.#clock,
      locale: this.#locale,
      onSignOut: () => this.#signOut(),
      onSignedOut: () => this.#signedOut(),
    });
    this.#show(this.#desk.element);
    this.#desk.connect().catch((error) => error.status === 401 || console.error(error));
  }

  async #signOut() {
    await this.#desk?.flush();
    await this.#api.signOut().catch((error) => {
      if (error.status !== 401) throw error;
    });
    this.#desk?.announceSignOut();
    this.#signedOut();
  }

  #signedOut() {
    if (!this.#desk) return;
    this.#desk.disconnect();
    this.#desk = null;
    this.#askSignIn();
  }

  #show(element) {
    this.#root.replaceChildren(element);
  }
}

// A page taken back from the browser's cache has missed what happened meanwhile.
window.addEventListener('pageshow', (event) => event.persisted && location.reload());
new Panel(document.getElementById('panel')).connect();

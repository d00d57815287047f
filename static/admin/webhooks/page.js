import { el, icon } from '../../shared/dom.js';
import { Poll } from '../parts/poll.js';
import { problemWords } from '../../shared/problem-words.js';
import { confirmed } from '../parts/confirm.js';
import { ProblemLine } from '../parts/problem-line.js';
import { DeliveryLog } from './deliveries.js';
import { WebhookForm } from './form.js';
import { WebhookSecret } from './secret.js';
import { answerWords, deliveryMark, hookState } from './words.js';

const EVERY_MS = 2000;

/** One webhook: whether it is on, a test, its secret, its settings, and what was sent. */
export class WebhookPage {
  #options;
  #poll = new Poll(() => this.#look(), EVERY_MS);
  #hook = null;
  #log;
  #secret;
  #body;
  /** What is wrong with the page as it is, and with what was asked of it. */
  #lost;
  #problem;
  #title = el('h1', { tabindex: '-1' });
  #url = el('p', { class: 'webhooks__url', 'data-testid': 'webhook-address' });
  #switch;
  #state = el('p', { class: 'webhooks__state', 'data-testid': 'webhook-state' });
  #test;
  #result = el('p', { class: 'webhooks__result', role: 'status', 'data-testid': 'test-result' });
  #settings;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {number} options.id
   * @param {string|null} options.secret of a webhook that was just added
   */
  constructor(options) {
    this.#options = options;
    const { api, t, clock, id } = options;
    this.#lost = new ProblemLine(t, 'webhook-lost');
    this.#problem = new ProblemLine(t, 'webhook-problem');
    this.#log = new DeliveryLog({ api, t, clock, id, onReplayed: () => this.#poll.now() });
    this.#secret = new WebhookSecret({ t, clock, rotate: (hours) => api.rotateSecret(id, hours) });
    this.#settings = el(
      'details',
      { class: 'card', 'data-testid': 'settings-card' },
      el('summary', { class: 'card__title' }, t('hook_settings')),
    );
    this.#switch = el(
      'button',
      { type: 'button', class: 'switch', role: 'switch', onclick: () => this.#turn(), 'data-testid': 'webhook-switch' },
      t('hook_switch'),
    );
    this.#test = el(
      'button',
      { type: 'button', class: 'button', onclick: () => this.#try(), 'data-testid': 'webhook-test' },
      t('hook_test'),
    );
    const remove = el(
      'button',
      { type: 'button', class: 'button button--quiet', onclick: () => this.#remove(), 'data-testid': 'webhook-delete' },
      icon('trash'),
      t('delete'),
    );
    this.#body = el(
      'div',
      { class: 'webhooks__body', hidden: true },
      this.#url,
      this.#secret.once,
      el(
        'div',
        { class: 'webhooks__box' },
        this.#switch,
        this.#state,
        this.#secret.overlap,
        el('div', { class: 'card__foot' }, this.#test, remove),
        this.#result,
      ),
      this.#settings,
      this.#secret.element,
      this.#log.element,
    );
    this.element = el(
      'div',
      { class: 'webhooks__page' },
      el('a', { class: 'webhooks__back', href: '#/webhooks' }, t('hooks_back')),
      this.#title,
      this.#lost.element,
      this.#problem.element,
      this.#body,
    );
  }

  /** Loads, and follows what happens. */
  async connect() {
    await this.#poll.connect();
    if (this.#hook) await this.#problem.attempt(() => this.#makeForm());
  }

  /** Stops. */
  disconnect() {
    this.#poll.disconnect();
  }

  /** For whoever comes from another page of the section. */
  focus() {
    this.#title.focus();
  }

  async #look() {
    const { api, id, t } = this.#options;
    try {
      const [hook] = await Promise.all([api.webhook(id), this.#log.load()]);
      this.#render(hook);
      this.#lost.clear();
    } catch (error) {
      if (error.status === 404) this.#leave();
      this.#lost.say(error.status === 404 ? t('hook_missing') : problemWords(error, t));
    }
  }

  /** Somebody has deleted it. */
  #leave() {
    this.#poll.disconnect();
    this.#body.hidden = true;
    this.#title.textContent = this.#options.t('webhooks');
  }

  #render(hook) {
    const { t, secret } = this.#options;
    const first = this.#hook === null;
    this.#hook = hook;
    this.#title.textContent = hook.description || new URL(hook.url).host;
    this.#url.textContent = hook.url;
    this.#switch.setAttribute('aria-checked', String(hook.active));
    this.#state.textContent = t(`hook_${hookState(hook)}_text`);
    this.#state.dataset.state = hookState(hook);
    this.#secret.render(hook);
    this.#log.render(hook.active);
    this.#body.hidden = false;
    if (first && secret) this.#secret.show(secret);
  }

  async #makeForm() {
    const { api, t, id } = this.#options;
    const save = async (fields) => {
      this.#render(await api.save('webhooks', fields, id));
      return t('saved');
    };
    const form = new WebhookForm({ t, groups: await api.eventGroups(), hook: this.#hook, save });
    form.element.classList.add('card__form');
    this.#settings.append(form.element);
  }

  #turn() {
    const { api, id } = this.#options;
    return this.#problem.attempt(async () => {
      this.#render(await api.save('webhooks', { active: !this.#hook.active }, id));
      await this.#poll.now();
    });
  }

  async #try() {
    const { api, t, id } = this.#options;
    this.#test.disabled = true;
    this.#result.textContent = t('hook_testing');
    const done = await this.#problem.attempt(async () => {
      const delivery = await api.testWebhook(id);
      this.#result.replaceChildren(deliveryMark(delivery, t), ` · ${answerWords(delivery, t)}`);
      await this.#poll.now();
    });
    if (!done) this.#result.textContent = '';
    this.#test.disabled = false;
  }

  async #remove() {
    const { api, t, id } = this.#options;
    const ask = {
      title: t('hook_delete_ask'),
      text: t('hook_delete_text', { url: this.#hook.url }),
      action: t('delete'),
    };
    if (!(await confirmed({ place: this.element, t, ...ask }))) return;
    await this.#problem.attempt(async () => {
      await api.remove('webhooks', id);
      location.replace('#/webhooks');
    });
  }
}

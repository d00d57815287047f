import { el, icon } from '../../shared/dom.js';
import { Poll } from '../parts/poll.js';
import { problemWords } from '../../shared/problem-words.js';
import { arrange } from '../parts/rows.js';
import { ProblemLine } from '../parts/problem-line.js';
import { answerWords, deliveryMark, eventWords, hookState } from './words.js';

const EVERY_MS = 5000;

/** One webhook of the list; its link stays the same while the rest is drawn anew. */
class Row {
  #options;
  #link = el('a', { class: 'hook__link' });
  #rest = el('div', { class: 'hook__rest' });
  #drawn = '';

  constructor(options, id) {
    this.#options = options;
    this.#link.setAttribute('href', `#/webhooks/${id}`);
    this.element = el('li', { class: 'hook', 'data-testid': 'webhook', 'data-webhook-id': id }, this.#link, this.#rest);
  }

  render(hook) {
    const { t } = this.#options;
    const drawn = JSON.stringify(hook);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const state = hookState(hook);
    const last = hook.last_delivery;
    this.element.dataset.state = state;
    this.#link.textContent = hook.url;
    const names = hook.events.map((name) => el('li', { class: 'mark' }, eventWords(name, t) ?? name));
    this.#rest.replaceChildren(
      ...(hook.description ? [el('p', { class: 'hook__about' }, hook.description)] : []),
      el('ul', { class: 'marks', 'aria-label': t('hook_events') }, ...names),
      el('p', { class: 'hook__state', 'data-testid': 'webhook-state' }, t(`hook_${state}`)),
      el(
        'p',
        { class: 'hook__last', 'data-testid': 'webhook-last' },
        ...(last ? this.#fared(last) : [t('hook_nothing_sent')]),
      ),
    );
  }

  #fared(delivery) {
    const { t, clock } = this.#options;
    const rest = [answerWords(delivery, t), clock.brief(delivery.attempted_at ?? delivery.created_at)];
    return [deliveryMark(delivery, t), ...rest.filter(Boolean).map((words) => ` · ${words}`)];
  }
}

/** Every webhook with how it fared last. */
export class WebhookList {
  #options;
  #poll = new Poll(() => this.#look(), EVERY_MS);
  #title;
  #problem;
  #items = el('ul', { class: 'hooks', 'data-testid': 'webhooks' });
  #empty;
  /** @type {Map<number, Row>} */
  #rows = new Map();

  /** @param {{api: import('../api.js').PanelApi, t: (key: string, params?: object) => string, clock: import('../../shared/i18n.js').Clock}} options */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    this.#problem = new ProblemLine(t);
    this.#title = el('h1', { tabindex: '-1' }, t('webhooks'));
    this.#empty = el('div', { class: 'hooks__empty', hidden: true, 'data-testid': 'webhooks-empty' });
    this.#empty.append(el('p', {}, t('hooks_none')), el('p', {}, t('hooks_example')));
    const add = el(
      'a',
      { class: 'button button--primary', href: '#/webhooks/new', 'data-testid': 'webhook-add' },
      icon('plus'),
      t('hook_add'),
    );
    const reference = { href: '/docs#/api/v1/webhooks', target: '_blank', rel: 'noopener' };
    this.element = el(
      'div',
      { class: 'webhooks__page' },
      el('div', { class: 'webhooks__head' }, this.#title, add),
      el('p', { class: 'webhooks__text' }, t('hooks_text'), ' ', el('a', reference, t('hooks_reference'))),
      this.#problem.element,
      this.#empty,
      this.#items,
    );
  }

  /** Loads, and follows what happens. */
  connect() {
    this.#poll.connect();
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
    const { api, t } = this.#options;
    try {
      this.#render(await api.all('webhooks'));
      this.#problem.clear();
    } catch (error) {
      this.#problem.say(problemWords(error, t));
    }
  }

  #render(hooks) {
    const rows = new Map();
    for (const hook of hooks) {
      const row = this.#rows.get(hook.id) ?? new Row(this.#options, hook.id);
      row.render(hook);
      rows.set(hook.id, row);
    }
    this.#rows = rows;
    arrange(
      this.#items,
      [...rows.values()].map(({ element }) => element),
    );
    this.#empty.hidden = hooks.length > 0;
  }
}

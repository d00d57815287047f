import { el } from '../../shared/dom.js';
import { input, labelled } from '../../shared/fields.js';
import { problemWords } from '../../shared/problem-words.js';
import { copyButton } from '../parts/copy-button.js';

const LONGEST_HOURS = 7 * 24;

/** The only time that a secret is seen. */
function secretBox({ t, secret, onDone }) {
  const shown = input(secret, {
    readonly: true,
    class: 'input input--code',
    spellcheck: 'false',
    autocomplete: 'off',
    'data-testid': 'secret',
  });
  const title = el('h2', { tabindex: '-1' }, t('secret_new'));
  const done = el(
    'button',
    { type: 'button', class: 'button', onclick: onDone, 'data-testid': 'secret-done' },
    t('secret_done'),
  );
  const element = el(
    'section',
    { class: 'secret', 'aria-label': t('secret_new'), 'data-testid': 'secret-box' },
    title,
    el('p', { class: 'secret__warning' }, t('secret_once')),
    labelled(t('secret'), shown, t('secret_hint')),
    el('div', { class: 'card__foot' }, copyButton(t, shown), done),
  );
  return { element, focus: () => title.focus() };
}

/** A webhook's secret: shown once when it is new, and replaced here. */
export class WebhookSecret {
  /** Where a new secret stands until it is put away. */
  once = el('div', { class: 'webhooks__once' });
  /** Says that the secret before is good, too. */
  overlap = el('p', { class: 'webhooks__text', 'data-testid': 'overlap-until', hidden: true });
  #options;
  #hours = input('24', {
    type: 'number',
    min: '0',
    max: String(LONGEST_HOURS),
    step: '1',
    required: true,
    'data-testid': 'overlap',
  });
  #submit;
  #told = el('p', { class: 'card__told', role: 'status' });

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {(hours: number) => Promise<object>} options.rotate the webhook with its new secret
   */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    this.#submit = el('button', { class: 'button', 'data-testid': 'rotate' }, t('secret_replace'));
    const form = el(
      'form',
      { class: 'card__form', onsubmit: (event) => this.#replace(event) },
      labelled(t('secret_overlap'), this.#hours, t('secret_overlap_hint')),
      el('div', { class: 'card__foot' }, this.#submit, this.#told),
    );
    this.element = el(
      'details',
      { class: 'card', 'data-testid': 'secret-card' },
      el('summary', { class: 'card__title' }, t('secret_replacing')),
      form,
    );
  }

  /** @param {string} secret */
  show(secret) {
    const onDone = () => {
      this.once.replaceChildren();
      this.element.querySelector('summary').focus();
    };
    const { element, focus } = secretBox({ t: this.#options.t, secret, onDone });
    this.once.replaceChildren(element);
    focus();
  }

  /** @param {{old_secret_until: string|null}} hook */
  render({ old_secret_until: until }) {
    const { t, clock } = this.#options;
    const both = until !== null && new Date(until) > new Date();
    this.overlap.hidden = !both;
    this.overlap.textContent = both ? t('secret_both', { time: clock.full(until) }) : '';
  }

  async #replace(event) {
    event.preventDefault();
    const { t, rotate } = this.#options;
    this.#submit.disabled = true;
    this.#told.textContent = '';
    try {
      const hook = await rotate(Number(this.#hours.value));
      this.element.open = false;
      this.render(hook);
      this.show(hook.secret);
    } catch (error) {
      this.#told.textContent = problemWords(error, t);
      this.#told.dataset.kind = 'problem';
    } finally {
      this.#submit.disabled = false;
    }
  }
}

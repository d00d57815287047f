import { el } from './dom.js';
import { problemWords } from './problem-words.js';

/** The switch for push messages in this browser, what it has to say, and a button to try them. */
export class PushControls {
  #options;
  #switch;
  #test;
  #state = el('p', { class: 'notices__state', role: 'status', 'data-testid': 'notices-state' });
  #busy = false;
  /** What went wrong last, until it was read and `dismiss` is called. */
  #problem = '';

  /**
   * @param {object} options
   * @param {import('./push.js').PushSwitch} options.push
   * @param {(key: string, params?: object) => string} options.t
   * @param {string} options.text what the notices are about
   * @param {(on: boolean) => void} [options.onState]
   */
  constructor(options) {
    this.#options = options;
    const { t, text } = options;
    this.#switch = el(
      'button',
      {
        ...{ type: 'button', class: 'switch', role: 'switch', 'aria-checked': 'false', 'aria-describedby': 'notices-text' },
        ...{ disabled: true, onclick: () => this.#toggle(), 'data-testid': 'notices-switch' },
      },
      t('notices_switch'),
    );
    this.#test = el(
      'button',
      { type: 'button', class: 'button', hidden: true, onclick: () => this.#try(), 'data-testid': 'notices-test' },
      t('notices_test'),
    );
    const about = el('p', { id: 'notices-text', class: 'notices__text' }, text);
    this.element = el('div', { class: 'notices__controls' }, this.#switch, about, this.#state, this.#test);
  }

  /** Registers the browser again where this account has turned it on. */
  connect() {
    return this.#work(async () => {
      await this.#options.push.resume();
      return '';
    });
  }

  /** Shows how things are now. */
  refresh() {
    if (!this.#busy) this.#show(this.#problem);
  }

  /** The problem was read. */
  dismiss() {
    this.#problem = '';
  }

  #toggle() {
    const { push, t } = this.#options;
    return this.#work(async () => {
      if (this.#switch.getAttribute('aria-checked') === 'true') {
        await push.turnOff();
        return '';
      }
      await push.turnOn();
      return (await push.state()) === 'off' ? t('notices_unasked') : '';
    });
  }

  #try() {
    const { push, t } = this.#options;
    return this.#work(async () => {
      const { sent, failed } = await push.test();
      const parts = [sent || !failed ? t('notices_sent', { n: sent }) : '', failed ? t('notices_failed', { n: failed }) : ''];
      return parts.filter(Boolean).join(' ');
    });
  }

  /** Does one thing at a time and tells what came of it: in the words it gives, or else by the state alone. */
  async #work(action) {
    if (this.#busy) return;
    this.#busy = true;
    this.#state.textContent = this.#options.t('notices_working');
    this.#problem = '';
    let words = '';
    try {
      words = await action();
    } catch (error) {
      words = this.#problem = this.#wordsOf(error);
    } finally {
      this.#busy = false;
      await this.#show(words);
    }
  }

  #wordsOf(error) {
    const { t } = this.#options;
    if (error.code === 'push_service') return t('notices_push_service');
    return problemWords(error, t);
  }

  async #show(words) {
    const { push, t, onState } = this.#options;
    const state = await push.state();
    this.#switch.setAttribute('aria-checked', String(state === 'on'));
    this.#switch.disabled = state === 'unsupported' || state === 'denied';
    this.#test.hidden = state !== 'on';
    this.#state.textContent = words || t(`notices_${state}`);
    onState?.(state === 'on');
  }
}

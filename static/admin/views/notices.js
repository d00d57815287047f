import { el, icon } from '../../shared/dom.js';

/** The bell in the panel's bar: opens the switch for push messages, and a button to try them. */
export class NoticesView {
  #options;
  #bell;
  #box;
  #switch;
  #test;
  #state = el('p', { class: 'notices__state', role: 'status', 'data-testid': 'notices-state' });
  #busy = false;
  /** What went wrong last, until the box was open and is closed. */
  #problem = '';

  /**
   * @param {object} options
   * @param {import('../../shared/push.js').PushSwitch} options.push
   * @param {(key: string, params?: object) => string} options.t
   */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    const label = t('notices');
    this.#bell = el(
      'button',
      {
        ...{ type: 'button', class: 'icon-button', title: label, 'aria-label': label, popovertarget: 'notices' },
        'data-testid': 'notices',
      },
      icon('bell'),
    );
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
    this.#box = el(
      'div',
      { id: 'notices', class: 'notices', popover: 'auto', role: 'group', 'aria-label': label },
      this.#switch,
      el('p', { id: 'notices-text', class: 'notices__text' }, t('notices_text')),
      this.#state,
      this.#test,
    );
    this.#box.addEventListener('toggle', ({ newState }) => this.#opened(newState === 'open'));
    this.element = el('div', { onkeydown: (event) => this.#key(event) }, this.#bell, this.#box);
  }

  /** Registers the browser again where this operator has turned it on. */
  connect() {
    return this.#work(async () => {
      await this.#options.push.resume();
      return '';
    });
  }

  #opened(open) {
    if (!open) this.#problem = '';
    else if (!this.#busy) this.#show(this.#problem);
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
    if (error.code === 'network' || error.code === 'too_many_requests') return t(error.code);
    if (error.status === undefined) throw error;
    return t('went_wrong', { detail: error.detail });
  }

  async #show(words) {
    const state = await this.#options.push.state();
    this.#bell.classList.toggle('bell--on', state === 'on');
    this.#switch.setAttribute('aria-checked', String(state === 'on'));
    this.#switch.disabled = state === 'unsupported' || state === 'denied';
    this.#test.hidden = state !== 'on';
    this.#state.textContent = words || this.#options.t(`notices_${state}`);
  }

  /** Escape closes the switch, and not the dialog behind it too. */
  #key(event) {
    if (event.key !== 'Escape' || !this.#box.matches(':popover-open')) return;
    event.preventDefault();
    this.#box.hidePopover();
  }
}

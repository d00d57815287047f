import { el, icon } from '../../shared/dom.js';
import { PushControls } from '../../shared/push-controls.js';

/** The bell in the panel's bar: opens the switch for push messages. */
export class NoticesView {
  #bell;
  #box;
  #controls;

  /**
   * @param {object} options
   * @param {import('../../shared/push.js').PushSwitch} options.push
   * @param {(key: string, params?: object) => string} options.t
   */
  constructor({ push, t }) {
    const label = t('notices');
    this.#bell = el(
      'button',
      {
        ...{ type: 'button', class: 'icon-button', title: label, 'aria-label': label, popovertarget: 'notices' },
        'data-testid': 'notices',
      },
      icon('bell'),
    );
    this.#controls = new PushControls({
      ...{ push, t, text: t('notices_text_operator') },
      onState: (on) => this.#bell.classList.toggle('bell--on', on),
    });
    this.#box = el(
      'div',
      { id: 'notices', class: 'notices', popover: 'auto', role: 'group', 'aria-label': label },
      this.#controls.element,
    );
    this.#box.addEventListener('toggle', ({ newState }) => this.#opened(newState === 'open'));
    this.element = el('div', { onkeydown: (event) => this.#key(event) }, this.#bell, this.#box);
  }

  /** Registers the browser again where this operator has turned it on. */
  connect() {
    return this.#controls.connect();
  }

  #opened(open) {
    if (open) this.#controls.refresh();
    else this.#controls.dismiss();
  }

  /** Escape closes the switch, and not the dialog behind it too. */
  #key(event) {
    if (event.key !== 'Escape' || !this.#box.matches(':popover-open')) return;
    event.preventDefault();
    this.#box.hidePopover();
  }
}

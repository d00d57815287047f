import { el } from '../../shared/dom.js';
import { card } from '../parts/card.js';
import { checked, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';

/** The platform's settings. Another admin's change is shown at once, unless one is being typed here. */
export class PlatformCard {
  #fields;
  #typed = false;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {Wire.PlatformSettings} options.settings
   * @param {(settings: Wire.PlatformSettings) => void} options.onSaved
   */
  constructor({ api, t, settings, onSaved }) {
    const amount = { type: 'number', min: '0', max: LIMITS.amount, step: '0.01', inputmode: 'decimal', required: true };
    this.#fields = {
      platform_name: input('', { required: true, maxlength: LIMITS.platform, 'data-testid': 'setting-name' }),
      currency: input('', { required: true, pattern: '[A-Z]{3}', maxlength: '3', spellcheck: 'false', 'data-testid': 'setting-currency' }),
      default_approval_fee: input('', { ...amount, 'data-testid': 'setting-fee' }),
      moderation_required: el('input', { type: 'checkbox', 'data-testid': 'setting-moderation' }),
    };
    const { platform_name: name, currency, default_approval_fee: fee, moderation_required: required } = this.#fields;
    this.element = card({
      t,
      title: t('platform_settings'),
      testid: 'platform-settings',
      fields: [
        labelled(t('platform_name'), name, t('platform_name_hint')),
        el('div', { class: 'card__row' }, labelled(t('currency'), currency, t('currency_hint')), labelled(t('default_fee'), fee)),
        checked(t('moderation_required'), required, t('moderation_required_hint')),
      ],
      read: () => this.#read(),
      save: async (values) => {
        const saved = await api.saveSettings(values);
        this.#typed = false;
        onSaved(saved);
        return t('saved');
      },
    });
    this.element.addEventListener('input', () => (this.#typed = true));
    this.show(settings);
  }

  /** @param {Wire.PlatformSettings} settings */
  show(settings) {
    if (this.#typed) return;
    for (const [name, control] of Object.entries(this.#fields)) {
      if (control.type === 'checkbox') control.checked = settings[name];
      else control.value = settings[name];
    }
  }

  #read() {
    const { platform_name: name, currency, default_approval_fee: fee, moderation_required: required } = this.#fields;
    return {
      platform_name: name.value.trim(),
      currency: currency.value.trim(),
      default_approval_fee: Number(fee.value),
      moderation_required: required.checked,
    };
  }
}

import { el } from '../../shared/dom.js';
import { problemWords } from '../problem-words.js';
import { WebhookForm } from './webhook-form.js';

/** The page on which a webhook is added. */
export class NewWebhook {
  #options;
  #title;
  #told = el('p', { class: 'form-error', role: 'alert', hidden: true });
  #place = el('div', { class: 'webhooks__box' });
  #form = null;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {(hook: {id: number, secret: string}) => void} options.onMade
   */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    this.#title = el('h1', { tabindex: '-1' }, t('hook_new'));
    this.element = el(
      'div',
      { class: 'webhooks__page' },
      el('a', { class: 'webhooks__back', href: '#/webhooks' }, t('hooks_back')),
      this.#title,
      this.#told,
      this.#place,
    );
  }

  /** Asks the server what there is to choose from. */
  async connect() {
    const { api, t, onMade } = this.#options;
    try {
      const groups = await api.eventGroups();
      const save = async (fields) => {
        onMade(await api.save('webhooks', fields));
        return '';
      };
      this.#form = new WebhookForm({ t, groups, hook: null, save });
      this.#place.replaceChildren(this.#form.element);
    } catch (error) {
      this.#told.textContent = problemWords(error, t);
      this.#told.hidden = false;
    }
  }

  disconnect() {}

  /** The title: the form comes when the server has answered. */
  focus() {
    this.#title.focus();
  }
}

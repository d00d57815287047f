import { el } from '../../shared/dom.js';
import { ProblemLine } from '../parts/problem-line.js';
import { WebhookForm } from './form.js';

/** The page on which a webhook is added. */
export class NewWebhook {
  #options;
  #title;
  #problem;
  #place = el('div', { class: 'webhooks__box' });

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {(hook: {id: number, secret: string}) => void} options.onMade
   */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    this.#problem = new ProblemLine(t);
    this.#title = el('h1', { tabindex: '-1' }, t('hook_new'));
    this.element = el(
      'div',
      { class: 'webhooks__page' },
      el('a', { class: 'webhooks__back', href: '#/webhooks' }, t('hooks_back')),
      this.#title,
      this.#problem.element,
      this.#place,
    );
  }

  /** Asks the server what there is to choose from. */
  async connect() {
    const { api, t, onMade } = this.#options;
    const save = async (fields) => {
      onMade(await api.save('webhooks', fields));
      return '';
    };
    await this.#problem.attempt(async () => {
      const form = new WebhookForm({ t, groups: await api.eventGroups(), hook: null, save });
      this.#place.replaceChildren(form.element);
    });
  }

  /** There is nothing to stop. */
  disconnect() {}

  /** The title: the form comes when the server has answered. */
  focus() {
    this.#title.focus();
  }
}

import { el } from '../../shared/dom.js';
import { assistantCard, widgetCard } from './embed-cards.js';

/** The page of assistants and widgets. */
export class EmbedsView {
  #api;
  #t;
  #assistants;
  #widgets;
  #problem;

  /** @param {{api: import('../api.js').PanelApi, t: (key: string, params?: object) => string}} options */
  constructor({ api, t }) {
    this.#api = api;
    this.#t = t;
    this.#problem = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.#assistants = el('div', { class: 'cards', 'data-testid': 'assistants' });
    this.#widgets = el('div', { class: 'cards', 'data-testid': 'widgets' });
    this.element = el(
      'div',
      { class: 'embeds' },
      this.#problem,
      el('section', {}, el('h1', {}, t('widgets')), el('p', { class: 'embeds__text' }, t('widgets_text')), this.#widgets),
      el('section', {}, el('h1', {}, t('assistants')), el('p', { class: 'embeds__text' }, t('assistants_text')), this.#assistants),
    );
  }

  /** Loads and shows everything. */
  async connect() {
    const t = this.#t;
    try {
      const [assistants, widgets] = await Promise.all([this.#api.all('assistants'), this.#api.all('widgets')]);
      const cardOptions = { api: this.#api, t, onListChanged: () => this.connect() };
      const none = (key) => el('p', { class: 'embeds__text' }, t(key));
      this.#problem.hidden = true;
      this.#widgets.replaceChildren(
        ...(widgets.length ? widgets.map((widget) => widgetCard({ ...cardOptions, widget, assistants })) : [none('no_widgets')]),
        assistants.length ? widgetCard({ ...cardOptions, widget: null, assistants }) : '',
      );
      this.#assistants.replaceChildren(
        ...(assistants.length ? assistants.map((assistant) => assistantCard({ ...cardOptions, assistant })) : [none('no_assistants')]),
        assistantCard({ ...cardOptions, assistant: null }),
      );
    } catch (error) {
      this.#problem.textContent = error.status === 0 ? t('network') : t('went_wrong', { detail: error.detail || error.message });
      this.#problem.hidden = false;
    }
  }

  /** Nothing to stop; the counterpart of `connect` for whoever shows pages. */
  disconnect() {}
}

import { el } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';
import { styleSheet } from '../parts/styles.js';
import { assistantCard, widgetCard } from './cards.js';
import { words } from './phrases.js';

await styleSheet(new URL('./widgets.css', import.meta.url));

/** The page of assistants and widgets. */
export default class WidgetsSection {
  #api;
  #t;
  #assistants;
  #widgets;
  #problem;

  /** @param {import('../desk.js').DeskParts} desk */
  constructor({ api, speak }) {
    this.#api = api;
    this.#t = speak(words);
    this.#problem = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.#assistants = el('div', { class: 'cards', 'data-testid': 'assistants' });
    this.#widgets = el('div', { class: 'cards', 'data-testid': 'widgets' });
    this.element = el(
      'div',
      { class: 'embeds' },
      this.#problem,
      this.#section('widgets', this.#widgets),
      this.#section('assistants', this.#assistants),
    );
  }

  /** @param {import('../router.js').Place} _place @param {boolean} entered */
  show(_place, entered) {
    if (!entered) return;
    for (const cards of [this.#widgets, this.#assistants]) cards.replaceChildren(); // what is shown can be worked with
    this.#load();
  }

  disconnect() {}

  async #load() {
    const t = this.#t;
    try {
      const [assistants, widgets] = await Promise.all([this.#api.all('assistants'), this.#api.all('widgets')]);
      this.#problem.hidden = true;
      this.#show(assistants, widgets);
    } catch (error) {
      this.#problem.textContent = problemWords(error, t);
      this.#problem.hidden = false;
    }
  }

  #section(name, cards) {
    const t = this.#t;
    return el('section', {}, el('h1', {}, t(name)), el('p', { class: 'embeds__text' }, t(`${name}_text`)), cards);
  }

  #show(assistants, widgets) {
    const t = this.#t;
    const options = { api: this.#api, t, onListChanged: () => this.#load() };
    const open = widgets.length === 1;
    const none = (key) => el('p', { class: 'embeds__text' }, t(key));
    const widgetCards = widgets.map((widget) => widgetCard({ ...options, widget, assistants, open }));
    const assistantCards = assistants.map((assistant) => assistantCard({ ...options, assistant }));
    this.#widgets.replaceChildren(
      ...(widgetCards.length ? widgetCards : [none('no_widgets')]),
      assistants.length ? widgetCard({ ...options, widget: null, assistants, open: false }) : '',
    );
    this.#assistants.replaceChildren(
      ...(assistantCards.length ? assistantCards : [none('no_assistants')]),
      assistantCard({ ...options, assistant: null }),
    );
  }
}

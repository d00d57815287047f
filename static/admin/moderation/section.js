import { el } from '../../shared/dom.js';
import { money } from '../../shared/i18n.js';
import { styleSheet } from '../parts/styles.js';
import { Moderation } from './moderation.js';
import { words } from './phrases.js';
import { ModerationView } from './view.js';

await styleSheet(new URL('./moderation.css', import.meta.url));

/** @type {import('./view.js').Products[]} */
const LISTS = ['pending', 'approved', 'rejected'];

/** The queue of products. It counts, and sends what is decided, also while its page is not shown. */
export default class ModerationSection {
  #desk;
  #t;
  #moderation;
  /** @type {ModerationView|null} */
  #view = null;

  /** @param {import('../desk.js').DeskParts} desk */
  constructor(desk) {
    this.#desk = desk;
    this.#t = desk.speak(words);
    this.#moderation = new Moderation({ api: desk.api, onChange: desk.draw });
    this.#moderation.verdicts.connect();
    this.element = el('div', { class: 'moderation__place' });
  }

  /** @param {import('../router.js').Place} place @param {boolean} entered */
  show({ parts }, entered) {
    const { api, clock, settings, onSettings, locale } = this.#desk;
    if (!this.#view) {
      this.#view = new ModerationView({
        ...{ moderation: this.#moderation, api, t: this.#t, clock, settings: settings(), onSettings },
        money: () => money(locale, settings().currency),
      });
      this.element.replaceChildren(this.#view.element);
      this.#view.connect();
    }
    this.#view.open(LISTS.find((name) => name === parts[0]) ?? 'pending');
    this.#view.render(settings());
    if (entered) this.#view.focus();
  }

  hide() {
    this.#view?.disconnect();
    this.#view = null;
  }

  disconnect() {
    this.#moderation.verdicts.disconnect();
    this.hide();
  }

  flush() {
    return this.#moderation.verdicts.flush();
  }

  load() {
    return this.#moderation.queue.load();
  }

  live() {
    this.#moderation.verdicts.retry();
  }

  /** @param {Wire.Event} event */
  apply(event) {
    this.#moderation.apply(event);
    this.#view?.apply(event);
  }

  render() {
    this.#desk.count(this.#moderation.waiting.length, this.#moderation.queue.hasMore);
    this.#view?.render(this.#desk.settings());
  }
}

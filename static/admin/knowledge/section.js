import { el } from '../../shared/dom.js';
import { choice, input, labelled } from '../../shared/fields.js';
import { Poll } from '../parts/poll.js';
import { ProblemLine } from '../parts/problem-line.js';
import { styleSheet } from '../parts/styles.js';
import { numberOf } from '../router.js';
import { KnowledgeApi } from './api.js';
import { asking } from './asking.js';
import { gapCard } from './gaps.js';
import { words } from './phrases.js';
import { newSource, sourceCard } from './sources.js';

await styleSheet(new URL('./knowledge.css', import.meta.url));

const EVERY_MS = 3000;

/** What an assistant knows: its sources, what it would answer, and what it could not. */
export default class KnowledgeSection {
  #api;
  #t;
  #clock;
  #problem;
  #page = el('div', { class: 'knowledge__page' });
  /** Asks again for as long as something is being read. */
  #poll = new Poll(() => this.#look(), EVERY_MS);
  /** @type {KnowledgeApi|null} */
  #knowledge = null;
  #sources = el('div', { class: 'cards', 'data-testid': 'sources' });
  #gaps = el('div', { class: 'cards', 'data-testid': 'gaps' });
  #seen = '';

  /** @param {import('../desk.js').DeskParts} desk */
  constructor({ api, clock, speak }) {
    this.#api = api;
    this.#clock = clock;
    const t = (this.#t = speak(words));
    this.#problem = new ProblemLine(t);
    const text = el('p', { class: 'knowledge__text' }, t('knowledge_text'));
    this.element = el('div', { class: 'knowledge' }, el('h1', {}, t('knowledge')), text, this.#problem.element, this.#page);
  }

  /** @param {import('../router.js').Place} place an assistant's id, or nothing for the first */
  async show({ parts: [part] }) {
    const t = this.#t;
    await this.#problem.attempt(async () => {
      const assistants = await this.#api.all('assistants');
      const wanted = numberOf(part);
      const assistant = assistants.find(({ id }) => id === wanted) ?? assistants[0];
      if (!assistant) {
        this.#page.replaceChildren(el('p', { class: 'knowledge__text' }, t('no_assistant')));
        return;
      }
      this.#open(assistant, assistants);
    });
  }

  hide() {
    this.#poll.disconnect();
  }

  disconnect() {
    this.hide();
  }

  /** @param {Wire.Assistant} assistant @param {Wire.Assistant[]} assistants */
  #open(assistant, assistants) {
    const t = this.#t;
    this.#knowledge = new KnowledgeApi(this.#api, assistant.id);
    this.#seen = '';
    const which = choice(String(assistant.id), assistants.map(({ id, name }) => [String(id), name]));
    which.dataset.testid = 'which-assistant';
    which.addEventListener('change', () => (location.hash = `#/knowledge/${which.value}`));
    const options = { knowledge: this.#knowledge, t };
    this.#page.replaceChildren(
      el('div', { class: 'knowledge__row' }, labelled(t('of_assistant'), which), ...this.#settings(assistant)),
      el('h2', {}, t('try')),
      asking(options),
      el('h2', {}, t('gaps')),
      el('p', { class: 'knowledge__text' }, t('gaps_text')),
      this.#gaps,
      el('h2', {}, t('sources')),
      newSource({ ...options, clock: this.#clock, onChanged: () => this.#changed() }),
      this.#sources,
    );
    this.#poll.disconnect();
    this.#poll.connect();
  }

  /** Whether it answers by itself, and from which confidence on; saved as soon as it is changed. @param {Wire.Assistant} assistant */
  #settings(assistant) {
    const t = this.#t;
    const mode = choice(assistant.mode, ['bot', 'retrieval'].map((name) => [name, t(`mode_${name}`)]));
    mode.dataset.testid = 'mode';
    const percent = input(String(assistant.quote_percent), { type: 'number', min: '1', max: '100', 'data-testid': 'quote-percent' });
    const save = (fields) => this.#problem.attempt(() => this.#api.save('assistants', fields, assistant.id));
    mode.addEventListener('change', () => save({ mode: mode.value }));
    percent.addEventListener('change', () => save({ quote_percent: Number(percent.value) }));
    return [labelled(t('answering'), mode), labelled(t('quote_percent'), percent, t('quote_hint'))];
  }

  async #look() {
    const knowledge = this.#knowledge;
    if (!knowledge) return;
    await this.#problem.attempt(async () => {
      const [sources, gaps] = await Promise.all([knowledge.sources(), knowledge.gaps()]);
      const seen = JSON.stringify([sources, gaps]);
      if (knowledge !== this.#knowledge || seen === this.#seen || this.#isBusy()) return;
      this.#seen = seen;
      const options = { knowledge, t: this.#t, clock: this.#clock, onChanged: () => this.#changed() };
      this.#sources.replaceChildren(...sources.map((source) => sourceCard({ ...options, source })));
      if (!sources.length) this.#sources.append(el('p', { class: 'knowledge__text' }, this.#t('sources_none')));
      this.#gaps.replaceChildren(...gaps.map((gap) => gapCard({ ...options, gap })));
      if (!gaps.length) this.#gaps.append(el('p', { class: 'knowledge__text' }, this.#t('gaps_none')));
    });
  }

  /** Whether somebody works in a card, which must not be drawn anew under their hands. */
  #isBusy() {
    return [this.#sources, this.#gaps].some((cards) => cards.querySelector('details[open]'));
  }

  /** What was saved or deleted here is drawn, whatever is open. */
  #changed() {
    for (const open of this.element.querySelectorAll('details[open]')) open.removeAttribute('open');
    this.#look();
  }
}

import { el } from '../../shared/dom.js';
import { ProblemLine } from '../parts/problem-line.js';
import { styleSheet } from '../parts/styles.js';
import { words } from './phrases.js';
import { walk } from './road.js';

await styleSheet(new URL('./health.css', import.meta.url));

const ORDER = ['bad', 'note', 'good'];

/** How the installation stands: the doctor's findings, of the server itself and of the way there. */
export default class HealthSection {
  #api;
  #t;
  #locale;
  #verdict;
  #again;
  #inside;
  #road;
  #problem;

  /** @param {import('../desk.js').DeskParts} desk */
  constructor({ api, speak, locale }) {
    this.#api = api;
    this.#locale = locale;
    const t = (this.#t = speak(words));
    this.#problem = new ProblemLine(t, 'health-problem');
    this.#verdict = el('p', { class: 'health__verdict', role: 'status', 'data-testid': 'health-verdict' });
    this.#again = el('button', { class: 'button', type: 'button', onclick: () => this.#look() }, t('look_again'));
    this.#inside = el('ul', { class: 'health__list', 'data-testid': 'health-inside' });
    this.#road = el('ul', { class: 'health__list', 'data-testid': 'health-road' });
    this.element = el(
      'div',
      { class: 'health' },
      el('h1', {}, t('health')),
      el('p', { class: 'health__text' }, t('health_text')),
      el('div', { class: 'health__head' }, this.#verdict, this.#again),
      this.#problem.element,
      el('h2', {}, t('from_here')),
      this.#road,
      el('h2', {}, t('from_inside')),
      this.#inside,
    );
  }

  /** @param {import('../router.js').Place} _place @param {boolean} entered */
  show(_place, entered) {
    if (entered) this.#look();
  }

  disconnect() {}

  async #look() {
    const t = this.#t;
    this.#again.disabled = true;
    this.#verdict.textContent = t('looking');
    const done = await this.#problem.attempt(async () => {
      const examined = await this.#api.examined(this.#locale);
      const road = (await walk(examined, this.#api.road)).map((seen) => worded(seen, examined.from_a_browser));
      this.#draw(this.#inside, examined.findings);
      this.#draw(this.#road, road);
      const count = (verdict) => [...examined.findings, ...road].filter((each) => each.verdict === verdict).length;
      const [bad, note] = [count('bad'), count('note')];
      this.#verdict.textContent = bad + note ? t('some_bad', { bad, note }) : t('all_well');
    });
    if (!done) this.#verdict.textContent = '';
    this.#again.disabled = false;
  }

  /** @param {HTMLElement} list @param {Wire.Finding[]} findings */
  #draw(list, findings) {
    const sorted = [...findings].sort((one, other) => ORDER.indexOf(one.verdict) - ORDER.indexOf(other.verdict));
    list.replaceChildren(...sorted.map((each) => this.#row(each)));
  }

  /** @param {Wire.Finding} finding */
  #row({ code, verdict, what, advice }) {
    return el(
      'li',
      { class: 'health__row', 'data-code': code, 'data-verdict': verdict },
      el('span', { class: 'health__mark' }, this.#t(verdict)),
      el('div', { class: 'health__words' }, el('p', {}, what), advice ? el('p', { class: 'health__advice' }, advice) : ''),
    );
  }
}

/**
 * An observation in the server's words.
 * @param {import('./road.js').Observation} seen
 * @param {Wire.Finding[]} known
 * @returns {Wire.Finding}
 */
function worded({ code, params = {} }, known) {
  const finding = known.find((each) => each.code === code);
  if (finding === undefined) throw new TypeError(`the server has no words for ${code}`);
  const put = (text) => text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
  return { ...finding, what: put(finding.what), advice: put(finding.advice) };
}

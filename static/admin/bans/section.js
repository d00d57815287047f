import { el } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';
import { Poll } from '../parts/poll.js';
import { ProblemLine } from '../parts/problem-line.js';
import { arrange } from '../parts/rows.js';
import { styleSheet } from '../parts/styles.js';
import { words } from './phrases.js';

await styleSheet(new URL('./bans.css', import.meta.url));

const EVERY_MS = 5000;

/** Every ban, the newest first, to be lifted here. */
export default class BansSection {
  #api;
  #t;
  #clock;
  #problem;
  #poll = new Poll(() => this.#look(), EVERY_MS);
  #title;
  #items = el('ul', { class: 'bans__list', 'data-testid': 'bans' });
  #empty;
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();

  /** @param {import('../desk.js').DeskParts} desk */
  constructor({ api, clock, speak }) {
    this.#api = api;
    this.#clock = clock;
    const t = (this.#t = speak(words));
    this.#problem = new ProblemLine(t);
    this.#title = el('h1', { tabindex: '-1' }, t('bans'));
    this.#empty = el('p', { class: 'bans__empty', hidden: true, 'data-testid': 'bans-empty' }, t('bans_none'));
    const text = el('p', { class: 'bans__text' }, t('bans_text'));
    this.element = el('div', { class: 'bans' }, this.#title, text, this.#problem.element, this.#empty, this.#items);
  }

  show() {
    this.#poll.connect();
  }

  hide() {
    this.#poll.disconnect();
  }

  disconnect() {
    this.hide();
  }

  async #look() {
    try {
      this.#render((await this.#api.all('bans')).reverse());
      this.#problem.clear();
    } catch (error) {
      this.#problem.say(problemWords(error, this.#t));
    }
  }

  /** @param {Wire.Ban[]} bans */
  #render(bans) {
    const known = this.#rows;
    this.#rows = new Map(bans.map((ban) => [ban.id, known.get(ban.id) ?? this.#row(ban)]));
    arrange(this.#items, [...this.#rows.values()]);
    this.#empty.hidden = bans.length > 0;
  }

  /** @param {Wire.Ban} ban */
  #row(ban) {
    const t = this.#t;
    const { address, expires_at: expiresAt, created_at: createdAt } = ban;
    const what = address ? t('ban_of_address', { address }) : t('ban_of_visitor');
    const over = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
    const until = expiresAt === null ? t('ban_for_good') : t(over ? 'ban_over' : 'ban_until', { moment: this.#clock.moment(expiresAt) });
    const lift = el(
      'button',
      { type: 'button', class: 'button', 'aria-label': t('lift_of', { what }), 'data-testid': 'ban-lift' },
      t('lift'),
    );
    lift.addEventListener('click', () => this.#lift(lift, ban));
    const dialog = el('a', { href: `#/dialogs/${ban.dialog_id}` }, t('ban_dialog', { id: ban.dialog_id }));
    return el(
      'li',
      { class: 'ban', 'data-testid': 'ban' },
      el(
        'div',
        { class: 'ban__facts' },
        el('p', { class: 'ban__what' }, what, ' · ', dialog),
        ban.reason && el('p', { class: 'ban__reason', dir: 'auto' }, ban.reason),
        el('p', { class: 'ban__about' }, until),
        el('p', { class: 'ban__about' }, t('ban_by', { name: ban.created_by, moment: this.#clock.moment(createdAt) })),
      ),
      lift,
    );
  }

  async #lift(button, ban) {
    button.disabled = true;
    try {
      await this.#api.remove('bans', ban.id);
      this.#problem.clear();
      this.#title.focus(); // the row goes, and the keyboard would be lost with it
    } catch (error) {
      button.disabled = false;
      this.#problem.say(problemWords(error, this.#t));
    }
    await this.#look();
  }
}

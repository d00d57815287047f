import { el } from '../../shared/dom.js';
import { arrange } from '../parts/rows.js';
import { ProblemLine } from '../parts/problem-line.js';
import { answerWords, deliveryMark, eventWords } from './words.js';

const PAGE = 50;
/** The most that the server gives at once, and so the most that is kept fresh. */
const MOST = 200;

/** The time alone where it is today. */
function soon(at, clock) {
  return clock.dayKey(at) === clock.dayKey(new Date()) ? clock.time(at) : clock.full(at);
}

/** One delivery; what is unfolded and where the focus is stays while its state changes. */
class Row {
  #options;
  #mark = el('span', { class: 'delivery__mark' });
  #about = el('p', { class: 'delivery__about' });
  #facts = el('dl', { class: 'delivery__facts' });
  #replay;
  #drawn = '';

  constructor({ t, clock, delivery, onReplay }) {
    this.#options = { t, clock };
    const what = eventWords(delivery.type, t) ?? delivery.type;
    const name = t('delivery_name', { what, time: clock.full(delivery.created_at) });
    this.#replay = el('button', { type: 'button', class: 'button', onclick: onReplay, 'data-testid': 'replay' });
    this.element = el(
      'li',
      { class: 'delivery', 'data-testid': 'delivery', 'data-delivery-id': delivery.id, 'aria-label': name },
      el(
        'div',
        { class: 'delivery__head' },
        this.#mark,
        el('span', { class: 'delivery__what' }, what),
        el(
          'time',
          { class: 'delivery__time', datetime: delivery.created_at, title: clock.full(delivery.created_at) },
          clock.brief(delivery.created_at),
        ),
      ),
      this.#about,
      el('details', { class: 'delivery__details' }, el('summary', {}, t('delivery_details')), this.#facts),
      this.#replay,
    );
    this.name = name;
  }

  /** @param {Wire.Delivery} delivery @param {boolean} active whether its webhook sends anything */
  render(delivery, active) {
    const { t, clock } = this.#options;
    const waits = delivery.status === 'pending';
    this.#replay.disabled = !active;
    const drawn = JSON.stringify([delivery, active]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.dataset.status = delivery.status;
    this.#mark.replaceChildren(deliveryMark(delivery, t));
    this.#replay.textContent = t(waits ? 'delivery_now' : 'delivery_again');
    this.#replay.setAttribute('aria-label', `${this.#replay.textContent}: ${this.name}`);
    const next =
      waits && active && delivery.attempts > 0 && t('delivery_next', { time: soon(delivery.next_attempt_at, clock) });
    const parts = [
      answerWords(delivery, t),
      delivery.attempts > 0 && t('delivery_attempts', { n: delivery.attempts }),
      next,
    ];
    this.#about.textContent = parts.filter(Boolean).join(' · ');
    this.#facts.replaceChildren(...this.#lines(delivery));
  }

  #lines(delivery) {
    const { t, clock } = this.#options;
    const moment = (at) => at && el('time', { datetime: at }, clock.full(at));
    const facts = [
      ['delivery_event', el('code', {}, delivery.event_id)],
      ['delivery_type', el('code', {}, delivery.type)],
      ['delivery_created', moment(delivery.created_at)],
      ['delivery_attempted', moment(delivery.attempted_at)],
      ['delivery_finished', moment(delivery.finished_at)],
      ['delivery_body', delivery.response_body && el('code', {}, delivery.response_body)],
    ];
    return facts.filter(([, value]) => value).flatMap(([key, value]) => [el('dt', {}, t(key)), el('dd', {}, value)]);
  }
}

/** What was sent to a webhook and what came of it, the newest first. */
export class DeliveryLog {
  #options;
  #problem;
  #empty;
  #off;
  #items = el('ul', { class: 'deliveries', 'data-testid': 'deliveries' });
  #more;
  #active = true;
  /** @type {Map<number, Wire.Delivery>} */
  #deliveries = new Map();
  /** @type {Map<number, Row>} */
  #rows = new Map();
  /** The id before which there is more on the server, or null. */
  #next = null;

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {number} options.id the webhook's
   * @param {() => void} options.onReplayed
   */
  constructor(options) {
    this.#options = options;
    const { t } = options;
    this.#problem = new ProblemLine(t);
    this.#empty = el('p', { class: 'webhooks__text', hidden: true }, t('deliveries_none'));
    this.#off = el(
      'p',
      { class: 'webhooks__text', hidden: true, 'data-testid': 'deliveries-off' },
      t('deliveries_off'),
    );
    this.#more = el(
      'button',
      {
        type: 'button',
        class: 'button',
        hidden: true,
        onclick: () => this.#problem.attempt(() => this.#older()),
        'data-testid': 'deliveries-more',
      },
      t('more'),
    );
    this.element = el(
      'section',
      { class: 'webhooks__log' },
      el('h2', {}, t('deliveries')),
      this.#off,
      this.#problem.element,
      this.#empty,
      this.#items,
      this.#more,
    );
  }

  /** Brings what is shown up to date. @throws {import('../../shared/http.js').HttpProblem} */
  async load() {
    const { api, id } = this.#options;
    const page = await api.deliveries(id, { limit: Math.min(MOST, Math.max(PAGE, this.#deliveries.size)) });
    const newest = Math.max(0, ...this.#deliveries.keys());
    const apart = page.next !== null && page.next > newest; // more happened since than a page holds
    if (apart || this.#deliveries.size === 0) {
      this.#deliveries.clear();
      this.#next = page.next;
    }
    this.#take(page);
  }

  /** @param {boolean} active whether the webhook sends anything */
  render(active) {
    this.#active = active;
    this.#draw();
  }

  async #older() {
    const { api, id } = this.#options;
    const page = await api.deliveries(id, { limit: PAGE, before: this.#next });
    this.#next = page.next;
    this.#take(page);
    this.#rows.get(page.items[0]?.id)?.element.querySelector('summary').focus();
  }

  async #replay(id) {
    const { api, onReplayed } = this.#options;
    const again = await api.replay(this.#options.id, id);
    this.#deliveries.set(id, again);
    this.#draw();
    onReplayed();
  }

  #take(page) {
    for (const delivery of page.items) this.#deliveries.set(delivery.id, delivery);
    this.#draw();
  }

  #draw() {
    const { t, clock } = this.#options;
    const rows = new Map();
    for (const delivery of [...this.#deliveries.values()].sort((a, b) => b.id - a.id)) {
      const onReplay = () => this.#problem.attempt(() => this.#replay(delivery.id));
      const row = this.#rows.get(delivery.id) ?? new Row({ t, clock, delivery, onReplay });
      row.render(delivery, this.#active);
      rows.set(delivery.id, row);
    }
    this.#rows = rows;
    arrange(
      this.#items,
      [...rows.values()].map(({ element }) => element),
    );
    this.#empty.hidden = rows.size > 0;
    this.#off.hidden = this.#active || rows.size === 0;
    this.#more.hidden = this.#next === null;
  }
}

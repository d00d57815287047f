/** Two screens of lines; older ones are a press away. */
const PAGE = 30;

/**
 * What a ticket has beyond its dialog: the description and the history of changes. Lines of history are
 * kept by id, so it does not matter whether a page or an event brought one, or both did.
 */
export class TicketRecord {
  #id;
  #api;
  #onChange;
  /** @type {Map<number, Wire.TicketChange>} */
  #changes = new Map();
  #older = null;
  /** Lines that events brought while a page was on its way. @type {Wire.TicketChange[]|null} */
  #late = null;
  #description = null;

  /** @param {{id: string, api: import('../api.js').PanelApi, onChange: () => void}} options */
  constructor({ id, api, onChange }) {
    this.#id = id;
    this.#api = api;
    this.#onChange = onChange;
  }

  /** @returns {string} the ticket's id */
  get id() {
    return this.#id;
  }

  /** @returns {string|null} null until it is loaded; it never changes */
  get description() {
    return this.#description;
  }

  /** @returns {Wire.TicketChange[]} newest first, without gaps */
  get changes() {
    return [...this.#changes.values()].sort((a, b) => b.id - a.id);
  }

  /** @returns {boolean} whether the history goes on before the oldest line here */
  get hasOlder() {
    return this.#older !== null;
  }

  /** Replaces everything by the newest page; lines that arrive meanwhile are kept. */
  async load() {
    const late = (this.#late = []);
    const [ticket, page] = await Promise.all([this.#api.ticket(this.#id), this.#api.changes(this.#id, { limit: PAGE })]);
    if (late !== this.#late) return; // a later load replaces this one
    this.#late = null;
    this.#changes.clear();
    for (const change of [...page.items, ...late]) this.#changes.set(change.id, change);
    this.#older = page.next;
    this.#description = ticket.description;
    this.#onChange();
  }

  /** Puts the page before the oldest line behind it. */
  async loadOlder() {
    const before = this.#older;
    if (before === null) return;
    const { items, next } = await this.#api.changes(this.#id, { before, limit: PAGE });
    if (this.#older !== before) return; // reloaded meanwhile, or asked twice
    for (const change of items) this.#changes.set(change.id, change);
    this.#older = next;
    this.#onChange();
  }

  /** @param {Wire.Event} event of this ticket's dialog */
  apply(event) {
    if (event.type !== 'ticket:updated') return;
    for (const change of event.changes) this.#changes.set(change.id, change);
    this.#late?.push(...event.changes);
    this.#onChange();
  }
}

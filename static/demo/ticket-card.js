import { el, icon } from '../shared/dom.js';

/** In these a ticket waits for nobody. */
const ENDED = new Set(['RESOLVED', 'CLOSED']);
/** How long a button says that it has copied. */
const COPIED_MS = 2_000;

/** The facts of a ticket and the server it lives on. */
export class TicketCard {
  #t;
  #format;
  #facts = el('dl', { class: 'facts' });

  /** @param {(key: string) => string} t @param {'ru'|'en'} locale */
  constructor(t, locale) {
    this.#t = t;
    this.#format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
    const title = el('h2', { id: 'info-title' }, t('info'));
    this.element = el('section', { class: 'panel', 'aria-labelledby': 'info-title', 'data-testid': 'info' }, title, this.#facts);
  }

  /**
   * @param {import('./tickets-api.js').Ticket|null} ticket
   * @param {string} server what the page talks to, or was asked to
   */
  show(ticket, server) {
    const rows = ticket ? this.#rows(ticket) : [this.#row('ticket', this.#t('no_ticket'))];
    this.#facts.replaceChildren(...rows, this.#row('server', el('code', { 'data-testid': 'server-url' }, server)));
  }

  #rows(ticket) {
    const t = this.#t;
    const pill = (kind, value) => el('span', { class: 'pill', [`data-${kind}`]: value }, t(`${kind}_${value}`));
    return [
      this.#row('subject', el('strong', { dir: 'auto' }, ticket.subject)),
      ticket.description && this.#row('description', el('p', { class: 'facts__text', dir: 'auto' }, ticket.description)),
      this.#row('status', pill('status', ticket.status)),
      this.#row('priority', pill('priority', ticket.priority)),
      this.#row('agent', ticket.assignedAgent?.name ?? t('nobody')),
      ticket.firstResponseAt
        ? this.#row('responded', this.#time(ticket.firstResponseAt))
        : this.#row('response_due', this.#due(ticket.responseDueAt, ticket)),
      this.#row('resolution_due', this.#due(ticket.resolutionDueAt, ticket)),
      this.#row('created', this.#time(ticket.createdAt)),
      this.#row('ticket_id', this.#id(ticket.id)),
    ].filter(Boolean);
  }

  #row(name, value) {
    return el('div', { class: 'facts__row', 'data-testid': `fact-${name}` }, el('dt', {}, this.#t(name)), el('dd', {}, value));
  }

  #time(timestamp) {
    return el('time', { datetime: timestamp }, this.#format.format(new Date(timestamp)));
  }

  #due(timestamp, ticket) {
    if (!timestamp) return this.#t(ENDED.has(ticket.status) ? 'due_ended' : 'due_waiting');
    const time = this.#time(timestamp);
    if (new Date(timestamp) > new Date()) return time;
    return el('span', { class: 'overdue' }, time, ` · ${this.#t('overdue')}`);
  }

  #id(id) {
    const code = el('code', { 'data-testid': 'ticket-id' }, id);
    const label = this.#t('copy_id');
    const button = el('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label }, icon('copy'));
    const said = el('span', { class: 'hidden', role: 'status' });
    button.addEventListener('click', () => this.#copy(id, code, button, said));
    return el('span', { class: 'facts__id' }, code, button, said);
  }

  /** The clipboard exists only in secure contexts; elsewhere the id is selected, ready to be copied by hand. */
  async #copy(id, code, button, said) {
    try {
      await navigator.clipboard.writeText(id);
    } catch {
      getSelection().selectAllChildren(code);
      return;
    }
    said.textContent = this.#t('copied');
    button.replaceChildren(icon('check'));
    setTimeout(() => {
      said.textContent = '';
      button.replaceChildren(icon('copy'));
    }, COPIED_MS);
  }
}

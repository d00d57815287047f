import { el } from '../../shared/dom.js';
import { choice, labelled } from '../../shared/fields.js';
import { PRIORITIES, STATUSES } from './ticket-marks.js';

/**
 * A closed select reports every arrow key, and a status passed on the way is a line of history and may stop
 * the clock of the targets: only where the choice stays this long is meant.
 */
const PAUSE_MS = 400;
const NOBODY = '';

/** A ticket beside its messages: what is asked, what can be changed, by when, and what was changed. */
export class TicketPanel {
  #options;
  #selects;
  #operators = [];
  #dues = el('dl', { class: 'ticket__dues' });
  #description;
  #history;
  #older;
  #dialog = null;
  /** Choices that are not sent yet, and those on their way: the event of another's change must not undo them. */
  /** @type {Record<string, string>} */
  #chosen = {};
  /** @type {Record<string, string>} */
  #sending = {};
  #timer = null;
  #queue = Promise.resolve();
  #drawn = '';

  /**
   * @param {object} options
   * @param {import('./ticket-record.js').TicketRecord} options.record
   * @param {{id: number, name: string}} options.user
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => Promise<{id: number, name: string}[]>} options.operators whom a ticket can be given to
   * @param {(fields: Wire.ChangeTicket) => Promise<void>} options.onChange returns when the change shows in the inbox
   * @param {(error: Error) => void} options.onProblem
   */
  constructor(options) {
    this.#options = options;
    const { t, record } = options;
    const select = (name, items) => this.#select(name, items);
    this.#selects = {
      status: select('status', STATUSES.map((each) => [each, t(`status_${each}`)])),
      priority: select('priority', PRIORITIES.map((each) => [each, t(`priority_${each}`)])),
      assignee: select('assignee', []),
    };
    this.#description = el('p', { class: 'ticket__description', 'data-testid': 'ticket-description' });
    this.#history = el('ol', { class: 'ticket__changes', 'data-testid': 'ticket-changes' });
    this.#older = el('button', { type: 'button', class: 'button', hidden: true }, t('older_changes'));
    this.#older.addEventListener('click', () => record.loadOlder().catch(options.onProblem));
    const wide = matchMedia('(min-width: 1100px)').matches;
    const fields = Object.entries(this.#selects).map(([name, control]) => labelled(t(`ticket_${name}`), control));
    this.element = el(
      'details',
      { class: 'ticket', 'data-testid': 'ticket-panel', open: wide },
      el('summary', { class: 'ticket__title' }, t('ticket_details')),
      el('div', { class: 'ticket__fields' }, ...fields),
      this.#dues,
      el('h2', { class: 'ticket__heading' }, t('ticket_description')),
      this.#description,
      el('h2', { class: 'ticket__heading' }, t('ticket_changes')),
      this.#history,
      this.#older,
    );
  }

  /** Finds out whom the ticket can be given to. */
  async connect() {
    try {
      this.#operators = await this.#options.operators();
    } catch (error) {
      this.#options.onProblem(error);
    }
    if (this.#dialog) this.#drawFields();
  }

  /** What was chosen last is still sent. */
  disconnect() {
    if (this.#timer !== null) this.#send();
  }

  /** @param {Wire.Dialog} dialog with its `ticket` */
  render(dialog) {
    this.#dialog = dialog;
    this.#drawFields();
    const { record } = this.#options;
    const drawn = JSON.stringify([dialog.ticket, record.changes, record.description, new Date().toDateString()]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#drawDues(dialog.ticket);
    this.#description.textContent = record.description ?? this.#options.t('loading');
    this.#history.replaceChildren(...this.#lines(record.changes));
    this.#older.hidden = !record.hasOlder;
  }

  #select(name, items) {
    const control = choice('', items);
    control.dataset.testid = `ticket-${name}`;
    control.addEventListener('change', () => {
      this.#chosen[name] = control.value;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#send(), PAUSE_MS);
    });
    return control;
  }

  /** One request at a time, so that the last choice is the last to arrive. */
  #send() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue = this.#queue.then(async () => {
      this.#sending = this.#chosen;
      this.#chosen = {};
      if (!Object.keys(this.#sending).length) return;
      const { assignee, ...rest } = this.#sending;
      const given = assignee === NOBODY ? null : Number(assignee);
      const fields = assignee === undefined ? rest : { ...rest, assignee: given };
      await this.#options.onChange(fields).catch(this.#options.onProblem);
      this.#sending = {};
      this.#drawFields();
    });
  }

  #drawFields() {
    const { status, priority } = this.#dialog.ticket;
    this.#drawOperators();
    const assignee = String(this.#dialog.assignee?.id ?? NOBODY);
    const shown = { status, priority, assignee, ...this.#sending, ...this.#chosen };
    for (const [name, control] of Object.entries(this.#selects)) {
      if (control.value !== shown[name]) control.value = shown[name];
    }
  }

  /** Whoever has the ticket is in the list, even if the account can no longer be given one. */
  #drawOperators() {
    const { t, user } = this.#options;
    const known = new Map([user, ...this.#operators].map((each) => [each.id, each]));
    const { assignee } = this.#dialog;
    if (assignee && !known.has(assignee.id)) known.set(assignee.id, assignee);
    const items = [...known.values()].sort((a, b) => Number(b.id === user.id) - Number(a.id === user.id) || a.name.localeCompare(b.name));
    const control = this.#selects.assignee;
    const drawn = items.map(({ id, name }) => `${id} ${name}`).join('\n');
    if (control.dataset.drawn === drawn) return;
    control.dataset.drawn = drawn;
    const nobody = el('option', { value: NOBODY }, t('nobody'));
    const nameOf = ({ id, name }) => (id === user.id ? t('you_named', { name }) : name);
    control.replaceChildren(nobody, ...items.map((each) => el('option', { value: each.id }, nameOf(each))));
  }

  #drawDues(card) {
    const { t, clock } = this.#options;
    const at = (moment) => moment && `${clock.day(moment)}, ${clock.time(moment)}`;
    const given = card.first_response_at;
    const ended = ['RESOLVED', 'CLOSED'].includes(card.status);
    const rest = t(ended ? 'due_ended' : 'due_waiting');
    const rows = [
      given ? ['responded', at(given)] : ['due_response', at(card.response_due_at) ?? rest],
      ['due_resolution', at(card.resolution_due_at) ?? rest],
    ];
    this.#dues.replaceChildren(...rows.flatMap(([label, words]) => [el('dt', {}, t(label)), el('dd', {}, words)]));
  }

  #lines(changes) {
    const { t, clock } = this.#options;
    if (!changes.length) return [el('li', { class: 'ticket__change-about' }, t('no_changes'))];
    return changes.map((change) => {
      const who = change.account?.name ?? t(`by_${change.actor}`);
      const at = change.createdAt;
      const when = el('time', { datetime: at, title: clock.full(at) }, clock.brief(at));
      const words = t('changed', { field: t(`ticket_${change.field}`), after: this.#value(change.field, change.after) });
      const before = !change.field.endsWith('Sla') && t('changed_from', { before: this.#value(change.field, change.before) });
      const about = el('span', { class: 'ticket__change-about' }, before && `${before} · `, `${who} · `, when);
      return el('li', { class: 'ticket__change' }, el('span', {}, words), about);
    });
  }

  #value(field, value) {
    const { t } = this.#options;
    if (field === 'assignee') return value ?? t('nobody');
    if (field.endsWith('Sla')) return t(`missed_${value}`);
    return t(`${field}_${value}`);
  }
}

import { el } from '../../shared/dom.js';

/** What a ticket can be; the words are `status_…` and `priority_…`. */
export const STATUSES = ['OPEN', 'IN_PROGRESS', 'WAITING', 'RESOLVED', 'CLOSED'];
export const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH', 'URGENT'];

/**
 * A ticket at a glance: that it is one, its status, its priority, and the time by which something is due.
 * @param {Wire.TicketCard} card
 * @param {(key: string, params?: object) => string} t
 * @param {import('../../shared/i18n.js').Clock} clock
 * @returns {HTMLElement[]}
 */
export function ticketMarks(card, t, clock) {
  const due = [card.response_due_at, card.resolution_due_at].filter(Boolean).sort()[0];
  const sla = due && t(`sla_${card.sla ?? 'in_time'}`, { time: clock.brief(due) });
  return [
    el('span', { class: 'mark mark--ticket', 'data-testid': 'ticket-mark' }, t('ticket')),
    el('span', { class: 'mark', 'data-status': card.status }, t(`status_${card.status}`)),
    el('span', { class: 'mark', 'data-priority': card.priority }, t(`priority_${card.priority}`)),
    due && el('span', { class: 'mark', 'data-sla': card.sla ?? '', 'data-testid': 'ticket-sla', title: clock.full(due) }, sla),
  ].filter(Boolean);
}

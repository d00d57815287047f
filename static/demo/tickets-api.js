import { request } from '../shared/http.js';

/**
 * A ticket as the server tells it.
 * @typedef {object} Ticket
 * @property {string} id also the right to speak in it as USER
 * @property {string} subject
 * @property {string} description
 * @property {'OPEN'|'IN_PROGRESS'|'WAITING'|'RESOLVED'|'CLOSED'} status
 * @property {'LOW'|'MEDIUM'|'HIGH'|'URGENT'} priority
 * @property {{id: number, name: string}|null} assignedAgent
 * @property {string|null} firstResponseAt RFC 3339; null while nobody has answered
 * @property {string|null} responseDueAt null where nothing is due
 * @property {string|null} resolutionDueAt
 * @property {string} createdAt
 * @property {string} updatedAt
 */

/** The tickets of one server over HTTP. Every method rejects with `HttpProblem`. */
export class TicketsApi {
  #base;

  /** @param {string} server an origin */
  constructor(server) {
    this.#base = `${server}/api/support/tickets`;
  }

  /** @param {{subject: string, description: string, priority: string, userId?: string}} ticket @returns {Promise<Ticket>} */
  create(ticket) {
    return request(this.#base, { method: 'POST', body: ticket, credentials: 'omit' });
  }

  /** @param {string} id @returns {Promise<Ticket>} */
  read(id) {
    return request(`${this.#base}/${encodeURIComponent(id)}`, { credentials: 'omit' });
  }

  /**
   * One page of the history, oldest first.
   * @param {string} id
   * @param {{before?: number, limit: number}} page
   */
  messages(id, { before, limit }) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (before !== undefined) query.set('before', String(before));
    return request(`${this.#base}/${encodeURIComponent(id)}/messages?${query}`, { credentials: 'omit' });
  }
}

import { numberOf } from '../router.js';

/**
 * Where one is among the dialogs.
 * @typedef {'all'|'dialog'|'ticket'} Kind which of the two the list shows
 * @typedef {{dialogId: number|null, messageId: number|null, status: 'open'|'closed', kind: Kind}} Route
 */

/** @type {Kind[]} */
const KINDS = ['dialog', 'ticket'];

/** @param {import('../router.js').Place} place @returns {Route} */
export function routeOf({ parts, query }) {
  return {
    dialogId: numberOf(parts[0]),
    messageId: numberOf(query.get('message')),
    status: query.get('status') === 'closed' ? 'closed' : 'open',
    kind: KINDS.find((name) => name === query.get('kind')) ?? 'all',
  };
}

/**
 * @param {Route} route its message is left out: going on from a message leads to dialogs
 * @param {number} [messageId] the message to open the dialog at
 * @returns {string}
 */
export function hashOf({ dialogId, status, kind }, messageId) {
  const id = dialogId === null ? '' : `/${dialogId}`;
  const parts = [status === 'closed' && 'status=closed', kind !== 'all' && `kind=${kind}`, messageId && `message=${messageId}`];
  const asked = parts.filter(Boolean).join('&');
  return `#/dialogs${id}${asked && `?${asked}`}`;
}

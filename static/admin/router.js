/**
 * Where the panel is, kept in the address after `#` so that it can be linked to and reloaded.
 * @typedef {'all'|'dialog'|'ticket'} Kind which of the two the list shows
 * @typedef {'pending'|'approved'|'rejected'} Products which of the products moderation shows
 * @typedef {{section: 'dialogs'|'widgets'|'moderation'|'webhooks', dialogId: number|null, messageId: number|null,
 *   status: 'open'|'closed', kind: Kind, products: Products, webhook: number|'new'|null}} Route
 */

/** Sections that only admins have. @type {Route['section'][]} */
export const FOR_ADMINS = ['moderation', 'webhooks'];
/** @type {Route['section'][]} */
const OTHERS = ['widgets', ...FOR_ADMINS];
/** @type {Kind[]} */
const KINDS = ['dialog', 'ticket'];
/** @type {Products[]} */
const PRODUCTS = ['pending', 'approved', 'rejected'];

const numberOf = (text) => (/^\d+$/.test(text ?? '') ? Number(text) : null);

/** @param {string} hash e.g. `#/dialogs/1?status=closed` @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?');
  const [, section, id] = path.split('/');
  const asked = new URLSearchParams(query);
  const dialogId = numberOf(id);
  const other = OTHERS.find((name) => name === section);
  return {
    section: other ?? 'dialogs',
    dialogId: other ? null : dialogId,
    messageId: other ? null : numberOf(asked.get('message')),
    status: asked.get('status') === 'closed' ? 'closed' : 'open',
    kind: KINDS.find((name) => name === asked.get('kind')) ?? 'all',
    products: PRODUCTS.find((name) => name === id) ?? 'pending',
    webhook: id === 'new' ? id : dialogId,
  };
}

/**
 * @param {Route} route its message is left out: going on from a message leads to dialogs
 * @param {number} [messageId] the message to open the dialog at
 * @returns {string}
 */
export function hashOf({ section, dialogId, status, kind }, messageId) {
  const id = dialogId === null ? '' : `/${dialogId}`;
  const parts = [status === 'closed' && 'status=closed', kind !== 'all' && `kind=${kind}`, messageId && `message=${messageId}`];
  const asked = parts.filter(Boolean).join('&');
  return `#/${section}${id}${asked && `?${asked}`}`;
}

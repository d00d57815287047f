/**
 * Where the panel is, kept in the address after `#` so that it can be linked to and reloaded.
 * @typedef {'all'|'dialog'|'ticket'} Kind which of the two the list shows
 * @typedef {'pending'|'approved'|'rejected'} Products which of the products moderation shows
 * @typedef {{section: 'dialogs'|'widgets'|'moderation'|'webhooks', dialogId: number|null, messageId: number|null,
 *   status: 'open'|'closed', kind: Kind, products: Products, webhook: number|'new'|null}} Route
 */

/** Sections that only admins have. */
export const FOR_ADMINS = ['moderation', 'webhooks'];
const PRODUCTS = ['pending', 'approved', 'rejected'];

/** @param {string} hash e.g. `#/dialogs/1?status=closed` @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?');
  const [, section, id] = path.split('/');
  const asked = new URLSearchParams(query);
  const status = asked.get('status') === 'closed' ? 'closed' : 'open';
  const kind = ['dialog', 'ticket'].includes(asked.get('kind')) ? asked.get('kind') : 'all';
  const [dialogId, messageId] = [id, asked.get('message')].map((text) => (/^\d+$/.test(text ?? '') ? Number(text) : null));
  const products = PRODUCTS.includes(id) ? id : 'pending';
  const rest = { status, kind, products, webhook: id === 'new' ? id : dialogId };
  if (section === 'widgets' || FOR_ADMINS.includes(section)) return { section, dialogId: null, messageId: null, ...rest };
  return { section: 'dialogs', dialogId, messageId, ...rest };
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

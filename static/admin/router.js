/**
 * Where the panel is, kept in the address after `#` so that it can be linked to and reloaded.
 * @typedef {'all'|'dialog'|'ticket'} Kind which of the two the list shows
 * @typedef {{section: 'dialogs'|'widgets', dialogId: number|null, status: 'open'|'closed', kind: Kind}} Route
 */

/** @param {string} hash e.g. `#/dialogs/1?status=closed` @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?');
  const [, section, id] = path.split('/');
  const asked = new URLSearchParams(query);
  const status = asked.get('status') === 'closed' ? 'closed' : 'open';
  const kind = ['dialog', 'ticket'].includes(asked.get('kind')) ? asked.get('kind') : 'all';
  if (section === 'widgets') return { section, dialogId: null, status, kind };
  return { section: 'dialogs', dialogId: /^\d+$/.test(id ?? '') ? Number(id) : null, status, kind };
}

/** @param {Route} route @returns {string} */
export function hashOf({ section, dialogId, status, kind }) {
  const id = dialogId === null ? '' : `/${dialogId}`;
  const asked = [status === 'closed' && 'status=closed', kind !== 'all' && `kind=${kind}`].filter(Boolean).join('&');
  return `#/${section}${id}${asked && `?${asked}`}`;
}

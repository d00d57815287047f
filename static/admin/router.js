/**
 * Where the panel is, kept in the address after `#` so that it can be linked to and reloaded.
 * @typedef {{section: 'dialogs'|'widgets', dialogId: number|null, status: 'open'|'closed'}} Route
 */

/** @param {string} hash e.g. `#/dialogs/1?status=closed` @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?');
  const [, section, id] = path.split('/');
  const status = new URLSearchParams(query).get('status') === 'closed' ? 'closed' : 'open';
  if (section === 'widgets') return { section, dialogId: null, status };
  return { section: 'dialogs', dialogId: /^\d+$/.test(id ?? '') ? Number(id) : null, status };
}

/** @param {Route} route @returns {string} */
export function hashOf({ section, dialogId, status }) {
  const id = dialogId === null ? '' : `/${dialogId}`;
  return `#/${section}${id}${status === 'closed' ? '?status=closed' : ''}`;
}

/**
 * Where the panel is, kept in the address after `#` so that it can be linked to and reloaded: `#/section/part?name=value`.
 * @typedef {{section: string, parts: string[], query: URLSearchParams}} Place
 */

/** @param {string} hash e.g. `#/dialogs/1?status=closed` @returns {Place} */
export function parsePlace(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?');
  const [section = '', ...parts] = path.split('/').slice(1);
  return { section, parts, query: new URLSearchParams(query) };
}

/** A whole number as an address has it, or null. @param {string|null|undefined} text @returns {number|null} */
export function numberOf(text) {
  return /^\d+$/.test(text ?? '') ? Number(text) : null;
}

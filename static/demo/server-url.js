/**
 * Where the page's server comes from.
 * @typedef {object} ServerChoice
 * @property {string|null} url an origin, e.g. `http://localhost:8000`; null when the wish is no address
 * @property {string} wish what was asked for
 */

/** An `http(s)` address as its origin, or null: nothing else is ever fetched from. @param {string} text */
export function originOf(text) {
  try {
    const { protocol, origin } = new URL(text.trim());
    return protocol === 'http:' || protocol === 'https:' ? origin : null;
  } catch {
    return null;
  }
}

/**
 * The server to talk to: `?apiUrl=` or `?server=`, then `window.API_URL` or `window.SERVER_URL`, then the page's own
 * origin. A wish that is no address is not skipped: a silent fallback would open tickets on the wrong server.
 * @param {{location: {search: string, origin: string}, API_URL?: unknown, SERVER_URL?: unknown}} view the window
 * @returns {ServerChoice}
 */
export function chooseServer(view = window) {
  const query = new URLSearchParams(view.location.search);
  const wishes = [query.get('apiUrl'), query.get('server'), view.API_URL, view.SERVER_URL, view.location.origin];
  const wish = wishes.filter((each) => typeof each === 'string').find((each) => each.trim() !== '') ?? '';
  return { url: originOf(wish), wish };
}

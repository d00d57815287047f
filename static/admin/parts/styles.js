import { el } from '../../shared/dom.js';

/**
 * Puts a style sheet into the page. A module that awaits it is not there before its styles are.
 * @param {URL} address
 * @returns {Promise<void>} rejects when it cannot be had
 */
export function styleSheet(address) {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error(`no styles at ${address.pathname}`));
    document.head.append(el('link', { rel: 'stylesheet', href: address.href, onload: () => resolve(), onerror: failed }));
  });
}

import { el } from '../../shared/dom.js';
import { cut } from '../../shared/text.js';

/** As much of an address as a line has room for, in characters. */
const SHOWN = 60;

/**
 * The page on which a visitor writes: short to read, whole to follow. What is no web address stays text.
 * @param {string} page
 * @param {import('../../shared/i18n.js').Translate} t
 * @returns {HTMLElement|string}
 */
export function pageLink(page, t) {
  const url = URL.canParse(page) ? new URL(page) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return t('page', { page: cut(page, SHOWN) });
  const address = `${url.host}${url.pathname === '/' ? '' : url.pathname}`;
  const shown = cut(address, SHOWN);
  const rest = shown === address && !url.search && !url.hash ? '' : '…';
  const link = { class: 'dialog__page', href: url.href, target: '_blank', rel: 'noopener noreferrer', title: page };
  return el('a', { ...link, 'data-testid': 'visitor-page' }, t('page', { page: `${shown}${rest}` }));
}

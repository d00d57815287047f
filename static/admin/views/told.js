import { el, icon } from '../../shared/dom.js';

/**
 * What stands above every section until it is dismissed.
 * @param {object} options
 * @param {import('../../shared/i18n.js').Translate} options.t
 * @param {string} options.words
 * @param {string} options.testid
 */
export function toldNotice({ t, words, testid }) {
  const label = t('told_dismiss');
  const dismiss = { type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: () => element.remove() };
  const element = el(
    'div',
    { class: 'told', role: 'status', 'data-testid': testid },
    el('p', {}, words),
    el('button', dismiss, icon('close')),
  );
  return element;
}

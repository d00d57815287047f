import { el, icon } from '../../shared/dom.js';

/**
 * Tells whoever has just signed in of the wrong passwords that strangers tried before; goes when it is dismissed.
 * @param {object} options
 * @param {import('../../shared/i18n.js').Translate} options.t
 * @param {import('../../shared/i18n.js').Clock} options.clock
 * @param {Wire.Refusals} options.refusals
 */
export function refusalsNotice({ t, clock, refusals }) {
  const label = t('refusals_dismiss');
  const words = t('refusals', {
    n: refusals.count,
    moment: clock.moment(refusals.last_at),
    address: refusals.last_address,
  });
  const element = el(
    'div',
    { class: 'told', role: 'status', 'data-testid': 'refusals' },
    el('p', {}, words),
    el(
      'button',
      { type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: () => element.remove() },
      icon('close'),
    ),
  );
  return element;
}

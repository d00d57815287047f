import { toldNotice } from './told.js';

/**
 * Tells whoever has just signed in of the wrong passwords that strangers tried before.
 * @param {object} options
 * @param {import('../../shared/i18n.js').Translate} options.t
 * @param {import('../../shared/i18n.js').Clock} options.clock
 * @param {Wire.Refusals} options.refusals
 */
export function refusalsNotice({ t, clock, refusals }) {
  const { count: n, last_at: at, last_address: address } = refusals;
  return toldNotice({ t, words: t('refusals', { n, moment: clock.moment(at), address }), testid: 'refusals' });
}

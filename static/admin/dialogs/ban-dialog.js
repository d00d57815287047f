import { el } from '../../shared/dom.js';
import { choice, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';
import { modal } from '../parts/modal.js';

/** For how long, in hours; nothing for good. */
const SPANS = ['1', '24', '168', '720', ''];

/**
 * Asks whom to ban, why and for how long.
 * @param {object} options
 * @param {HTMLElement} options.place where the dialog is put for as long as it is open
 * @param {string} options.name the visitor's
 * @param {import('../../shared/i18n.js').Translate} options.t
 * @returns {Promise<Wire.NewBan|null>} null when it was cancelled
 */
export async function askBan({ place, name, t }) {
  /** @type {Wire.NewBan|null} */
  let answer = null;
  const target = choice('visitor', [
    ['visitor', t('ban_visitor')],
    ['address', t('ban_address')],
  ]);
  const hours = choice(
    '24',
    SPANS.map((span) => [span, t(`ban_for_${span || 'good'}`)]),
  );
  const reason = input('', { maxlength: LIMITS.purpose, 'data-testid': 'ban-reason' });
  target.dataset.testid = 'ban-target';
  hours.dataset.testid = 'ban-hours';
  const dialog = el('dialog', { class: 'ask', 'aria-labelledby': 'ban-title', 'data-testid': 'ban-dialog' });
  const onsubmit = (event) => {
    event.preventDefault();
    answer = {
      target: target.value === 'address' ? 'address' : 'visitor',
      reason: reason.value.trim(),
      hours: hours.value ? Number(hours.value) : null,
    };
    dialog.close();
  };
  const cancel = el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, t('cancel'));
  const confirm = el('button', { class: 'button button--danger', 'data-testid': 'ban-confirm' }, t('ban_confirm'));
  dialog.append(
    el(
      'form',
      { class: 'ask__form', onsubmit },
      el('h2', { id: 'ban-title', dir: 'auto' }, t('ban_ask', { name })),
      el('p', {}, t('ban_text')),
      labelled(t('ban_whom'), target, t('ban_address_hint')),
      labelled(t('ban_hours'), hours),
      labelled(t('ban_reason'), reason, t('ban_reason_hint')),
      el('div', { class: 'ask__foot' }, confirm, cancel),
    ),
  );
  await modal(place, dialog, target);
  return answer;
}

import { el } from '../../shared/dom.js';
import { area, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';
import { modal } from '../parts/modal.js';

/** Notes are required for a rejection: the shop must learn why. */
function fieldsOf(action, t, settings, money) {
  const required = action === 'reject';
  const notes = area('', { maxlength: LIMITS.notes, required, 'data-testid': 'verdict-notes' });
  const fee = input('', { type: 'number', min: '0', max: LIMITS.amount, step: '0.01', inputmode: 'decimal', 'data-testid': 'verdict-fee' });
  const hint = t('fee_hint', { fee: money(settings.default_approval_fee) });
  const shown = [labelled(t('notes'), notes, t(required ? 'notes_hint_reject' : 'notes_hint'))];
  if (!required) shown.push(labelled(t('fee', { currency: settings.currency }), fee, hint));
  const read = () => ({
    ...(notes.value.trim() && { moderation_notes: notes.value.trim() }),
    ...(fee.value !== '' && { approval_fee: Number(fee.value) }),
  });
  const check = () => {
    const empty = required && !notes.value.trim();
    notes.setCustomValidity(empty ? t('notes_hint_reject') : '');
  };
  return { notes, shown, read, check };
}

/**
 * Asks for the notes and the fee of a decision.
 * @param {object} options
 * @param {HTMLElement} options.place where the dialog is put for as long as it is open
 * @param {'approve'|'reject'} options.action
 * @param {Wire.ModeratedProduct[]} options.products
 * @param {(key: string, params?: object) => string} options.t
 * @param {Wire.PlatformSettings} options.settings the platform's
 * @param {(amount: number) => string} options.money
 * @returns {Promise<object|null>} the fields, or null when it was cancelled
 */
export async function askVerdict({ place, action, products, t, settings, money }) {
  const { notes, shown, read, check } = fieldsOf(action, t, settings, money);
  let answer = null;
  const dialog = el('dialog', { class: 'ask', 'aria-labelledby': 'ask-title', 'data-testid': 'verdict-dialog' });
  const submit = (event) => {
    event.preventDefault();
    answer = read();
    dialog.close();
  };
  const cancel = el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, t('cancel'));
  const kind = action === 'reject' ? 'button button--danger' : 'button button--primary';
  const confirm = el('button', { class: kind, onclick: check, 'data-testid': 'verdict-confirm' }, t(action), el('kbd', {}, 'Ctrl ↵'));
  const one = products.length === 1;
  const title = one ? t(`${action}_ask_one`, { name: products[0].name }) : t(`${action}_ask`, { n: products.length });
  const form = el(
    'form',
    { class: 'ask__form', onsubmit: submit },
    el('h2', { id: 'ask-title' }, title),
    ...shown,
    el('div', { class: 'ask__foot' }, confirm, cancel),
  );
  form.addEventListener('input', check);
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    confirm.click();
  });
  dialog.append(form);
  await modal(place, dialog, notes);
  return answer;
}

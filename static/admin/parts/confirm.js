import { el } from '../../shared/dom.js';
import { modal } from './modal.js';

/**
 * Asks before something that cannot be taken back.
 * @param {object} options
 * @param {HTMLElement} options.place where the dialog is put for as long as it is open
 * @param {string} options.title
 * @param {string} options.text what will be lost
 * @param {string} options.action what the button says
 * @param {(key: string) => string} options.t
 * @returns {Promise<boolean>} whether to go on
 */
export async function confirmed({ place, title, text, action, t }) {
  let answer = false;
  const dialog = el('dialog', {
    class: 'ask',
    'aria-labelledby': 'confirm-title',
    'aria-describedby': 'confirm-text',
    'data-testid': 'confirm',
  });
  const end = (given) => {
    answer = given;
    dialog.close();
  };
  const no = el('button', { type: 'button', class: 'button', onclick: () => end(false) }, t('cancel'));
  const yes = el(
    'button',
    { type: 'button', class: 'button button--danger', onclick: () => end(true), 'data-testid': 'confirm-yes' },
    action,
  );
  dialog.append(
    el(
      'div',
      { class: 'ask__form' },
      el('h2', { id: 'confirm-title' }, title),
      el('p', { id: 'confirm-text' }, text),
      el('div', { class: 'ask__foot' }, yes, no),
    ),
  );
  await modal(place, dialog, no);
  return answer;
}

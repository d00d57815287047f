/**
 * Shows a dialog over the page until it is closed, and then takes it away.
 * @param {HTMLElement} place where it stands meanwhile
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} first what has the focus at the beginning
 * @returns {Promise<void>}
 */
export function modal(place, dialog, first) {
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
    place.append(dialog);
    dialog.showModal();
    first.focus();
  });
}

import { el, icon } from '../../shared/dom.js';

/**
 * Copies what stands in a field.
 * @param {(key: string) => string} t
 * @param {HTMLInputElement|HTMLTextAreaElement} field
 * @returns {HTMLElement}
 */
export function copyButton(t, field) {
  const words = el('span', { 'aria-live': 'polite' }, t('copy'));
  const button = el('button', { type: 'button', class: 'button', 'data-testid': 'copy' }, icon('copy'), words);
  button.addEventListener('click', async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand('copy'); // the clipboard's own interface exists only in secure contexts
    }
    words.textContent = t('copied');
    setTimeout(() => (words.textContent = t('copy')), 2000);
  });
  return button;
}

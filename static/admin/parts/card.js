import { el, icon } from '../../shared/dom.js';
import { problemWords } from '../../shared/problem-words.js';

/** How long a delete button stays armed. */
const ARMED_MS = 4000;

/** Deletes at the second press within a few seconds. */
function deleteButton(t, onDelete) {
  const button = el('button', { type: 'button', class: 'button button--quiet', 'data-testid': 'delete' }, t('delete'));
  let armed = 0;
  const disarm = () => {
    armed = 0;
    button.textContent = t('delete');
  };
  button.addEventListener('click', () => {
    if (armed) {
      clearTimeout(armed);
      disarm();
      onDelete();
    } else {
      armed = setTimeout(disarm, ARMED_MS);
      button.textContent = t('delete_sure');
    }
  });
  return button;
}

/**
 * A form in a card: saves its fields, tells what came of it.
 * @param {object} options
 * @param {(key: string, params?: object) => string} options.t
 * @param {string} options.title
 * @param {string} options.testid
 * @param {HTMLElement[]} options.fields
 * @param {HTMLElement|null} [options.extra] what stands below the fields
 * @param {() => object} options.read the fields' values
 * @param {(values: object) => Promise<string|void>} options.save returns what to tell
 * @param {(() => Promise<string|void>)|null} [options.remove]
 * @param {boolean} [options.isNew]
 * @param {boolean} [options.open] whether the card is unfolded
 * @returns {HTMLElement}
 */
export function card({ t, title, testid, fields, extra = null, read, save, remove = null, isNew = false, open = false }) {
  const told = el('p', { class: 'card__told', role: 'status' });
  const submit = el('button', { class: 'button button--primary', 'data-testid': 'save' }, t(isNew ? 'create' : 'save'));
  const attempt = async (action) => {
    submit.disabled = true;
    told.textContent = '';
    try {
      told.textContent = (await action()) ?? '';
      told.dataset.kind = 'done';
    } catch (error) {
      told.textContent = t('not_saved', { why: problemWords(error, t) });
      told.dataset.kind = 'problem';
    } finally {
      submit.disabled = false;
    }
  };
  const onsubmit = (event) => {
    event.preventDefault();
    attempt(() => save(read()));
  };
  const foot = el('div', { class: 'card__foot' }, submit, remove && deleteButton(t, () => attempt(remove)), told);
  return el(
    'details',
    { class: 'card', 'data-testid': testid, open },
    el('summary', { class: isNew ? 'card__title card__title--new' : 'card__title' }, isNew && icon('plus'), title),
    el('form', { class: 'card__form', onsubmit }, el('div', { class: 'card__fields' }, ...fields), extra, foot),
  );
}

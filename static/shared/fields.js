import { el } from './dom.js';

/** A control with its label above and, if given, a hint below. @returns {HTMLElement} */
export function labelled(label, control, hint = null) {
  const words = el('span', { class: 'field__label' }, label);
  return el('label', { class: 'field' }, words, control, hint && el('span', { class: 'field__hint' }, hint));
}

/** A one-line input. @returns {HTMLInputElement} */
export function input(value, attributes = {}) {
  const control = el('input', { class: 'input', dir: 'auto', ...attributes });
  control.value = value;
  return control;
}

/** An input of several lines. @returns {HTMLTextAreaElement} */
export function area(value, attributes = {}) {
  const control = el('textarea', { class: 'input', rows: '3', dir: 'auto', ...attributes });
  control.value = value;
  return control;
}

/** A choice from `[value, label]` pairs. @returns {HTMLSelectElement} */
export function choice(value, options) {
  const items = options.map(([name, label]) => el('option', { value: name }, label));
  const control = el('select', { class: 'input' }, ...items);
  control.value = value;
  return control;
}

/** A check box with its words beside it. @returns {HTMLElement} */
export function checked(label, control, hint = null) {
  const words = el('span', {}, label);
  return el('label', { class: 'field field--check' }, control, words, hint && el('span', { class: 'field__hint' }, hint));
}

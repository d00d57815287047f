import { el, icon } from '../../shared/dom.js';

/** @type {Record<string, import('../../shared/dom.js').IconName>} */
const ICONS = { pending: 'clock', waiting: 'clock', delivered: 'check', failed: 'alert' };

/**
 * What a group or a type is called, or null for one that is younger than this page.
 * @param {string} name
 * @param {(key: string) => string} t
 * @returns {string|null}
 */
export function eventWords(name, t) {
  const key = `event_${name}`;
  const words = t(key);
  return words === key ? null : words;
}

/** @param {Wire.Webhook} hook @returns {'on'|'off'|'gone'} */
export function hookState({ active, off_reason: reason }) {
  if (active) return 'on';
  return reason === 'gone' ? 'gone' : 'off';
}

/** @param {Wire.Delivery} delivery @returns {'pending'|'waiting'|'delivered'|'failed'} */
export function deliveryState({ status, attempts }) {
  return status === 'pending' && attempts > 0 ? 'waiting' : status;
}

/**
 * What the receiver said, or why it said nothing; empty before the first attempt.
 * @param {Wire.Delivery} delivery
 * @param {(key: string, params?: object) => string} t
 * @returns {string}
 */
export function answerWords({ response_status: status, error, failure }, t) {
  return [status !== null && t('delivery_answer', { status }), failure ? failureWords(failure, t) : error]
    .filter(Boolean)
    .join(' · ');
}

/**
 * The state of a delivery: an icon and words.
 * @param {Wire.Delivery} delivery
 * @param {(key: string) => string} t
 * @returns {HTMLElement}
 */
export function deliveryMark(delivery, t) {
  const state = deliveryState(delivery);
  return el(
    'span',
    { class: 'outcome', 'data-state': state },
    icon(ICONS[state]),
    el('span', {}, t(`delivery_${state}`)),
  );
}

/** @param {{code: string, params?: object}} failure @param {(key: string, params?: object) => string} t */
function failureWords({ code, params = {} }, t) {
  const key = `failure_${code}`;
  const words = t(key, params);
  return words === key ? t('failure_unknown', { code }) : words;
}

import { el, icon } from '../../shared/dom.js';

/** The server's sentences about attempts without an answer; what is not here is shown as the server says it. */
/** @type {[RegExp, string][]} */
const FAILURES = [
  [/^no answer within (?<seconds>[\d.]+) s$/, 'failure_timeout'],
  [/^the name cannot be resolved$/, 'failure_name'],
  [/^the certificate was refused: (?<detail>.+)$/, 'failure_certificate'],
  [/^the TLS handshake failed$/, 'failure_tls'],
  [/^the connection was refused$/, 'failure_refused'],
  [/^the connection was closed before an answer came$/, 'failure_closed'],
  [/^the answer could not be read$/, 'failure_unreadable'],
  [/^(?<host>\S+) leads to (?<addresses>.+), which is not allowed$/, 'failure_network'],
  [/^redirects are not followed$/, 'failure_redirect'],
  [/^its turn did not come within a day$/, 'failure_late'],
];
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
 * @param {{response_status: number|null, error: string|null}} delivery
 * @param {(key: string, params?: object) => string} t
 * @returns {string}
 */
export function answerWords({ response_status: status, error }, t) {
  return [status !== null && t('delivery_answer', { status }), error && failureWords(error, t)]
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

function failureWords(error, t) {
  for (const [pattern, key] of FAILURES) {
    const found = pattern.exec(error);
    if (found) return t(key, found.groups);
  }
  return error;
}

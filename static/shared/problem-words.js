/**
 * A refusal, or a fault of one field of it, as the server names it: never its sentence, which is English.
 * @typedef {{field: string, code: string, params?: Record<string, string|number>}} Fault
 * @typedef {import('./i18n.js').Translate} Translate of a table that holds `problem-phrases.js`
 */

/** The phrase of a key, or null where there is none: the server may be younger than this page. */
function known(key, t, params) {
  const words = t(key, params);
  return words === key ? null : words;
}

/** The fault as the end of a sentence. @param {Fault} fault @param {Translate} t */
function clause({ code, params = {} }, t) {
  const n = params.max ?? params.min ?? 0;
  return known(`fault_${code}`, t, { ...params, n }) ?? t('fault_unknown', { code });
}

/** @param {string} words */
function sentence(words) {
  const whole = words.charAt(0).toUpperCase() + words.slice(1);
  return whole.endsWith('.') ? whole : `${whole}.`;
}

/**
 * What is wrong with a field, to be shown at the field: without its name.
 * @param {Fault} fault
 * @param {Translate} t
 * @returns {string}
 */
export function faultWords(fault, t) {
  return sentence(clause(fault, t));
}

/**
 * What to tell of a request that failed.
 * @param {{status?: number, code: string, errors?: Fault[]}} problem
 * @param {Translate} t
 * @returns {string}
 * @throws {Error} `problem` itself, when it is no answer of a server but a fault of ours
 */
export function problemWords(problem, t) {
  if (problem.status === undefined) throw problem;
  const { code, errors = [] } = problem;
  if (errors.length === 0) return known(`problem_${code}`, t) ?? t('problem_unknown', { code });
  return errors.map((fault) => namedFault(fault, t)).join(' ');
}

/** `Subject: must be filled in.` */
function namedFault(fault, t) {
  const name = known(`field_${fault.field.split(/[.[]/)[0]}`, t);
  return sentence(name ? `${name}: ${clause(fault, t)}` : clause(fault, t));
}

/** Problems that have words of their own. */
const KNOWN = new Set(['network', 'too_many_requests', 'too_many_webhooks', 'webhook_off']);

/**
 * What to tell of a request that failed.
 * @param {import('../shared/http.js').HttpProblem} error
 * @param {(key: string, params?: object) => string} t
 * @returns {string}
 * @throws {Error} `error` itself, when it is no answer of a server but a fault of ours
 */
export function problemWords(error, t) {
  if (error.status === undefined) throw error;
  return KNOWN.has(error.code) ? t(error.code) : t('went_wrong', { detail: error.detail });
}

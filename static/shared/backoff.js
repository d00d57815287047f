/**
 * How long to wait before attempt number `attempt` (from 0), in milliseconds: a random share of an
 * exponentially growing, capped window ("full jitter"), so that clients cut off together do not
 * come back together.
 * @param {number} attempt
 * @param {{base?: number, cap?: number, random?: () => number}} [options] milliseconds; `random` in [0, 1)
 * @returns {number}
 */
export function fullJitter(attempt, { base = 1000, cap = 30_000, random = Math.random } = {}) {
  const window = Math.min(cap, base * 2 ** Math.min(attempt, 20));
  // The floor keeps a lucky draw of zero from becoming a tight loop against a server that refuses at once.
  return Math.max(100, Math.round(random() * window));
}

/**
 * A fresh random id (128 bits). `crypto.randomUUID` exists only in secure contexts, and a panel in a
 * local network is often opened over plain HTTP; `getRandomValues` works everywhere.
 * @returns {string}
 */
export function randomId() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * A status in words; one that nobody has translated is shown as the bot has it.
 * @param {(key: string) => string} t
 * @param {string} status
 */
export function statusWords(t, status) {
  const key = `status_${String(status).toLowerCase()}`;
  const words = t(key);
  return words === key ? String(status) : words;
}

const PROBE_MS = 8_000;

/**
 * Why a server cannot be talked to. A browser does not tell a page whether a server is away or only refuses its
 * origin; a request whose answer nobody may read tells the one from the other.
 * @param {string} server an origin
 * @returns {Promise<'mixed'|'unreachable'|'cors'|'reachable'>} `mixed`: an https page may not talk to plain http
 */
export async function diagnose(server) {
  const address = `${server}/health`;
  const probe = (mode) => fetch(address, { mode, credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(PROBE_MS) });
  const reached = (mode) => probe(mode).then(() => true, () => false);
  if (await reached('cors')) return 'reachable';
  if (await reached('no-cors')) return 'cors';
  return location.protocol === 'https:' && server.startsWith('http:') ? 'mixed' : 'unreachable';
}

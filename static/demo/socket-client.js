const PROBE_MS = 8_000;

/** Addresses whose script is loading or was loaded. @type {Map<string, Promise<Function>>} */
const loading = new Map();

function addScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = src;
    script.addEventListener('load', () => (window.io ? resolve(window.io) : reject(new Error(`no client in ${src}`))));
    script.addEventListener('error', () => reject(new Error(`cannot load ${src}`)));
    document.head.append(script);
  });
}

/**
 * The stock Socket.IO client. A page that ReplyX serves takes it from its own origin, whatever server it then talks
 * to: another server's script must not run there. A page on a static host has only the server to take it from.
 * @param {string} server an origin
 * @returns {Promise<Function>} `io`; rejects when the script cannot be loaded, and may then be asked again
 */
export function loadClient(server) {
  const home = document.documentElement.dataset.servedBy === 'replyx' ? location.origin : server;
  if (!loading.has(home)) {
    const script = addScript(`${home}/socket.io/socket.io.js`);
    script.catch(() => loading.delete(home));
    loading.set(home, script);
  }
  return loading.get(home);
}

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

/**
 * The browser's half of the doctor: what only somebody who comes as people do can see.
 *
 * @typedef {{code: string, params?: Record<string, string|number>}} Observation a finding's code, and what stands in its words
 */

/** Nobody waits longer for a connection that a proxy holds back. */
const PATIENCE_MS = 5_000;

/**
 * Looks at everything at once.
 * @param {Wire.Examined} examined what the server saw of this browser's own request
 * @param {import('../../shared/urls.js').RoadUrls} urls
 * @returns {Promise<Observation[]>}
 */
export async function walk(examined, urls) {
  const [socket, stream, socketio] = await Promise.all([webSocket(urls.socket), eventStream(urls.stream), socketIo(urls)]);
  return [...headers(examined), socket, stream, socketio];
}

/** @param {Wire.Examined} examined @returns {Observation[]} */
function headers({ public_url: named, seen }) {
  const { origin, host, protocol, hostname } = location;
  const scheme = protocol.slice(0, -1);
  /** @type {Observation[]} */
  const found = [
    named === origin ? { code: 'public_url', params: { url: named } } : { code: 'public_url_other', params: { named, url: origin } },
    seen.host === host ? { code: 'host' } : { code: 'host_lost', params: { seen: seen.host, sent: host } },
    seen.scheme === scheme ? { code: 'scheme', params: { scheme } } : { code: 'scheme_lost', params: { scheme, seen: seen.scheme, peer: seen.peer } },
  ];
  if (seen.forwarded_for) found.push(seen.trusted ? { code: 'address' } : { code: 'proxy_untrusted', params: { peer: seen.peer } });
  if (scheme === 'https') found.push({ code: 'secure' });
  else if (!['localhost', '127.0.0.1', '[::1]'].includes(hostname)) found.push({ code: 'insecure' });
  return found;
}

/** @param {string} url @returns {Promise<Observation>} */
async function webSocket(url) {
  const socket = new WebSocket(url);
  const opened = await first(socket, 'open', 'error');
  socket.close();
  return { code: opened ? 'websocket' : 'websocket_failed' };
}

/** @param {string} url @returns {Promise<Observation>} */
async function eventStream(url) {
  const began = performance.now();
  const stream = new EventSource(url);
  const opened = await first(stream, 'open', 'error');
  stream.close();
  if (opened) return { code: 'stream', params: { ms: Math.round(performance.now() - began) } };
  return { code: 'stream_buffered', params: { seconds: PATIENCE_MS / 1000 } };
}

/** @param {import('../../shared/urls.js').RoadUrls} urls @returns {Promise<Observation>} */
async function socketIo({ polling, engine }) {
  const status = await fetch(polling, { signal: AbortSignal.timeout(PATIENCE_MS) }).then((answer) => answer.status, () => 0);
  if (status !== 200) return { code: 'socketio_polling', params: { status } };
  const socket = new WebSocket(engine);
  const opened = await first(socket, 'open', 'error');
  socket.close();
  return { code: opened ? 'socketio' : 'socketio_websocket' };
}

/** Whether `good` happens before `bad` and in time. @param {EventTarget} target @param {string} good @param {string} bad */
function first(target, good, bad) {
  return new Promise((resolve) => {
    target.addEventListener(good, () => resolve(true), { once: true });
    target.addEventListener(bad, () => resolve(false), { once: true });
    setTimeout(() => resolve(false), PATIENCE_MS);
  });
}

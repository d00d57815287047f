/* The service worker of push messages: shows what arrives and opens the page that it is about. Pages load as without it. */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** A newer worker takes over at once: no page depends on which of them runs. */
worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));

/** Only a page that is under its control can be led elsewhere by a click on a notification. */
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('push', (event) => event.waitUntil(show(event.data.json())));

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(visit(address(event.notification.data.url)));
});

/** The browser has another subscription, or has ended the one it had. */
worker.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)));

/**
 * Tells the server where the notices go now. The old subscription's secret proves whose they are, so nobody need be
 * signed in. Without it, or when the server cannot be told, the next page that is signed in registers the browser anew.
 */
async function renew({ oldSubscription: old, newSubscription }) {
  if (!old || Notification.permission !== 'granted') return;
  const { applicationServerKey } = old.options;
  const asked = { userVisibleOnly: true, applicationServerKey };
  const { endpoint, keys } = (newSubscription ?? (await worker.registration.pushManager.subscribe(asked))).toJSON();
  const { auth } = old.toJSON().keys;
  await fetch('/api/v1/push/subscriptions', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    credentials: 'omit',
    body: JSON.stringify({ endpoint, keys, old: { endpoint: old.endpoint, keys: { auth } } }),
  });
}

/** Who looks at a page of ours sees the news there; a test is shown to whoever asked for it. */
async function show({ title, body, url, tag, test }) {
  const pages = await windows();
  if (!test && pages.some(({ visibilityState }) => visibilityState === 'visible')) return;
  // A newer notification of the same tag takes the older one's place, and may be heard again.
  await worker.registration.showNotification(title, { body, tag, renotify: Boolean(tag), data: { url } });
}

/** The page on this server that a notification names; its start page for one that is elsewhere. */
function address(url) {
  const start = new URL('/', worker.location.origin);
  const found = URL.canParse(url, start) ? new URL(url, start) : start;
  return found.origin === start.origin ? found : start;
}

/** Brings the page to the front: the one that shows it, or one of the same path, or a new one. */
async function visit(target) {
  const pages = await windows();
  const there = pages.find(({ url }) => url === target.href);
  if (there) return there.focus();
  const near = pages.find(({ url }) => new URL(url).pathname === target.pathname);
  if (near && !target.search && !target.hash) return near.focus(); // whatever shop or dialog it shows
  // A page that loaded past this worker (a forced reload) is not its to lead.
  const led = await near?.navigate(target.href).catch(() => null);
  return led ? led.focus() : worker.clients.openWindow(target.href);
}

function windows() {
  return worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
}

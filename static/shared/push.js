/** Push messages (W3C Push API) for whoever is logged in, in this browser. */

const WORKER = '/push-worker.js';
/** A browser that cannot reach its push service may try for ever, and says nothing meanwhile. */
const SUBSCRIBE_MS = 15_000;

/**
 * `unsupported`: this browser has none, or the page is neither on https nor on localhost; `denied`: the browser is
 * set to refuse; `off` and `on`: whether the server sends to this browser.
 * @typedef {'unsupported'|'denied'|'off'|'on'} PushState
 */

/** The browser has not subscribed: its push service is away, or there is none. The cause is the browser's own error. */
export class PushServiceError extends Error {
  /** @param {Error} cause */
  constructor(cause) {
    super(cause.message, { cause });
    this.name = 'PushServiceError';
    this.code = 'push_service';
  }
}

/**
 * The subscription of one account in this browser. The server ends it with the login, so who has turned it on is
 * remembered here, with the subscription's endpoint, and `resume` registers the browser again after the next login.
 */
export class PushSwitch {
  #options;
  #key;
  /** The server has taken our subscription. */
  #registered = false;

  /**
   * @param {object} options
   * @param {{
   *   key: () => Promise<{key: string}>,
   *   register: (device: object) => Promise<object>,
   *   forget: (endpoint: string) => Promise<void>,
   *   test: () => Promise<{sent: number, failed: number}>,
   * }} options.server
   * @param {import('./storage.js').SafeStorage} options.storage
   * @param {number} options.accountId
   * @param {'ru'|'en'} options.locale of the notices
   */
  constructor(options) {
    this.#options = options;
    this.#key = `replyx.push.${options.accountId}`;
  }

  /** @returns {Promise<PushState>} */
  async state() {
    if (!supported()) return 'unsupported';
    if (Notification.permission === 'denied') return 'denied';
    return this.#registered && (await subscription()) ? 'on' : 'off';
  }

  /**
   * Asks for permission, so it must be called by a click. Without permission nothing is done.
   * @throws {PushServiceError} when the browser cannot subscribe
   * @throws {import('./http.js').HttpProblem} when the server does not take the subscription
   */
  async turnOn() {
    if ((await Notification.requestPermission()) !== 'granted') return;
    await this.#register();
  }

  /**
   * Ends the subscription, on the server first.
   * @throws {import('./http.js').HttpProblem} when the server could not be told; then it stays on
   */
  async turnOff() {
    const known = await subscription();
    try {
      if (known) await this.#options.server.forget(known.endpoint);
    } catch (error) {
      if (error.code !== 'push_device_not_found') throw error;
    }
    this.#registered = false;
    this.#options.storage.remove(this.#key);
    await known?.unsubscribe();
  }

  /**
   * Registers this browser again if this account has turned it on and the browser still permits it. A browser may have
   * changed its subscription, or have lost it, while no page was open: then the server gets the one that it has now.
   * @throws {PushServiceError|import('./http.js').HttpProblem} as `turnOn` does
   */
  async resume() {
    if (!supported() || Notification.permission !== 'granted') return;
    if (this.#options.storage.get(this.#key)) await this.#register();
  }

  /** A notice to all of the account's devices. @returns {Promise<{sent: number, failed: number}>} */
  test() {
    return this.#options.server.test();
  }

  async #register() {
    const { server, locale, storage } = this.#options;
    const { key } = await server.key();
    const { endpoint, keys } = (await subscribe(bytes(key))).toJSON();
    const replaces = storage.get(this.#key) ?? undefined;
    await server.register({ endpoint, keys, locale, replaces });
    storage.set(this.#key, endpoint);
    this.#registered = true;
  }
}

function supported() {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
}

async function subscription() {
  const registration = await navigator.serviceWorker.getRegistration('/');
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** The browser's subscription for the server's key; one for a key that the server had before is ended. */
async function subscribe(key) {
  try {
    await navigator.serviceWorker.register(WORKER, { updateViaCache: 'none' });
    const { pushManager } = await navigator.serviceWorker.ready;
    const known = await pushManager.getSubscription();
    if (known && !same(new Uint8Array(known.options.applicationServerKey), key)) await known.unsubscribe();
    return await inTime(pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
  } catch (error) {
    throw new PushServiceError(error);
  }
}

/** A subscription that comes too late for this is found by the next attempt. */
function inTime(subscribing) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the push service has not answered')), SUBSCRIBE_MS);
  });
  return Promise.race([subscribing, late]).finally(() => clearTimeout(timer));
}

function same(one, other) {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** What base64url without padding stands for (RFC 4648, 5). */
function bytes(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

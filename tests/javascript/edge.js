/**
 * The edge of a page, for modules that run in Node: what a browser gives a script of its window, and a network whose
 * far end the test plays. Everything between the two is the real module.
 */

globalThis.window = new EventTarget();
globalThis.document = Object.assign(new EventTarget(), { visibilityState: 'visible', cookie: '' });
globalThis.location = new URL('http://desk.test/admin');
Object.defineProperty(globalThis, 'navigator', { value: { onLine: true, language: 'en', languages: ['en'] }, configurable: true });

/** localStorage as a browser has it. */
export class Area {
  #kept = new Map();

  get length() {
    return this.#kept.size;
  }

  key(index) {
    return [...this.#kept.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#kept.get(key) ?? null;
  }

  setItem(key, value) {
    this.#kept.set(key, String(value));
  }

  removeItem(key) {
    this.#kept.delete(key);
  }
}

/** A WebSocket whose server is the test. */
export class Socket {
  static OPEN = 1;
  /** @type {Socket[]} */
  static made = [];
  readyState = 0;
  sent = [];
  onmessage = null;
  onclose = null;

  constructor(url) {
    this.url = new URL(url);
    Socket.made.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  /** The server lets the client in. */
  accept(fields = {}) {
    this.readyState = Socket.OPEN;
    this.say({ type: 'connected', ...fields });
  }

  /** The server says something. */
  say(event) {
    this.onmessage?.({ data: JSON.stringify(event) });
  }

  /** The line ends. */
  end(code = 1006, reason = '') {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** An EventSource whose server is the test. */
export class Source {
  static CONNECTING = 0;
  static CLOSED = 2;
  /** @type {Source[]} */
  static made = [];
  readyState = 0;
  onopen = null;
  onmessage = null;
  onerror = null;

  constructor(url) {
    this.url = new URL(url);
    Source.made.push(this);
  }

  close() {
    this.readyState = Source.CLOSED;
  }

  /** The server answers with a stream. */
  accept() {
    this.readyState = 1;
    this.onopen?.();
  }

  /** The server sends an event; its id stays the browser's last one for what has none. */
  say(event, id = '') {
    this.onmessage?.({ data: JSON.stringify(event), lastEventId: id });
  }

  /** The line ends; the browser comes back by itself unless the server has refused. */
  end({ refused = false } = {}) {
    this.readyState = refused ? Source.CLOSED : Source.CONNECTING;
    this.onerror?.();
  }
}

globalThis.WebSocket = Socket;
globalThis.EventSource = Source;

/** Lets everything run that waits for nothing but its turn. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** A promise that the test keeps or breaks. */
export function promised() {
  let keep;
  let breakIt;
  const promise = new Promise((resolve, reject) => {
    keep = resolve;
    breakIt = reject;
  });
  return { promise, keep, break: breakIt };
}

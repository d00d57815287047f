import { fullJitter } from './backoff.js';
import { isAfter } from './cursor.js';
import { EventSourceLink, SocketLink } from './links.js';

/** A link that held this long was a good one: the next loss starts counting from the first delay again. */
const STEADY_MS = 10_000;
/** This many attempts that never opened, while HTTP works, mean that something on the way forbids this kind. */
const GIVE_UP_KIND_AFTER = 2;
const NO_NETWORK_BEAT_MS = 30_000;

/**
 * Events of one place, once each and in order, across any number of disconnects.
 *
 * The owner loads state over HTTP, passes its cursor to `connect`, and applies what arrives: the
 * server replays everything after the cursor, and whatever was seen before is dropped here.
 * When the server cannot replay (`resync`), `onResync` reloads and its cursor is where we go on.
 *
 * @typedef {'connecting'|'live'|'offline'} StreamState
 * @typedef {{connect(): void, disconnect(): void, send(frame: object): boolean, probe(): void}} Link
 * @typedef {object} StreamOptions
 * @property {((cursor: string|null, owner: import('./links.js').LinkOwner) => Link)[]} links
 *   makers of links, best first; the next one is tried when one cannot open although HTTP works
 * @property {(event: {type: string} & Record<string, any>, cursor: string|null, previous: string|null) => void} onEvent
 *   `cursor` is null for ephemeral events, `previous` the cursor before this event
 * @property {(state: StreamState) => void} onState
 * @property {(reason: string) => Promise<string|null>} onResync reloads over HTTP and returns the new cursor
 * @property {(end: {code: number, reason: string}) => void} onRefused
 *   the server wants no reconnect (4400, 4401, 4403, 4404)
 * @property {() => Promise<'ok'|'unreachable'|'refused'>} probe asks over HTTP whether we are still welcome
 * @property {() => Promise<boolean>} [audit] false when something was missed; asked after `auditMs` without an event
 * @property {number} [auditMs]
 */
export class Stream {
  /** @type {StreamOptions} */
  #options;
  /** @type {StreamState} */
  #state = 'offline';
  #cursor = null;
  #link = null;
  #kind = 0;
  #neverOpened = 0;
  #attempt = 0;
  #openedAt = 0;
  #timer = 0;
  #auditTimer = 0;
  #running = false;
  #reloading = false;
  #returning = false;
  #asking = null;
  #wake = () => this.wake();
  #sleep = () => this.#lostNetwork();
  #visible = () => document.visibilityState === 'visible' && this.wake();

  /** @param {StreamOptions} options */
  constructor(options) {
    this.#options = { audit: async () => true, auditMs: 45_000, ...options };
  }

  /** @returns {StreamState} */
  get state() {
    return this.#state;
  }

  /** The place up to which everything has been handed to `onEvent`. */
  get cursor() {
    return this.#cursor;
  }

  /** Starts at `cursor`, the one that came with the state. @param {string|null} cursor */
  connect(cursor) {
    this.disconnect();
    this.#running = true;
    this.#cursor = cursor;
    window.addEventListener('online', this.#wake);
    window.addEventListener('pageshow', this.#wake);
    window.addEventListener('offline', this.#sleep);
    document.addEventListener('visibilitychange', this.#visible);
    this.#open();
  }

  /** Stops for good; `connect` starts anew. */
  disconnect() {
    this.#running = false;
    window.removeEventListener('online', this.#wake);
    window.removeEventListener('pageshow', this.#wake);
    window.removeEventListener('offline', this.#sleep);
    document.removeEventListener('visibilitychange', this.#visible);
    this.#drop();
    this.#enter('offline');
  }

  /** @param {object} frame @returns {boolean} false when the link cannot carry it now; use HTTP then */
  send(frame) {
    return this.#link?.send(frame) ?? false;
  }

  /** Does now what a timer would do later: reconnects when offline, asks a live link for a sign of life. */
  wake() {
    if (!this.#running) return;
    if (this.#state === 'live') {
      this.#link?.probe();
      this.#scheduleAudit(1000);
    } else if (!this.#reloading && (!this.#link || this.#returning)) {
      this.#reopen();
    }
  }

  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#auditTimer);
    this.#returning = false;
    this.#asking = null;
    this.#link?.disconnect();
    this.#link = null;
  }

  #open() {
    this.#drop();
    this.#enter('connecting');
    this.#openedAt = 0;
    const link = this.#options.links[this.#kind](this.#cursor, {
      opened: () => this.#opened(),
      reconnecting: () => {
        this.#returning = true;
        this.#enter('connecting');
      },
      received: (event, cursor) => this.#received(event, cursor),
      closed: (end) => this.#closed(end),
    });
    this.#link = link;
    link.connect();
  }

  /**
   * Opens again once HTTP says that the server is there: a browser prints the address of a socket that
   * cannot open, and ours holds a token.
   */
  async #reopen() {
    this.#drop();
    this.#enter('connecting');
    const asking = (this.#asking = {});
    const verdict = await this.#options.probe();
    if (asking !== this.#asking) return;
    if (verdict === 'ok') this.#open();
    else if (verdict === 'refused') this.#refuse({ code: 4401, reason: 'refused over HTTP' });
    else this.#later(() => this.#reopen());
  }

  #opened() {
    this.#openedAt = performance.now();
    this.#neverOpened = 0;
    this.#returning = false;
    this.#enter('live');
    this.#scheduleAudit(this.#options.auditMs);
  }

  #received(event, cursor) {
    if (event.type === 'resync') {
      this.#resync(event.reason ?? '');
      return;
    }
    this.#scheduleAudit(this.#options.auditMs);
    const previous = this.#cursor;
    if (cursor !== null) {
      if (!isAfter(cursor, previous)) return;
      this.#cursor = cursor;
    }
    this.#options.onEvent(event, cursor, previous);
  }

  /** State and stream are joined again exactly as at the start: load, then connect at what was loaded. */
  async #resync(reason) {
    this.#drop();
    this.#enter('connecting');
    this.#reloading = true;
    try {
      const cursor = await this.#options.onResync(reason).finally(() => (this.#reloading = false));
      if (!this.#running) return;
      this.#cursor = cursor;
      this.#open();
    } catch (error) {
      if (!this.#running) return;
      if (error.transient === false) this.#refuse({ code: 4000 + error.status, reason: error.code });
      else this.#later(() => this.#resync(reason));
    }
  }

  async #closed(end) {
    const opened = this.#openedAt > 0;
    if (opened && performance.now() - this.#openedAt > STEADY_MS) this.#attempt = 0;
    this.#drop();
    this.#enter('offline');
    if (!end.retry) {
      this.#refuse(end);
      return;
    }
    if (!opened && !(await this.#stillWelcome())) return;
    if (this.#running && !this.#link) this.#later(() => this.#reopen());
  }

  /** A link that never opened does not say why; HTTP does. False when the stream ended here. */
  async #stillWelcome() {
    const verdict = await this.#options.probe();
    if (!this.#running || this.#link) return false;
    if (verdict === 'refused') {
      this.#refuse({ code: 4401, reason: 'refused over HTTP' });
      return false;
    }
    if (verdict === 'ok') this.#neverOpened += 1;
    if (this.#neverOpened >= GIVE_UP_KIND_AFTER) {
      this.#neverOpened = 0;
      this.#kind = (this.#kind + 1) % this.#options.links.length;
    }
    return true;
  }

  #later(action) {
    this.#enter('offline');
    clearTimeout(this.#timer);
    // `onLine === false` is nearly always true, and `online` will wake us; the slow beat is for when it lies.
    const delay = navigator.onLine === false ? NO_NETWORK_BEAT_MS : fullJitter(this.#attempt);
    this.#timer = setTimeout(action, delay);
    this.#attempt += 1;
  }

  #refuse(end) {
    this.disconnect();
    this.#options.onRefused(end);
  }

  /** The browser knows that there is no network; the sockets would notice only by their silence. */
  #lostNetwork() {
    if (!this.#running) return;
    this.#drop();
    this.#later(() => this.#reopen());
  }

  #scheduleAudit(ms) {
    clearTimeout(this.#auditTimer);
    this.#auditTimer = setTimeout(() => this.#audit(), ms);
  }

  /** A quiet link and a dead one look the same from here, so a quiet one is compared with the server. */
  async #audit() {
    const link = this.#link;
    const complete = await this.#options.audit().catch(() => false);
    if (!this.#running || link !== this.#link || this.#state !== 'live') return;
    if (complete) this.#scheduleAudit(this.#options.auditMs);
    else this.#open();
  }
}

/**
 * The links of one dialog: WebSocket first, server-sent events where a WebSocket cannot open.
 * @param {() => import('./urls.js').DialogUrls} urls read at each attempt, as a renewed credential changes them
 */
export function dialogLinks(urls) {
  return [
    (cursor, owner) => new SocketLink(urls().socket(cursor), owner),
    (cursor, owner) => new EventSourceLink(urls().events(cursor), owner, { cursor }),
  ];
}

/**
 * The link of the operators' inbox.
 * @param {(cursor: string|null) => string} inbox `panelUrls().inbox`
 */
export function inboxLinks(inbox) {
  return [(cursor, owner) => new EventSourceLink(inbox(cursor), owner, { cursor, withCredentials: true })];
}

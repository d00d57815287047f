import { fullJitter } from '../shared/backoff.js';
import { isAfter } from '../shared/cursor.js';
import { Stream, inboxLinks } from '../shared/stream.js';

/** A leader says this often that it is there; hidden tabs' timers may stretch it to a minute. */
const BEAT_MS = 10_000;
/** A visible tab that has heard nothing for this long takes the lead by force. */
const LEADER_LOST_MS = 90_000;

/**
 * The inbox's events, over one connection for all tabs of an operator.
 *
 * A browser opens at most six HTTP/1.1 connections to a server, and every EventSource keeps one. So
 * the tab that holds a Web Lock streams and passes each event on over a BroadcastChannel, together
 * with the cursor before it: a tab whose own cursor lies before that one has missed something and
 * reloads. A tab that takes over streams from its own cursor; the server replays the rest.
 * Without Web Locks every tab streams for itself.
 *
 * @typedef {object} LiveOptions
 * @property {number} accountId tabs of another account do not mix
 * @property {(cursor: string|null) => string} inbox
 * @property {() => Promise<string>} load loads the state over HTTP and returns its cursor
 * @property {(event: Wire.Event, cursor: string|null) => void} onEvent
 * @property {(state: 'connecting'|'live'|'offline') => void} onState
 * @property {() => void} onSignedOut
 * @property {() => Promise<'ok'|'unreachable'|'refused'>} probe
 * @property {() => Promise<boolean>} audit
 */
export class LiveInbox {
  #options;
  #name;
  #channel = null;
  #stream;
  #cursor = null;
  #waiting = [];
  #loading = null;
  #leading = false;
  #heardAt = 0;
  #beat = 0;
  #stop = new AbortController();

  /** @param {LiveOptions} options */
  constructor(options) {
    this.#options = options;
    this.#name = `replyx-inbox-${options.accountId}`;
    this.#stream = new Stream({
      links: inboxLinks(options.inbox),
      onEvent: (event, cursor, previous) => this.#lead(event, cursor, previous),
      onState: (state) => this.#leaderState(state),
      onResync: () => this.#resync(),
      onRefused: () => this.#signedOut(),
      probe: options.probe,
      audit: options.audit,
    });
  }

  /** Listens first, loads then: whatever happens between the two is waiting when the page has arrived. */
  async connect() {
    this.#options.onState('connecting');
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
    }
    await this.#reload();
    if (this.#stop.signal.aborted) return;
    this.#heardAt = performance.now();
    this.#beat = setInterval(() => this.#tick(), BEAT_MS);
    if (navigator.locks && this.#channel) {
      this.#post({ kind: 'hello' });
      this.#queue(false);
    } else {
      this.#takeLead();
    }
  }

  /** Stops and lets another tab lead. */
  disconnect() {
    clearInterval(this.#beat);
    this.#stop.abort();
    this.#leading = false;
    this.#stream.disconnect();
    this.#channel?.close();
    this.#channel = null;
  }

  /** Tells the other tabs that the session has ended. */
  announceSignOut() {
    this.#post({ kind: 'signed_out' });
  }

  #post(message) {
    this.#channel?.postMessage(message);
  }

  #queue(steal) {
    const options = steal ? { steal } : { signal: this.#stop.signal };
    const held = () => /** @type {Promise<void>} */ (new Promise((release) => {
      if (this.#stop.signal.aborted) release();
      this.#stop.signal.addEventListener('abort', () => release());
      this.#takeLead();
    }));
    navigator.locks.request(this.#name, options, held).catch((error) => {
      if (error.name !== 'AbortError') throw error;
      if (!this.#stop.signal.aborted) this.#loseLead();
    });
  }

  async #takeLead() {
    await this.#loading;
    if (this.#stop.signal.aborted || this.#leading) return;
    this.#leading = true;
    this.#stream.connect(this.#cursor);
  }

  /** Another tab took the lock by force: follow it, and stand in line again. */
  #loseLead() {
    this.#leading = false;
    this.#stream.disconnect();
    this.#heardAt = performance.now();
    this.#queue(false);
  }

  #tick() {
    if (this.#leading) {
      this.#post({ kind: 'state', state: this.#stream.state });
      return;
    }
    const silent = performance.now() - this.#heardAt > LEADER_LOST_MS;
    if (silent && document.visibilityState === 'visible') this.#queue(true);
  }

  #leaderState(state) {
    if (!this.#leading) return;
    this.#options.onState(state);
    this.#post({ kind: 'state', state });
  }

  #lead(event, cursor, previous) {
    this.#post({ kind: 'event', event, cursor, previous });
    this.#apply(event, cursor);
  }

  #heard(message) {
    if (message.kind === 'signed_out') {
      this.#signedOut();
    } else if (this.#leading) {
      if (message.kind === 'hello') this.#post({ kind: 'state', state: this.#stream.state });
    } else if (message.kind === 'state') {
      this.#heardAt = performance.now();
      this.#options.onState(message.state);
    } else if (message.kind === 'resync') {
      this.#catchUp();
    } else if (message.kind === 'event') {
      this.#heardAt = performance.now();
      this.#follow(message);
    }
  }

  #follow({ event, cursor, previous }) {
    if (this.#loading) {
      this.#waiting.push({ event, cursor, previous });
      return;
    }
    const gap = cursor !== null && previous !== null && this.#cursor !== null && isAfter(previous, this.#cursor);
    if (gap) this.#catchUp();
    else this.#apply(event, cursor);
  }

  #apply(event, cursor) {
    if (cursor !== null) {
      if (!isAfter(cursor, this.#cursor)) return;
      this.#cursor = cursor;
    }
    console.log('📨 [АДМИН SSE] Получено событие', event);
    this.#options.onEvent(event, cursor);
  }

  #catchUp() {
    this.#reload().catch((error) => error.status === 401 || console.error(error));
  }

  async #resync() {
    this.#post({ kind: 'resync' });
    await this.#reload();
    return this.#cursor;
  }

  /** Loads the state and then applies what was heard meanwhile; one load at a time. */
  #reload() {
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #load() {
    this.#waiting = [];
    this.#cursor = await this.#persist(this.#options.load);
    for (const { event, cursor } of this.#waiting) this.#apply(event, cursor);
    this.#waiting = [];
  }

  /** Repeats `load` until the server answers; a refusal ends it. */
  async #persist(load) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await load();
      } catch (error) {
        if (!error.transient || this.#stop.signal.aborted) throw error;
        this.#options.onState('offline');
        await new Promise((resume) => setTimeout(resume, fullJitter(attempt, { cap: 8000 })));
      }
    }
  }

  #signedOut() {
    if (!this.#stop.signal.aborted) this.#options.onSignedOut();
  }
}

import { toJson } from './text.js';

/**
 * One connection attempt each: a WebSocket or an EventSource that reports to its owner and is thrown
 * away when it ends. Reconnecting, cursors and state are the business of `stream.js`.
 *
 * @typedef {object} LinkOwner
 * @property {() => void} opened the server accepted; events may follow
 * @property {() => void} reconnecting an EventSource lost its server and is returning by itself
 * @property {(event: {type: string} & Record<string, any>, cursor: string|null) => void} received one event; `cursor` null for an ephemeral one
 * @property {(end: {retry: boolean, code: number, reason: string}) => void} closed called at most once, and last
 */

/** An attempt that has not been accepted after this long is given up. */
const OPEN_DEADLINE_MS = 15_000;
/** After waking up, a live socket must answer a ping this fast; phones resume with dead sockets. */
const PROBE_DEADLINE_MS = 5_000;
/** The server's close codes that make coming back pointless (contract, section 4); all others reconnect. */
const FINAL_CODES = new Set([4400, 4401, 4403, 4404]);
/** Events without a place in the log. On SSE their `lastEventId` is that of the event before. */
const EPHEMERAL = new Set(['typing_start', 'typing_stop', 'presence', 'message_received', 'resync', 'connected']);

function parse(data) {
  try {
    const event = JSON.parse(data);
    return event && typeof event === 'object' ? event : null;
  } catch {
    return null;
  }
}

/** Events over a WebSocket, with a ping of its own: the browser hides the protocol's pings from scripts. */
export class SocketLink {
  #url;
  #owner;
  #socket = null;
  #timer = 0;
  #heartbeatMs = 25_000;
  #asked = false;
  #opened = false;

  /** @param {string} url @param {LinkOwner} owner */
  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
  }

  /** Starts the attempt. */
  connect() {
    this.#socket = new WebSocket(this.#url);
    this.#socket.onmessage = (message) => this.#frame(message.data);
    this.#socket.onclose = ({ code, reason }) => this.#end({ retry: !FINAL_CODES.has(code), code, reason });
    const late = () => this.#end({ retry: true, code: 4408, reason: 'not accepted in time' });
    this.#timer = setTimeout(late, OPEN_DEADLINE_MS);
  }

  /** Ends it without a word to the owner. */
  disconnect() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** @param {object} frame @returns {boolean} whether it was handed to an accepted socket */
  send(frame) {
    if (!this.#opened || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(toJson(frame));
    return true;
  }

  /** Asks at once whether the server still answers. */
  probe() {
    if (!this.#opened) return;
    this.#ask();
    this.#watch(PROBE_DEADLINE_MS);
  }

  #frame(data) {
    this.#asked = false;
    const event = parse(data);
    if (!event) return;
    if (event.type === 'connected') {
      this.#heartbeatMs = (event.heartbeat_s ?? 25) * 1000;
      this.#opened = true;
      this.#owner.opened();
    }
    this.#watch(this.#heartbeatMs);
    if (event.type !== 'pong' && event.type !== 'connected') this.#owner.received(event, event.cursor ?? null);
  }

  #watch(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silent(), ms);
  }

  /** One heartbeat without a frame: ask. Two: the link is dead, whatever TCP believes. */
  #silent() {
    if (this.#asked) {
      this.#end({ retry: true, code: 4408, reason: 'no answer within two heartbeats' });
      return;
    }
    this.#ask();
    this.#watch(this.#heartbeatMs);
  }

  #ask() {
    this.#asked = true;
    this.send({ type: 'ping' });
  }

  #end(end) {
    this.disconnect();
    this.#owner.closed(end);
  }
}

/** Events over server-sent events; it cannot send. */
export class EventSourceLink {
  #url;
  #owner;
  #credentials;
  #source = null;
  #timer = 0;
  #lastId;
  #opened = false;

  /** @param {string} url @param {LinkOwner} owner @param {{cursor: string|null, withCredentials?: boolean}} options */
  constructor(url, owner, { cursor, withCredentials = false }) {
    this.#url = url;
    this.#owner = owner;
    this.#lastId = cursor ?? '';
    this.#credentials = withCredentials;
  }

  /** Starts the attempt. */
  connect() {
    this.#source = new EventSource(this.#url, { withCredentials: this.#credentials });
    this.#source.onopen = () => {
      clearTimeout(this.#timer);
      this.#opened = true;
      this.#owner.opened();
    };
    this.#source.onmessage = (message) => this.#message(message);
    this.#source.onerror = () => this.#error();
    this.#timer = setTimeout(() => this.#end('not accepted in time'), OPEN_DEADLINE_MS);
  }

  /** Ends it without a word to the owner. */
  disconnect() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /** @returns {false} */
  send() {
    return false;
  }

  /** An EventSource cannot be asked anything; a dead one is found by the stream's audit. */
  probe() {}

  #message({ data, lastEventId }) {
    const event = parse(data);
    if (!event) return;
    const durable = lastEventId !== this.#lastId && !EPHEMERAL.has(event.type);
    this.#lastId = lastEventId;
    this.#owner.received(event, durable ? lastEventId : null);
  }

  /**
   * After a connection that had been accepted the browser returns by itself, at the time the server
   * asked for in `retry:`. If that fails too, or the server answered with a status, it is ours to retry.
   */
  #error() {
    if (this.#source.readyState === EventSource.CONNECTING && this.#opened) {
      this.#opened = false;
      this.#owner.reconnecting();
      this.#timer = setTimeout(() => this.#end('did not return in time'), OPEN_DEADLINE_MS * 2);
    } else {
      this.#end('refused or unreachable');
    }
  }

  #end(reason) {
    this.disconnect();
    this.#owner.closed({ retry: true, code: 0, reason });
  }
}

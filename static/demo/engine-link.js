/**
 * One connection that speaks Engine.IO 4: over a WebSocket, or by long-polling where a WebSocket cannot open.
 * It ends for good with `close` or with `lost`; whoever wants another one makes it.
 *
 * @typedef {'websocket'|'polling'} Kind
 * @typedef {object} LinkOwner
 * @property {(kind: Kind) => void} opened
 * @property {(message: string) => void} received
 * @property {(why: string) => void} lost `why` is 'http 404' and the like where HTTP has said so, else a word
 * @typedef {{send(packet: string): void, close(): void}} Carrier
 * @typedef {object} CarrierOwner
 * @property {(packet: string) => void} packet
 * @property {(why: string) => void} lost
 */

/** Longer than a server takes for its first packet when it is well. */
const OPEN_MS = 10_000;
/** Between the packets of one body (Engine.IO protocol, "Packet encoding"). */
const SEPARATOR = '\x1e';

/** @param {string} server an origin @param {Kind} kind */
function addressOf(server, kind) {
  return `${server}/socket.io/?EIO=4&transport=${kind}`;
}

/** Each packet is one frame. @implements {Carrier} */
class SocketCarrier {
  #socket;

  /** @param {string} server @param {CarrierOwner} owner */
  constructor(server, owner) {
    this.#socket = new WebSocket(addressOf(server, 'websocket').replace(/^http/, 'ws'));
    this.#socket.onmessage = ({ data }) => typeof data === 'string' && owner.packet(data);
    this.#socket.onclose = () => owner.lost('the WebSocket ended');
  }

  send(packet) {
    this.#socket.send(packet);
  }

  close() {
    this.#socket.onclose = null;
    this.#socket.onmessage = null;
    this.#socket.close();
  }
}

/** A GET brings what the server has, one after the other; a POST takes what waits here. @implements {Carrier} */
class PollingCarrier {
  #address;
  #owner;
  #ended = new AbortController();
  #unsent = [];
  #sending = false;

  /** @param {string} server @param {CarrierOwner} owner */
  constructor(server, owner) {
    this.#address = addressOf(server, 'polling');
    this.#owner = owner;
    this.#poll();
  }

  send(packet) {
    this.#unsent.push(packet);
    if (!this.#sending) this.#flush();
  }

  close() {
    this.#ended.abort();
  }

  async #poll() {
    while (!this.#ended.signal.aborted) {
      const body = await this.#fetch({});
      for (const packet of body?.split(SEPARATOR) ?? []) {
        if (packet.startsWith('0')) this.#address += `&sid=${encodeURIComponent(JSON.parse(packet.slice(1)).sid)}`;
        if (!this.#ended.signal.aborted) this.#owner.packet(packet);
      }
    }
  }

  async #flush() {
    this.#sending = true;
    while (this.#unsent.length && !this.#ended.signal.aborted) {
      const body = this.#unsent.splice(0).join(SEPARATOR);
      await this.#fetch({ method: 'POST', body, headers: { 'Content-Type': 'text/plain;charset=UTF-8' } });
    }
    this.#sending = false;
  }

  /** The body of an answer; null when there is none, and the connection is lost then. @param {RequestInit} init */
  async #fetch(init) {
    try {
      const { signal } = this.#ended;
      const response = await fetch(this.#address, { ...init, signal, cache: 'no-store', credentials: 'omit' });
      if (response.ok) return await response.text();
      this.#lost(`http ${response.status}`);
    } catch {
      this.#lost('a request failed');
    }
    return null;
  }

  #lost(why) {
    if (this.#ended.signal.aborted) return;
    this.close();
    this.#owner.lost(why);
  }
}

/** @type {Record<Kind, new (server: string, owner: CarrierOwner) => Carrier>} */
const CARRIERS = { websocket: SocketCarrier, polling: PollingCarrier };

/** See the top of this file. */
export class EngineLink {
  #server;
  #owner;
  /** @type {Kind[]} those that are still to be tried */
  #kinds;
  /** @type {Carrier|null} */
  #carrier = null;
  #opened = false;
  #timer = 0;
  #patience = OPEN_MS;

  /** @param {string} server an origin @param {Kind[]} kinds best first @param {LinkOwner} owner */
  constructor(server, kinds, owner) {
    this.#server = server;
    this.#kinds = [...kinds];
    this.#owner = owner;
    this.#next();
  }

  /** @param {string} message */
  send(message) {
    this.#carrier?.send(`4${message}`);
  }

  /** Ends the connection, which the server notices; the owner hears no more of it. */
  close() {
    clearTimeout(this.#timer);
    this.#carrier?.close();
    this.#carrier = null;
  }

  #next() {
    const kind = /** @type {Kind} */ (this.#kinds.shift());
    /** @type {Carrier|null} */
    let mine = null;
    const ours = () => mine !== null && mine === this.#carrier;
    this.#wait();
    try {
      mine = this.#carrier = new CARRIERS[kind](this.#server, {
        packet: (packet) => ours() && this.#packet(packet, kind),
        lost: (why) => ours() && this.#lost(why),
      });
    } catch {
      // A page that came by https may not open a plain WebSocket.
      queueMicrotask(() => this.#lost('the browser forbids it'));
    }
  }

  /** A connection that says nothing for so long is gone; the browser may notice much later. */
  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost('silence'), this.#patience);
  }

  #packet(packet, kind) {
    if (packet.startsWith('0')) {
      const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1));
      this.#patience = pingInterval + pingTimeout;
      this.#opened = true;
      this.#owner.opened(kind);
    } else if (packet === '1') {
      this.#lost('the server closed');
      return;
    } else if (packet === '2') {
      this.#carrier?.send('3');
    } else if (packet.startsWith('4')) {
      this.#owner.received(packet.slice(1));
    }
    if (this.#carrier) this.#wait();
  }

  #lost(why) {
    clearTimeout(this.#timer);
    this.#carrier?.close();
    this.#carrier = null;
    if (!this.#opened && this.#kinds.length) this.#next();
    else this.#owner.lost(why);
  }
}

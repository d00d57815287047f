import { fullJitter } from '../shared/backoff.js';
import { toJson } from '../shared/text.js';
import { EngineLink } from './engine-link.js';

/** A server that has ended connections is not back sooner; those that were cut off together return spread out. */
const SHORTEST_MS = 500;
/** The longest wait before another try; the page shows that it is offline all the while. */
const LONGEST_MS = 5_000;
/** A name and one argument are an event; the server's offset comes behind them (connection state recovery). */
const EVENT = '2';

/**
 * A client of Socket.IO 5 in the default namespace of one server, which comes back by itself and then asks for what it
 * missed. It speaks what ReplyX's tickets need: events with one JSON argument, and acknowledgements.
 *
 * @typedef {object} SocketIoOwner
 * @property {() => object} auth what each CONNECT is to carry
 * @property {(recovered: boolean) => void} connected `recovered`: what was missed follows
 * @property {() => void} lost the connection has ended; an attempt follows
 * @property {(why: string) => void} failed an attempt has ended, see `LinkOwner`; another one follows
 * @property {() => void} connecting an attempt begins
 * @property {(error: {message: string, data?: any}) => void} refused the server wants no other attempt
 * @property {(name: string, argument: any) => void} event
 */
export class SocketIo {
  #server;
  #owner;
  /** @type {import('./engine-link.js').Kind[]} */
  #kinds = ['websocket', 'polling'];
  /** @type {EngineLink|null} */
  #link = null;
  #connected = false;
  /** @type {{pid?: string, offset?: string}} */
  #place = {};
  #attempt = 0;
  #timer = 0;
  #nextAck = 0;
  /** @type {Map<number, (answer: any) => void>} */
  #asked = new Map();
  #wake = () => !this.#link && this.connect();

  /** @param {string} server an origin @param {SocketIoOwner} owner */
  constructor(server, owner) {
    this.#server = server;
    this.#owner = owner;
    window.addEventListener('online', this.#wake);
  }

  /** Whether events flow. */
  get connected() {
    return this.#connected;
  }

  /** Connects now, whatever it waits for; a connection that there is ends. */
  connect() {
    this.#end();
    this.#owner.connecting();
    this.#link = new EngineLink(this.#server, this.#kinds, {
      opened: (kind) => {
        // What has worked is tried first the next time.
        this.#kinds = [kind, ...this.#kinds.filter((each) => each !== kind)];
        this.#link?.send(`0${toJson({ ...this.#owner.auth(), ...this.#place })}`);
      },
      received: (message) => this.#received(message),
      lost: (why) => this.#lost(why),
    });
  }

  /** Ends for good. */
  disconnect() {
    window.removeEventListener('online', this.#wake);
    this.#end();
  }

  /** Sends an event, if it can be sent now. @param {string} name @param {object} argument */
  emit(name, argument) {
    if (this.#connected) this.#link?.send(EVENT + toJson([name, argument]));
  }

  /**
   * Sends an event and waits for its acknowledgement.
   * @param {string} name
   * @param {object} argument
   * @param {number} patience milliseconds
   * @returns {Promise<any>} rejects when none comes
   */
  ask(name, argument, patience) {
    if (!this.#connected) return Promise.reject(new Error('not connected'));
    const id = this.#nextAck;
    this.#nextAck += 1;
    this.#link?.send(`${EVENT}${id}${toJson([name, argument])}`);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#answer(id, undefined), patience);
      this.#asked.set(id, (answer) => {
        clearTimeout(late);
        if (answer === undefined) reject(new Error('no acknowledgement'));
        else resolve(answer);
      });
    });
  }

  #received(message) {
    const parts = /^([0-4])(\d*)(.*)$/s.exec(message);
    if (!parts) return;
    const [, kind, id, json] = parts;
    const data = json ? JSON.parse(json) : undefined;
    if (kind === '0') this.#entered(data);
    else if (kind === '1') this.#lost('the server showed it out');
    else if (kind === EVENT) this.#event(data);
    else if (kind === '3') this.#answer(Number(id), data[0]);
    else this.#refused(data);
  }

  #entered({ pid }) {
    const recovered = pid !== undefined && pid === this.#place.pid;
    if (!recovered) this.#place = { pid };
    this.#connected = true;
    this.#attempt = 0;
    this.#owner.connected(recovered);
  }

  #event([name, argument, offset]) {
    if (typeof offset === 'string') this.#place.offset = offset;
    this.#owner.event(name, argument);
  }

  #answer(id, answer) {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
  }

  #refused(error) {
    this.#end();
    this.#owner.refused(error);
  }

  #lost(why) {
    const { lost, failed } = this.#owner;
    const tell = this.#connected ? lost : () => failed(why);
    this.#end();
    this.#timer = setTimeout(() => this.connect(), SHORTEST_MS + fullJitter(this.#attempt, { cap: LONGEST_MS }));
    this.#attempt += 1;
    tell();
  }

  #end() {
    clearTimeout(this.#timer);
    this.#connected = false;
    this.#link?.close();
    this.#link = null;
    for (const id of [...this.#asked.keys()]) this.#answer(id, undefined);
  }
}

import { fullJitter } from './backoff.js';
import { HttpProblem } from './http.js';
import { randomId } from './ids.js';

const PREFIX = 'replyx:outbox:';

/**
 * A message on its way.
 * @typedef {object} Unsent
 * @property {string} client_id made once; every repetition carries it, so the server takes the message once
 * @property {string} text
 * @property {string} created_at RFC 3339
 * @property {number} order position among messages written in the same millisecond
 * @property {'pending'|'failed'} status `failed` after a refusal that repeating cannot change
 * @property {string|null} problem the refusal's `code`, when failed
 * @property {import('./problem-words.js').Fault[]} [faults] what it had against the text
 */

/**
 * Messages that the server has not acknowledged: sent one at a time in the order written, repeated
 * until they arrive, kept over a reload.
 *
 * Each message has a storage key of its own, so two tabs with the same conversation never overwrite
 * each other's; that both may send one is harmless, as both use its `client_id`.
 */
export class Outbox {
  #prefix;
  #storage;
  #send;
  #onChange;
  #onSent;
  /** @type {Map<string, Unsent>} */
  #unsent = new Map();
  #attempt = 0;
  #timer = 0;
  #sending = false;
  #connected = false;
  #kick = () => this.kick();

  /**
   * @param {object} options
   * @param {string} options.conversation names the conversation within this browser
   * @param {import('./storage.js').SafeStorage} options.storage
   * @param {(unsent: Unsent) => Promise<{message?: import('./conversation.js').Message}>} options.send rejects with `HttpProblem`
   * @param {(message: import('./conversation.js').Message|undefined) => void} options.onSent the acknowledged message
   * @param {() => void} options.onChange `entries` differ from before
   */
  constructor({ conversation, storage, send, onSent, onChange }) {
    this.#prefix = `${PREFIX}${conversation}:`;
    this.#storage = storage;
    this.#send = send;
    this.#onSent = onSent;
    this.#onChange = onChange;
    for (const key of storage.keys(this.#prefix)) this.#restore(key);
    this.#sort();
  }

  /** Conversations of this browser that have something unsent. @param {import('./storage.js').SafeStorage} storage */
  static conversations(storage) {
    const names = storage.keys(PREFIX).map((key) => key.slice(PREFIX.length, key.lastIndexOf(':')));
    return [...new Set(names)];
  }

  /** @returns {Unsent[]} in the order written */
  get entries() {
    return [...this.#unsent.values()];
  }

  /** Starts sending what is there and what will come. */
  connect() {
    this.#connected = true;
    window.addEventListener('online', this.#kick);
    this.#next();
  }

  /** Stops sending; nothing is forgotten. */
  disconnect() {
    this.#connected = false;
    window.removeEventListener('online', this.#kick);
    clearTimeout(this.#timer);
  }

  /** Takes a message and keeps it until it has arrived or is discarded. @param {string} text @returns {Unsent} */
  add(text) {
    /** @type {Unsent} */
    const unsent = {
      client_id: randomId(),
      text,
      created_at: new Date().toISOString(),
      order: this.#unsent.size,
      status: 'pending',
      problem: null,
    };
    this.#keep(unsent);
    this.#onChange();
    this.#next();
    return unsent;
  }

  /** Sends a failed message again. @param {string} clientId */
  retry(clientId) {
    const unsent = this.#unsent.get(clientId);
    if (!unsent) return;
    this.#keep({ ...unsent, status: 'pending', problem: null, faults: [] });
    this.#onChange();
    this.kick();
  }

  /** Forgets a message; its text is returned so that it may be edited. @param {string} clientId @returns {string} */
  discard(clientId) {
    const text = this.#unsent.get(clientId)?.text ?? '';
    this.#forget(clientId);
    return text;
  }

  /**
   * A message was seen in the history or on the stream: if it is one of ours, it has arrived.
   * @param {string|null} clientId
   */
  confirm(clientId) {
    if (clientId && this.#unsent.has(clientId)) this.#forget(clientId);
  }

  /** Tries now instead of when the delay is over. */
  kick() {
    this.#attempt = 0;
    clearTimeout(this.#timer);
    this.#next();
  }

  #restore(key) {
    try {
      const unsent = JSON.parse(this.#storage.get(key) ?? '');
      if (unsent?.client_id && typeof unsent.text === 'string') this.#unsent.set(unsent.client_id, unsent);
    } catch {
      this.#storage.remove(key); // not ours, or damaged: it could never be sent
    }
  }

  #sort() {
    const written = this.entries.sort((a, b) => a.created_at.localeCompare(b.created_at) || a.order - b.order);
    this.#unsent = new Map(written.map((unsent) => [unsent.client_id, unsent]));
  }

  #keep(unsent) {
    this.#unsent.set(unsent.client_id, unsent);
    this.#storage.set(this.#prefix + unsent.client_id, JSON.stringify(unsent));
  }

  #forget(clientId) {
    this.#unsent.delete(clientId);
    this.#storage.remove(this.#prefix + clientId);
    this.#onChange();
  }

  async #next() {
    const unsent = this.entries.find(({ status }) => status === 'pending');
    if (!unsent || this.#sending || !this.#connected) return;
    clearTimeout(this.#timer);
    this.#sending = true;
    let onward = true;
    try {
      const { message } = await this.#send(unsent);
      this.#attempt = 0;
      this.#onSent(message);
      this.confirm(unsent.client_id);
    } catch (error) {
      onward = !error.transient;
      if (error.transient) this.#later(error.retryAfter ?? 0);
      else this.#refused(unsent, error);
    } finally {
      this.#sending = false;
    }
    if (onward) this.#next();
  }

  #later(retryAfter) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), retryAfter * 1000 + fullJitter(this.#attempt));
    this.#attempt += 1;
  }

  /** A failed message does not hold up those behind it: they may well be acceptable. */
  #refused(unsent, error) {
    if (!(error instanceof HttpProblem)) console.error(error);
    if (!this.#unsent.has(unsent.client_id)) return;
    this.#keep({ ...unsent, status: 'failed', problem: error.code ?? 'unexpected', faults: error.errors ?? [] });
    this.#onChange();
  }
}

import { randomId } from '../shared/ids.js';

const ID = 'replyx:demo:sender-id';
const TYPE = 'replyx:demo:sender-type';
const WRITTEN = 'replyx:demo:written-as:';

/** Types that a page may ask to speak as; the server decides whether it may. */
export const SENDER_TYPES = ['USER', 'AGENT', 'BOT'];

/**
 * Whom this browser speaks as. A message keeps the sender that was chosen when it was written, also when it is sent
 * later or after a reload.
 * @typedef {{senderId: string, senderType: string}} Sender
 */
export class Senders {
  #storage;
  #current;

  /** @param {import('../shared/storage.js').SafeStorage} storage */
  constructor(storage) {
    const type = storage.get(TYPE);
    this.#storage = storage;
    this.#current = {
      senderId: storage.get(ID) || `user-${randomId().slice(0, 4)}`,
      senderType: SENDER_TYPES.includes(type) ? type : 'USER',
    };
    this.choose(this.#current);
  }

  /** @returns {Sender} */
  get current() {
    return this.#current;
  }

  /** All messages from now on are written as this sender. @param {Partial<Sender>} sender */
  choose(sender) {
    this.#current = { ...this.#current, ...sender };
    this.#storage.set(ID, this.#current.senderId);
    this.#storage.set(TYPE, this.#current.senderType);
  }

  /** Who wrote this unsent message: the first asking settles it. @param {string} clientId @returns {Sender} */
  of(clientId) {
    const kept = this.#read(clientId);
    if (kept) return kept;
    this.#storage.set(WRITTEN + clientId, JSON.stringify(this.#current));
    return this.#current;
  }

  /** The message has arrived or was discarded. @param {string} clientId */
  forget(clientId) {
    this.#storage.remove(WRITTEN + clientId);
  }

  #read(clientId) {
    try {
      const { senderId, senderType } = JSON.parse(this.#storage.get(WRITTEN + clientId) ?? '');
      return typeof senderId === 'string' && SENDER_TYPES.includes(senderType) ? { senderId, senderType } : null;
    } catch {
      return null; // none yet, or damaged
    }
  }
}

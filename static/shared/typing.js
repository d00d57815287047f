/** `typing_start` is repeated this often while someone keeps typing. */
const REPEAT_MS = 3_500;
/** A pause this long ends it. */
const PAUSE_MS = 4_000;

/** Tells the other side about typing, a few times a minute instead of at every key. */
export class TypingNotifier {
  #send;
  #sentAt = 0;
  #timer = 0;

  /** @param {(typing: boolean) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** A key was pressed. @param {boolean} hasText an emptied field counts as stopping */
  typed(hasText) {
    if (!hasText) {
      this.stop();
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stop(), PAUSE_MS);
    const now = performance.now();
    if (this.#sentAt && now - this.#sentAt < REPEAT_MS) return;
    this.#sentAt = now;
    this.#send(true);
  }

  /** The message was sent, the field emptied or left. */
  stop() {
    clearTimeout(this.#timer);
    if (!this.#sentAt) return;
    this.#sentAt = 0;
    this.#send(false);
  }
}

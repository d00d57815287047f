/** Looks again and again for as long as somebody looks at the page: never two looks at a time, none while it is hidden. */
export class Poll {
  #look;
  #everyMs;
  #timer = 0;
  #connected = false;
  #looking = false;
  #again = false;
  #seen = () => document.visibilityState === 'visible' && this.now();

  /** @param {() => Promise<void>} look deals with its own failures @param {number} everyMs from the end of one look to the next */
  constructor(look, everyMs) {
    this.#look = look;
    this.#everyMs = everyMs;
  }

  /** Begins with a look at once. */
  connect() {
    this.#connected = true;
    document.addEventListener('visibilitychange', this.#seen);
    return this.now();
  }

  /** Stops; a look that is under way ends by itself. */
  disconnect() {
    this.#connected = false;
    document.removeEventListener('visibilitychange', this.#seen);
    clearTimeout(this.#timer);
  }

  /** Looks at once, or once more behind the look that is under way. */
  async now() {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    clearTimeout(this.#timer);
    try {
      while (this.#again && this.#connected) {
        this.#again = false;
        await this.#look();
      }
    } finally {
      this.#looking = false;
      if (this.#connected && document.visibilityState === 'visible') {
        this.#timer = setTimeout(() => this.now(), this.#everyMs);
      }
    }
  }
}

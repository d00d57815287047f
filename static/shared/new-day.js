/** Calls `turn` when a new day has begun in the viewer's time zone: "today" is another day then. */
export class NewDay {
  #turn;
  #timer = 0;
  #day = '';
  /** Timers stand still while a machine sleeps, so whoever comes back has a look. */
  #look = () => this.#watch();

  /** @param {() => void} turn */
  constructor(turn) {
    this.#turn = turn;
  }

  /** Begins to watch. */
  connect() {
    this.#day = new Date().toDateString();
    document.addEventListener('visibilitychange', this.#look);
    window.addEventListener('pageshow', this.#look);
    this.#watch();
  }

  /** Stops. */
  disconnect() {
    clearTimeout(this.#timer);
    document.removeEventListener('visibilitychange', this.#look);
    window.removeEventListener('pageshow', this.#look);
  }

  #watch() {
    clearTimeout(this.#timer);
    const now = new Date();
    if (now.toDateString() !== this.#day) {
      this.#day = now.toDateString();
      this.#turn();
    }
    const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
    this.#timer = setTimeout(this.#look, midnight.getTime() - now.getTime() + 1);
  }
}

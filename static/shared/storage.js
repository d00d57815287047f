/**
 * localStorage that never throws. Where the browser forbids it (a third-party frame in a private
 * window, a full quota) values live for as long as the page does, or with whoever `lend`s a place.
 */
export class SafeStorage {
  #memory = new Map();
  #area;
  #keep = () => {};

  /** @param {() => Storage} [area] reading it may itself throw, so it is passed as a function */
  constructor(area = () => globalThis.localStorage) {
    try {
      this.#area = area();
    } catch {
      this.#area = null; // SecurityError: storage is blocked for this frame
    }
  }

  /**
   * Offers another place, used only if the browser gives us none of our own.
   * @param {string|null} kept what `keep` was given last time
   * @param {(text: string|null) => void} keep called after each change with everything, null for nothing
   */
  lend(kept, keep) {
    if (this.#area) return;
    try {
      this.#memory = new Map([...JSON.parse(kept ?? '[]'), ...this.#memory]);
    } catch {
      keep(null); // not what we left there
    }
    this.#keep = () => keep(this.#memory.size ? JSON.stringify([...this.#memory]) : null);
  }

  /** @param {string} key @returns {string|null} */
  get(key) {
    if (this.#memory.has(key)) return this.#memory.get(key);
    try {
      return this.#area?.getItem(key) ?? null;
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {string} value */
  set(key, value) {
    try {
      if (!this.#area) throw new Error('no storage');
      this.#area.setItem(key, value);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value); // QuotaExceededError, or none at all: keep it for this page
      this.#keep();
    }
  }

  /** @param {string} key */
  remove(key) {
    if (this.#memory.delete(key)) this.#keep();
    try {
      this.#area?.removeItem(key);
    } catch {
      this.#area = null;
    }
  }

  /** @param {string} prefix @returns {string[]} keys that begin with `prefix` */
  keys(prefix) {
    const found = new Set(this.#memory.keys());
    for (let i = 0; i < (this.#area?.length ?? 0); i += 1) found.add(this.#area.key(i));
    return [...found].filter((key) => key.startsWith(prefix));
  }
}

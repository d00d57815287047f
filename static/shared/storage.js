/**
 * localStorage that never throws: where the browser forbids it (a third-party frame, private mode,
 * a full quota) values live for as long as the page does.
 */
export class SafeStorage {
  #memory = new Map();
  #area;

  /** @param {() => Storage} [area] reading it may itself throw, so it is passed as a function */
  constructor(area = () => globalThis.localStorage) {
    try {
      this.#area = area();
    } catch {
      this.#area = null; // SecurityError: storage is blocked for this frame
    }
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
    }
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
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

/** Long enough that a word typed in one go is one request, short enough to feel immediate. */
const PAUSE_MS = 250;
/** After this long without an answer the operator is told that it is the network. */
const SLOW_MS = 3000;
/** As the server has it: only letters and digits make words. */
const WORD = /[\p{L}\p{N}]/u;

/**
 * A search in the messages of every dialog and ticket. One request at a time: a newer question aborts the one before,
 * so an answer never stands below another question.
 */
export class MessageSearch {
  /** What is asked for; empty: nothing. */
  query = '';
  /** `off`: nothing is asked; `hint`: no word yet; `slow`: still `waiting`. @type {'off'|'hint'|'waiting'|'slow'|'done'|'failed'} */
  state = 'off';
  /** The newest first. After a new question they stay until its answer is there. @type {Wire.Found[]} */
  items = [];
  /** Why it `failed`. @type {import('../../shared/http.js').HttpProblem|null} */
  problem = null;
  #api;
  #onChange;
  #next = null;
  #before = null;
  #timer = null;
  #slow = null;
  /** @type {AbortController|null} */
  #asking = null;

  /** @param {{api: import('../api.js').PanelApi, onChange: () => void}} options */
  constructor({ api, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** Whether the list makes room for results. */
  get active() {
    return this.state !== 'off';
  }

  /** Whether an answer is on its way. */
  get busy() {
    return this.state === 'waiting' || this.state === 'slow';
  }

  /** Whether `more` brings any. */
  get hasMore() {
    return this.#next !== null;
  }

  /** Asks when typing pauses. @param {string} text empty ends the search */
  ask(text) {
    const query = text.trim().replace(/\s+/g, ' ');
    if (query === this.query) return;
    this.#stop();
    this.query = query;
    this.#next = null;
    if (WORD.test(query)) this.#timer = setTimeout(() => this.#load(null), PAUSE_MS);
    else this.items = [];
    this.#enter(this.#timer ? 'waiting' : query ? 'hint' : 'off');
  }

  /** Asks at once what was typed last. */
  now() {
    if (this.#timer !== null) this.#load(null);
  }

  /** The next page of results. */
  more() {
    if (this.#next !== null && !this.busy) this.#load(this.#next);
  }

  /** Asks again what has failed. */
  retry() {
    if (this.state === 'failed') this.#load(this.#before);
  }

  /** Ends the search; an answer on its way is not waited for. */
  clear() {
    this.ask('');
  }

  /** Stops, and says nothing more. */
  disconnect() {
    this.#stop();
  }

  async #load(before) {
    this.#stop();
    this.#before = before;
    const asking = (this.#asking = new AbortController());
    this.#slow = setTimeout(() => this.#enter('slow'), SLOW_MS);
    this.#enter('waiting');
    try {
      const page = await this.#api.search({ q: this.query, before }, asking.signal);
      if (asking.signal.aborted) return;
      this.items = before === null ? page.items : [...this.items, ...page.items];
      this.#next = page.next;
      this.#settle('done');
    } catch (error) {
      if (asking.signal.aborted) return;
      if (error.status === undefined) throw error;
      if (before === null) this.items = [];
      this.problem = error;
      this.#settle('failed');
    }
  }

  #settle(state) {
    clearTimeout(this.#slow);
    this.#asking = null;
    this.#enter(state);
  }

  #stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#slow);
    this.#timer = null;
    this.#asking?.abort();
    this.#asking = null;
  }

  #enter(state) {
    this.state = state;
    this.#onChange();
  }
}

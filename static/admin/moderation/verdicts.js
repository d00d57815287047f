import { LIMITS } from '../../shared/limits.js';

/** How long a decision can be taken back. */
export const HOLD_MS = 10_000;
/** Finished ones that stay to be read. */
const KEPT = 4;
/** The server's word for a product that its shop has changed since the admin saw it. */
const CHANGED = 'product_changed';

/**
 * One decision about one or more products. It is `held` until its time is up, then `sending`, then `done`; `failed`
 * when the server could not be reached or refused.
 * @typedef {object} Verdict
 * @property {number} id
 * @property {'approve'|'reject'} action
 * @property {Wire.ModeratedProduct[]} products those that are still to be decided
 * @property {{moderation_notes?: string, approval_fee?: number}} fields
 * @property {'held'|'sending'|'failed'|'done'} state
 * @property {number} until when it is sent, by `performance.now()`
 * @property {{product: Wire.ModeratedProduct, outcome: 'done'|'unchanged'|'gone'|'other'|'edited'}[]} results
 * @property {import('../../shared/http.js').HttpProblem|null} problem
 */

/**
 * The decisions of this tab. Each is held back for some seconds before the server hears of it: an approval rings the
 * phones of all users, and nobody can take that back. Leaving the page sends what is held; a tab that is killed sends
 * nothing, and the products simply wait on.
 */
export class Verdicts {
  #api;
  #onChange;
  #onDecided;
  #onStale;
  /** @type {Verdict[]} */
  #list = [];
  #timers = new Map();
  #ids = 0;
  #leave = () => this.flush({ keepalive: true });

  /**
   * @param {object} options
   * @param {import('../api.js').PanelApi} options.api
   * @param {() => void} options.onChange
   * @param {(productId: number) => void} options.onDecided the server has decided, or knows no such product
   * @param {() => void} options.onStale the server says that a product is not the one that was decided about
   */
  constructor({ api, onChange, onDecided, onStale }) {
    this.#api = api;
    this.#onChange = onChange;
    this.#onDecided = onDecided;
    this.#onStale = onStale;
  }

  /** Begins to watch for the page being left. */
  connect() {
    window.addEventListener('pagehide', this.#leave);
  }

  /** Stops; what is still held is not sent any more. */
  disconnect() {
    window.removeEventListener('pagehide', this.#leave);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** @returns {readonly Verdict[]} the newest first */
  get list() {
    return this.#list;
  }

  /** Whether a decision about the product is on its way. @param {number} productId */
  has(productId) {
    return this.#open().some(({ products }) => products.some(({ id }) => id === productId));
  }

  /** Decides, in a while. @param {'approve'|'reject'} action @param {Wire.ModeratedProduct[]} products @param {object} fields */
  hold(action, products, fields) {
    this.#ids += 1;
    /** @type {Verdict} */
    const verdict = { id: this.#ids, action, products, fields, state: 'held', until: 0, results: [], problem: null };
    this.#list = [verdict, ...this.#open(), ...this.#list.filter(({ state }) => state === 'done').slice(0, KEPT)];
    this.#wait(verdict);
  }

  /** Takes back what the server has not heard of, and clears away what is done. @param {number} id */
  remove(id) {
    const verdict = this.#find(id);
    if (!verdict || verdict.state === 'sending') return;
    this.#stop(verdict);
    this.#list = this.#list.filter((other) => other !== verdict);
    this.#onChange();
  }

  /** Takes back the newest one that can be. */
  undoLast() {
    const verdict = this.#list.find(({ state }) => state === 'held');
    if (verdict) this.remove(verdict.id);
  }

  /** Tries again what failed; with no id everything that the network has kept back. @param {number} [id] */
  retry(id) {
    const again = id === undefined ? ({ problem }) => problem?.transient : (verdict) => verdict.id === id;
    for (const verdict of this.#list) if (verdict.state === 'failed' && again(verdict)) this.#send(verdict);
  }

  /** Sends everything that is held, now. @param {{keepalive?: boolean}} [options] for a page that is being left */
  async flush(options = {}) {
    await Promise.all(this.#list.filter(({ state }) => state === 'held').map((each) => this.#send(each, options)));
  }

  /** Somebody else has decided about a product, or its shop has changed it: then ours is void. @param {Wire.Event} event */
  apply(event) {
    if (event.type === 'product.approved' || event.type === 'product.rejected') this.#void(event.data.product_id, () => 'other');
    if (event.type !== 'product.submitted') return;
    const { id, version } = event.data;
    this.#void(id, (product) => product.version !== version && 'edited');
  }

  #open() {
    return this.#list.filter(({ state }) => state !== 'done');
  }

  #find(id) {
    return this.#list.find((verdict) => verdict.id === id);
  }

  #void(productId, judge) {
    for (const verdict of this.#list) {
      const product = verdict.products.find(({ id }) => id === productId);
      const outcome = product && verdict.state !== 'sending' && judge(product);
      if (!outcome) continue;
      this.#settle(verdict, product, outcome);
      if (verdict.products.length === 0) this.#finish(verdict);
      this.#onChange();
    }
  }

  #wait(verdict) {
    verdict.state = 'held';
    verdict.until = performance.now() + HOLD_MS;
    this.#timers.set(verdict.id, setTimeout(() => this.#send(verdict), HOLD_MS));
    this.#onChange();
  }

  #stop({ id }) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  #settle(verdict, product, outcome) {
    verdict.results.push({ product, outcome });
    verdict.products = verdict.products.filter((other) => other !== product);
    if (outcome !== 'edited') this.#onDecided(product.id);
  }

  #finish(verdict) {
    this.#stop(verdict);
    verdict.state = 'done';
  }

  /** Repeating a decision is safe: the server tells nobody twice. */
  async #send(verdict, options) {
    this.#stop(verdict);
    verdict.state = 'sending';
    verdict.problem = null;
    this.#onChange();
    try {
      await (verdict.action === 'approve' ? this.#approve(verdict, options) : this.#reject(verdict, options));
      this.#finish(verdict);
    } catch (error) {
      if (error.status === undefined) throw error;
      verdict.state = 'failed';
      verdict.problem = error;
    }
    this.#onChange();
  }

  async #approve(verdict, options) {
    const all = [...verdict.products];
    for (let from = 0; from < all.length; from += LIMITS.bulk) {
      const some = new Map(all.slice(from, from + LIMITS.bulk).map((product) => [product.id, product]));
      const versions = Object.fromEntries([...some.values()].map(({ id, version }) => [id, version]));
      const { results } = await this.#api.approve({ ...verdict.fields, product_ids: [...some.keys()], versions }, options);
      for (const { product_id: id, ok, changed, code } of results) {
        this.#settle(verdict, some.get(id), ok ? (changed ? 'done' : 'unchanged') : outcomeOf(code));
      }
      if (results.some(({ code }) => code === CHANGED)) this.#onStale();
    }
  }

  async #reject(verdict, options) {
    const one = async (product) => {
      try {
        await this.#api.reject(product.id, { ...verdict.fields, version: product.version }, options);
        return 'done';
      } catch (error) {
        if (error.code !== CHANGED && error.status !== 404) throw error;
        if (error.code === CHANGED) this.#onStale();
        return outcomeOf(error.code);
      }
    };
    if (options?.keepalive) await Promise.all(verdict.products.map(one)); // a page that is being left cannot wait
    else for (const product of [...verdict.products]) this.#settle(verdict, product, await one(product));
  }
}

/** What the server had against a decision about one product. */
function outcomeOf(code) {
  return code === CHANGED ? 'edited' : 'gone';
}

const PAGE = 200;

/**
 * The products that wait for a decision, the longest-waiting first.
 *
 * Each event says everything about its product, so a page that was read earlier or later than an event does no harm:
 * what is heard while a page loads is applied again behind it, and the last event about a product wins.
 */
export class ModerationQueue {
  #api;
  #onChange;
  /** @type {Map<number, Wire.ModeratedProduct>} */
  #products = new Map();
  /** The id behind which more may wait on the server; null when all are here. */
  #next = 0;
  #loaded = false;
  #problem = null;
  /** @type {Wire.Event[]|null} */
  #meanwhile = null;

  /** @param {{api: import('../api.js').PanelApi, onChange: () => void}} options */
  constructor({ api, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** Loads the first page anew. @throws {import('../../shared/http.js').HttpProblem} when trying again may help */
  async load() {
    await this.#take(0, () => this.#products.clear());
  }

  /** Loads the page behind the last one. */
  async more() {
    if (this.#next !== null) await this.#take(this.#next);
  }

  /** Whether `more` would bring anything. */
  get hasMore() {
    return this.#next !== null;
  }

  /** Whether there has been an answer. */
  get loaded() {
    return this.#loaded;
  }

  /** What the server had against the last load, or null. */
  get problem() {
    return this.#problem;
  }

  /** @returns {Wire.ModeratedProduct[]} the longest-waiting first */
  get products() {
    return [...this.#products.values()].sort((a, b) => a.id - b.id);
  }

  /** @param {Wire.Event} event */
  apply(event) {
    if (!this.#enter(event)) return;
    this.#meanwhile?.push(event);
    this.#onChange();
  }

  /** Takes a product out; its event may come late. @param {number} id */
  forget(id) {
    this.#products.delete(id);
  }

  /** @param {Wire.Event} event @returns {boolean} whether it was about the queue */
  #enter(event) {
    if (event.type === 'product.submitted') {
      const { data } = event;
      const later = this.#next !== null && data.id > this.#next; // `more` will bring it
      if (!later) this.#products.set(data.id, data);
      return true;
    }
    if (event.type === 'product.approved' || event.type === 'product.rejected') {
      this.#products.delete(event.data.product_id);
      return true;
    }
    return false;
  }

  async #take(after, before = () => {}) {
    this.#meanwhile = [];
    try {
      const page = await this.#api.products({ status: 'pending', limit: PAGE, after });
      before();
      this.#next = page.next;
      for (const product of page.items) this.#products.set(product.id, product);
      for (const event of this.#meanwhile) this.#enter(event);
      this.#loaded = true;
      this.#problem = null;
    } catch (error) {
      if (error.status === undefined) throw error;
      this.#problem = error;
      if (error.transient && !this.#loaded) throw error;
    } finally {
      this.#meanwhile = null;
      this.#onChange();
    }
  }
}

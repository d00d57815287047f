import { ModerationQueue } from './queue.js';
import { Verdicts } from './verdicts.js';

/** What an admin moderates with: the queue, and the decisions that are on their way to the server. */
export class Moderation {
  /** @param {{api: import('../api.js').PanelApi, onChange: () => void}} options */
  constructor({ api, onChange }) {
    this.queue = new ModerationQueue({ api, onChange });
    const load = () => this.queue.load().catch((error) => error.status === undefined && console.error(error));
    this.verdicts = new Verdicts({ api, onChange, onDecided: (id) => this.queue.forget(id), onStale: load });
  }

  /** The products about which nothing has been decided here. @returns {Wire.ModeratedProduct[]} */
  get waiting() {
    return this.queue.products.filter(({ id }) => !this.verdicts.has(id));
  }

  /** @param {Wire.Event} event */
  apply(event) {
    this.verdicts.apply(event);
    this.queue.apply(event);
  }
}

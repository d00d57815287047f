import { request } from '../shared/http.js';
import { SocketLink } from '../shared/links.js';
import { Stream } from '../shared/stream.js';

/**
 * What a bot has sent; a type that nobody knows may hold anything.
 * @typedef {{type: string, shopId?: number|string, orderId?: number|string, status?: string}} Broadcast
 */

/**
 * What bots broadcast, of the rooms that the page has named; of none, everything.
 *
 * The rooms are part of the address, so whoever is cut off comes back into them; on an open socket they are named and
 * left by frames.
 */
export class Broadcasts {
  #rooms = [];
  #joined = [];
  #stream;
  #onLive;
  #onState;

  /**
   * @param {object} options
   * @param {(event: Broadcast) => void} options.onEvent
   * @param {(state: import('../shared/state-badge.js').State) => void} options.onState
   * @param {() => void} options.onLive the socket is open, and what happened before it may be unknown
   */
  constructor({ onEvent, onState, onLive }) {
    this.#onLive = onLive;
    this.#onState = onState;
    this.#stream = new Stream({
      links: [(cursor, owner) => new SocketLink(this.#address(cursor), owner)],
      onEvent: (event) => {
        if (event.type === 'subscribed' || event.type === 'error') return;
        const { cursor: _, ...message } = event;
        console.log('📨 WebSocket message:', message);
        onEvent(message);
      },
      onState: (state) => this.#enter(state),
      // Nothing to load first: the page loads what it shows whenever the socket opens.
      onResync: async () => null,
      onRefused: () => onState('refused'),
      probe: () => request('/health').then(() => 'ok', () => 'unreachable'),
    });
  }

  /** @param {string[]} rooms */
  connect(rooms) {
    this.#rooms = rooms;
    this.#stream.connect(null);
  }

  /** Hears these rooms from now on. @param {string[]} rooms */
  follow(rooms) {
    this.#rooms = rooms;
    if (this.#stream.state === 'live') this.#join();
  }

  #address(cursor) {
    this.#joined = this.#rooms;
    const url = new URL('/ws/webapp', location.href.replace(/^http/, 'ws'));
    if (this.#rooms.length) url.searchParams.set('rooms', this.#rooms.join(','));
    if (cursor) url.searchParams.set('cursor', cursor);
    return url.href;
  }

  #enter(state) {
    this.#onState(state);
    if (state !== 'live') return;
    console.log('✅ WebSocket connected');
    this.#join();
    this.#onLive();
  }

  /** New rooms before old ones are left: between the two the socket must not hear everything. */
  #join() {
    const added = this.#rooms.filter((room) => !this.#joined.includes(room));
    const left = this.#joined.filter((room) => !this.#rooms.includes(room));
    if (added.length) this.#stream.send({ type: 'subscribe', rooms: added });
    if (left.length) this.#stream.send({ type: 'unsubscribe', rooms: left });
    this.#joined = this.#rooms;
  }
}

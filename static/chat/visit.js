import { fullJitter } from '../shared/backoff.js';
import { Conversation } from '../shared/conversation.js';
import { request } from '../shared/http.js';
import { Outbox } from '../shared/outbox.js';
import { Stream, dialogLinks } from '../shared/stream.js';

/** A session refused again this soon after it was renewed will not be mended by renewing it. */
const RENEW_AT_MOST_EVERY_MS = 30_000;

/**
 * One visitor's conversation: session, history, stream and outbox, joined. It has no view.
 *
 * @typedef {object} VisitOptions
 * @property {import('./session.js').Session} session
 * @property {import('../shared/storage.js').SafeStorage} storage
 * @property {string} conversation names the conversation within this browser
 * @property {() => void} onChange
 * @property {(state: 'connecting'|'live'|'offline'|'refused') => void} onState
 * @property {(message: import('../shared/conversation.js').Message) => void} onAnswer somebody else's new message
 */
export class Visit {
  #options;
  #urls = null;
  #stream;
  #dialog = null;
  #joining = false;
  #joined = false;
  #attempt = 0;
  #timer = 0;
  #renewedAt = -Infinity;
  #readSent = 0;
  #retryNow = () => this.#timer && this.#join();

  /** @param {VisitOptions} options */
  constructor(options) {
    this.#options = options;
    const { session, storage, conversation, onChange, onState } = options;
    this.conversation = new Conversation({
      fetchPage: (page) => session.call((urls) => request(urls.history(page), urls.access)),
      onChange,
    });
    this.outbox = new Outbox({
      conversation,
      storage,
      send: ({ text, client_id }) => this.#post('send', { text, client_id }),
      onSent: (message) => this.conversation.add(message),
      onChange,
    });
    this.#stream = new Stream({
      links: dialogLinks(() => this.#urls),
      onEvent: (event) => this.#received(event),
      onState,
      onResync: () => this.#reload(),
      onRefused: () => this.#refused(),
      probe: () => this.#probe(),
    });
  }

  /** @returns {object|null} the dialog as last heard of */
  get dialog() {
    return this.#dialog;
  }

  /** Continues an earlier conversation; without one nothing is asked of the server. */
  connect() {
    window.addEventListener('online', this.#retryNow);
    this.#options.session.connect();
    if (this.#options.session.known || this.outbox.entries.length) this.#begin();
  }

  /** Stops; what is unsent stays. */
  disconnect() {
    window.removeEventListener('online', this.#retryNow);
    this.#options.session.disconnect();
    clearTimeout(this.#timer);
    this.#stream.disconnect();
    this.outbox.disconnect();
  }

  /** @param {string} text */
  send(text) {
    this.outbox.add(text);
    this.#begin();
  }

  /** @param {boolean} typing */
  typing(typing) {
    if (!this.#joined || this.#stream.send({ type: typing ? 'typing_start' : 'typing_stop' })) return;
    // Ephemeral by nature: when it fails, the next key press says it again.
    this.#post('typing', { typing }).catch(() => {});
  }

  /** The visitor has seen everything that is there. */
  seen() {
    const last = this.conversation.latest('manager', 'assistant', 'system');
    const upTo = last?.id ?? 0;
    if (!this.#joined || upTo <= Math.max(this.#readSent, this.conversation.readUpTo.user)) return;
    this.#readSent = upTo;
    if (this.#stream.send({ type: 'read', up_to: upTo })) return;
    this.#post('read', { up_to: upTo }).catch(() => (this.#readSent = 0));
  }

  /** The page has told the visitor's name. */
  async renamed() {
    if (this.#joined) this.#urls = (await this.#options.session.renew()).urls;
  }

  /** The conversation is another tab's, or has become it. */
  moved() {
    this.#stream.disconnect();
    this.#joined = false;
    this.#begin();
  }

  /** After `refused`: from the beginning. */
  retry() {
    this.#renewedAt = -Infinity;
    this.outbox.kick();
    this.#join();
  }

  #begin() {
    this.outbox.connect();
    if (!this.#joined && !this.#timer) this.#join();
  }

  /** Session, then history, then the stream from the history's cursor: nothing can fall between them. */
  async #join() {
    if (this.#joining) return;
    this.#joining = true;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#options.onState('connecting');
    try {
      const cursor = await this.#load();
      this.#attempt = 0;
      this.#joined = true;
      this.#stream.connect(cursor);
    } catch (error) {
      this.#joinFailed(error);
    } finally {
      this.#joining = false;
    }
  }

  #joinFailed(error) {
    if (!error.transient) {
      if (error.status === undefined) console.error(error);
      this.#options.onState('refused');
      return;
    }
    this.#options.onState('offline');
    this.#timer = setTimeout(() => this.#join(), (error.retryAfter ?? 0) * 1000 + fullJitter(this.#attempt));
    this.#attempt += 1;
  }

  /** Returns the older of the two cursors: what the stream repeats changes nothing, what it left out would be lost. */
  async #load() {
    const { dialog, cursor } = await this.#options.session.open();
    this.#dialog = dialog;
    this.conversation.take(dialog);
    await this.conversation.load();
    this.#urls = (await this.#options.session.open()).urls; // after loading, which may have renewed the token
    for (const message of this.conversation.messages) this.outbox.confirm(message.client_id);
    return cursor;
  }

  async #reload() {
    await this.#options.session.renew();
    return this.#load();
  }

  #received(event) {
    console.log('📨 [Widget] WebSocket message received:', event);
    if (event.type === 'message:new') {
      this.outbox.confirm(event.message.client_id);
      const news = event.message.sender !== 'user' && !this.conversation.has(event.message.id);
      if (news) this.#options.onAnswer(event.message);
    }
    if (event.type === 'dialog:updated') this.#dialog = event.dialog;
    this.conversation.apply(event);
  }

  #post(what, body) {
    const { session } = this.#options;
    return session.call((urls) => request(urls[what], { method: 'POST', body, ...urls.access }));
  }

  async #probe() {
    try {
      await request(this.#urls.history({ limit: 1 }), this.#urls.access);
      return 'ok';
    } catch (error) {
      return error.transient ? 'unreachable' : 'refused';
    }
  }

  /** The session token has expired, or the dialog is no longer ours: a new session, once in a while. */
  async #refused() {
    this.#joined = false;
    const now = performance.now();
    if (now - this.#renewedAt < RENEW_AT_MOST_EVERY_MS) {
      this.#options.onState('refused');
      return;
    }
    this.#renewedAt = now;
    this.#dialog = null;
    await this.#options.session.renew().catch(() => {}); // joining asks again and reports
    this.#join();
  }
}

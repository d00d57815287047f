import { fullJitter } from '../shared/backoff.js';
import { HttpProblem } from '../shared/http.js';
import { authOf } from './credentials.js';
import { diagnose, loadClient } from './socket-client.js';

/** Longer than the server takes for any answer when it is well. */
const ANSWER_MS = 10_000;
/** Refusals by `code` that may be gone when the same is asked again, with their HTTP status. */
const TRANSIENT = { too_many_requests: 429, request_timeout: 408, internal_error: 500, store_unavailable: 503, stopping: 503 };

/** A refusal in an acknowledgement or an `error` event, in the shape of one over HTTP. */
function problemOf({ code = 'unexpected', detail, message, errors = [], retryAfter = null }) {
  return new HttpProblem({ status: TRANSIENT[code] ?? 422, code, detail: detail ?? message ?? '', errors, retryAfter });
}

const CUT = () => new HttpProblem({ status: 0, code: 'network' });

/**
 * One server's Socket.IO connection, and the one ticket joined over it. The stock client reconnects by itself and asks
 * the server to recover what it missed; where that could not be done, the ticket is joined again and `onRejoin` is
 * told, so that the history can be read anew.
 */
export class TicketLink {
  #server;
  #credential;
  #on;
  #socket = null;
  #ticketId = null;
  #joined = false;
  #closed = false;
  #state = 'connecting';
  #attempt = 0;
  #timer = 0;
  #histories = new Map();

  /**
   * @param {string} server an origin
   * @param {string} credential see `authOf`
   * @param {object} on
   * @param {(state: 'connecting'|'live'|'offline'|'refused', reason: string|HttpProblem) => void} on.state `reason`
   *   is what `diagnose` found, or empty, or, of 'refused', the refusal
   * @param {() => void} on.rejoin the ticket must be joined (again): what was missed is not coming by itself
   * @param {() => void} on.resumed the connection is back and nothing was missed
   * @param {(message: object) => void} on.message
   * @param {(ticket: object) => void} on.ticket
   * @param {(typing: object) => void} on.typing
   * @param {(problem: HttpProblem) => void} on.error
   */
  constructor(server, credential, on) {
    this.#server = server;
    this.#credential = credential;
    this.#on = on;
  }

  /** Begins; it goes on until `disconnect`. */
  async connect() {
    this.#tell('connecting');
    try {
      const io = await loadClient(this.#server);
      if (!this.#closed) this.#open(io);
    } catch {
      if (this.#closed) return;
      // A server that answers, but has no client to give, speaks no Socket.IO.
      this.#tell('offline', (await this.#reason()) || 'no_client');
      this.#later(() => this.connect());
    }
  }

  /** Ends for good. */
  disconnect() {
    this.leave();
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.disconnect();
  }

  /** Tries now instead of when the delay is over. */
  retry() {
    this.#attempt = 0;
    clearTimeout(this.#timer);
    if (!this.#socket) this.connect();
    else if (!this.#socket.connected) this.#reopen();
  }

  /** From now on with another credential; the ticket stays joined. @param {string} credential */
  show(credential) {
    if (credential === this.#credential) return;
    this.#credential = credential;
    if (!this.#socket) return;
    this.#socket.disconnect();
    this.retry();
  }

  /** Whether messages of the ticket flow. */
  get joined() {
    return this.#joined;
  }

  /**
   * Joins a ticket; the one before is left.
   * @param {string} ticketId
   * @returns {Promise<{ticket: import('./tickets-api.js').Ticket, messages: object[], next: number|null, cursor: string}>}
   * @throws {HttpProblem}
   */
  async join(ticketId) {
    if (this.#ticketId !== ticketId) this.leave();
    this.#ticketId = ticketId;
    const history = new Promise((resolve) => this.#histories.set(ticketId, resolve));
    await this.#ask('join_ticket', { ticketId });
    const late = new Promise((_, reject) => setTimeout(() => reject(CUT()), ANSWER_MS));
    const answer = await Promise.race([history, late]);
    this.#joined = this.#ticketId === ticketId && this.#socket.connected;
    return answer;
  }

  /** Hears no more of the ticket. */
  leave() {
    if (this.#ticketId && this.#socket?.connected) this.#socket.emit('leave_ticket', { ticketId: this.#ticketId });
    this.#ticketId = null;
    this.#joined = false;
  }

  /**
   * Sends a message to the joined ticket. Repeating it with the same `clientId` is safe.
   * @param {{senderId: string, senderType: string, content: string, clientId: string}} message
   * @returns {Promise<{message?: object, duplicate?: boolean}>}
   * @throws {HttpProblem}
   */
  async send(message) {
    if (!this.#joined) throw CUT();
    return this.#ask('send_message', { ticketId: this.#ticketId, messageType: 'TEXT', ...message });
  }

  /** Tells about typing; nothing is lost if it does not arrive. @param {boolean} isTyping @param {object} sender */
  typing(isTyping, sender) {
    if (this.#joined) this.#socket.volatile.emit('typing', { ticketId: this.#ticketId, isTyping, ...sender });
  }

  #open(io) {
    // WebTransport, the client's third, needs https over HTTP/3, and its failures cannot be caught by a page.
    const transports = ['polling', 'websocket'];
    const socket = io(this.#server, {
      auth: (give) => give(authOf(this.#credential)),
      autoConnect: false,
      forceNew: true,
      transports,
      tryAllTransports: true,
    });
    this.#socket = socket;
    socket.on('connect', () => this.#connected());
    socket.on('disconnect', (reason) => this.#lost(reason));
    socket.on('connect_error', (error) => this.#failed(error));
    socket.on('ticket:history', (history) => this.#history(history));
    socket.on('message:new', (message) => this.#ours(message.ticketId) && this.#on.message(message));
    socket.on('ticket:updated', (update) => this.#updated(update?.ticket ?? update));
    socket.on('typing', (typing) => this.#ours(typing.ticketId) && this.#on.typing(typing));
    socket.on('error', (problem) => this.#on.error(problemOf(problem ?? {})));
    socket.connect();
  }

  #connected() {
    this.#attempt = 0;
    this.#tell('live');
    if (this.#socket.recovered && this.#joined) {
      this.#on.resumed();
    } else {
      this.#joined = false;
      this.#on.rejoin();
    }
  }

  async #lost(reason) {
    if (this.#closed) return;
    this.#tell('offline');
    // The client does not come back by itself where the server has shown it out.
    if (reason === 'io server disconnect') this.#later(() => this.#reopen());
  }

  async #failed(error) {
    if (!this.#socket.active) {
      this.#tell('refused', problemOf(error.data ?? { message: error.message }));
      return;
    }
    this.#tell('offline');
    const reason = await this.#reason();
    if (this.#state === 'offline') this.#tell('offline', reason);
  }

  #reopen() {
    this.#tell('connecting');
    this.#socket.connect();
  }

  #later(action) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, fullJitter(this.#attempt, { cap: 5_000 }));
    this.#attempt += 1;
  }

  async #reason() {
    const found = await diagnose(this.#server);
    return found === 'reachable' ? '' : found;
  }

  async #ask(name, payload) {
    if (!this.#socket?.connected) throw CUT();
    const answer = await this.#socket.timeout(ANSWER_MS).emitWithAck(name, payload).catch(() => {
      throw CUT();
    });
    if (!answer?.ok) throw problemOf(answer ?? {});
    return answer;
  }

  #history(history) {
    this.#histories.get(history.ticket.id)?.(history);
    this.#histories.delete(history.ticket.id);
  }

  #updated(ticket) {
    if (this.#ours(ticket?.id)) this.#on.ticket(ticket);
  }

  #ours(ticketId) {
    return ticketId !== undefined && ticketId === this.#ticketId;
  }

  #tell(state, reason = '') {
    if (this.#closed) return;
    this.#state = state;
    this.#on.state(state, reason);
  }
}

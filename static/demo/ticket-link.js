import { HttpProblem } from '../shared/http.js';
import { authOf } from './credentials.js';
import { diagnose } from './diagnose.js';
import { SocketIo } from './socketio.js';

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
 * One server's Socket.IO connection, and the one ticket joined over it. The client comes back by itself and asks the
 * server for what it missed; where that cannot be had, `rejoin` is told, so that the history can be read anew.
 */
export class TicketLink {
  #server;
  #credential;
  #on;
  #socket;
  #ticketId = null;
  #joined = false;
  #closed = false;
  #state = 'connecting';
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
    this.#socket = new SocketIo(server, {
      auth: () => authOf(this.#credential),
      connecting: () => this.#tell('connecting'),
      connected: (recovered) => this.#connected(recovered),
      lost: () => this.#tell('offline'),
      failed: (why) => this.#failed(why),
      refused: (error) => this.#tell('refused', problemOf(error.data ?? { message: error.message })),
      event: (name, argument) => this.#event(name, argument),
    });
  }

  /** Begins; it goes on until `disconnect`. */
  connect() {
    this.#socket.connect();
  }

  /** Ends for good. */
  disconnect() {
    this.leave();
    this.#closed = true;
    this.#socket.disconnect();
  }

  /** Tries now instead of when the delay is over. */
  retry() {
    if (!this.#socket.connected) this.#socket.connect();
  }

  /** From now on with another credential; the ticket stays joined. @param {string} credential */
  show(credential) {
    if (credential === this.#credential) return;
    this.#credential = credential;
    this.#socket.connect();
  }

  /** Whether messages of the ticket flow. */
  get joined() {
    return this.#joined;
  }

  /**
   * Joins a ticket; the one before is left.
   * @param {string} ticketId
   * @returns {Promise<{ticket: Wire.Ticket, messages: Wire.TicketMessage[], next?: number|null, cursor: string}>}
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
    if (this.#ticketId) this.#socket.emit('leave_ticket', { ticketId: this.#ticketId });
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
    if (this.#joined) this.#socket.emit('typing', { ticketId: this.#ticketId, isTyping, ...sender });
  }

  #connected(recovered) {
    this.#tell('live');
    if (recovered && this.#joined) {
      this.#on.resumed();
    } else {
      this.#joined = false;
      this.#on.rejoin();
    }
  }

  async #failed(why) {
    this.#tell('offline');
    const found = await diagnose(this.#server);
    // A server that answers, but not here, speaks no Socket.IO.
    const reason = found === 'reachable' ? (why === 'http 404' ? 'no_socketio' : '') : found;
    if (this.#state === 'offline') this.#tell('offline', reason);
  }

  #event(name, argument) {
    if (name === 'ticket:history') this.#history(argument);
    else if (name === 'message:new' && this.#ours(argument.ticketId)) this.#on.message(argument);
    else if (name === 'ticket:updated') this.#updated(argument?.ticket ?? argument);
    else if (name === 'typing' && this.#ours(argument.ticketId)) this.#on.typing(argument);
    else if (name === 'error') this.#on.error(problemOf(argument ?? {}));
  }

  async #ask(name, payload) {
    const answer = await this.#socket.ask(name, payload, ANSWER_MS).catch(() => {
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

  /** @param {'connecting'|'live'|'offline'|'refused'} state @param {string|HttpProblem} [reason] */
  #tell(state, reason = '') {
    if (this.#closed) return;
    this.#state = state;
    this.#on.state(state, reason);
  }
}

import { fullJitter } from '../shared/backoff.js';
import { Composer } from '../shared/composer.js';
import { Conversation } from '../shared/conversation.js';
import { coalesce, el } from '../shared/dom.js';
import { MessageList } from '../shared/message-list.js';
import { Outbox } from '../shared/outbox.js';
import { received, shown } from './ticket-message.js';

/** The conversation of one ticket: messages, what is unsent, the field one writes in. */
export class TicketRoom {
  #options;
  #conversation;
  #outbox;
  #composer;
  #list = null;
  #typing;
  #timer = 0;
  #attempt = 0;
  #draw = coalesce(() => this.#render());
  #place = el('div', { class: 'room__messages' });

  /**
   * @param {object} options
   * @param {string} options.ticketId
   * @param {string} options.server names, with the ticket, the draft and the unsent messages in this browser
   * @param {import('./ticket-link.js').TicketLink} options.link
   * @param {import('./tickets-api.js').TicketsApi} options.api
   * @param {import('./senders.js').Senders} options.senders
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../shared/i18n.js').Clock} options.clock
   * @param {(ticket: object) => void} options.onTicket the ticket as a join told it
   * @param {(problem: import('../shared/http.js').HttpProblem) => void} options.onRefused the ticket cannot be joined
   */
  constructor(options) {
    this.#options = options;
    const { ticketId, server, storage, t } = options;
    const conversation = `ticket:${server}:${ticketId}`;
    this.#conversation = new Conversation({ fetchPage: (page) => this.#page(page), onChange: this.#draw });
    this.#outbox = new Outbox({
      conversation,
      storage,
      send: (unsent) => this.#send(unsent),
      onSent: (message) => message && this.#conversation.add(message),
      onChange: () => this.#claimed(),
    });
    this.#composer = new Composer({
      conversation,
      storage,
      t,
      onSend: (text) => this.#write(text),
      onTyping: (typing) => options.link.typing(typing, options.senders.current),
    });
    this.#typing = el('p', { class: 'typing', 'data-testid': 'typing', 'aria-live': 'polite' });
    this.element = el('div', { class: 'room' }, this.#place, this.#typing, this.#composer.element);
    this.senderChanged();
  }

  /** Call when the element stands in the page. */
  connect() {
    this.#composer.connect();
    this.join();
  }

  /** Leaves the ticket; unsent messages and the draft are kept for the next time. */
  disconnect() {
    clearTimeout(this.#timer);
    this.#outbox.disconnect();
    this.#composer.disconnect();
    this.#options.link.leave();
  }

  /** Joins, again after a connection that was not recovered: the history is read anew, messages stay what they are. */
  async join() {
    clearTimeout(this.#timer);
    this.#outbox.disconnect();
    try {
      await this.#reload();
      this.#attempt = 0;
      for (const { client_id: id } of this.#conversation.messages) this.#arrived(id);
      this.#outbox.connect();
    } catch (problem) {
      if (!('transient' in problem)) throw problem;
      if (problem.transient) this.#joinLater(problem.retryAfter ?? 0);
      else this.#options.onRefused(problem);
    }
  }

  /** Shows everything anew. */
  refresh() {
    this.#draw();
  }

  /** The connection is back and nothing was missed. */
  resumed() {
    this.#outbox.kick();
  }

  /** @param {Wire.TicketMessage} message as `message:new` carries it */
  hear(message) {
    const taken = received(message);
    this.#conversation.apply({ type: 'message:new', message: taken });
    this.#arrived(taken.client_id);
  }

  /** @param {{isTyping: boolean, senderType?: string}} typing */
  hearTyping({ isTyping, senderType = 'USER' }) {
    this.#conversation.apply({ type: isTyping ? 'typing_start' : 'typing_stop', sender: senderType });
  }

  /** Another sender id: other messages are this page's own. */
  senderChanged() {
    const { t, clock, senders } = this.#options;
    this.#list = new MessageList({
      self: 'self',
      t,
      clock,
      nameOf: (message) => message.author ?? this.#nameOf(senders.of(message.client_id)),
      // A page may speak as several types, so each message says which.
      isMine: () => false,
      onOlder: () => this.#conversation.loadOlder(),
      onRetry: (id) => this.#outbox.retry(id),
      onDiscard: (id) => this.#discard(id),
      intro: el('p', { class: 'room__intro' }, t('room_intro')),
    });
    this.#place.replaceChildren(this.#list.element);
    this.#draw();
  }

  /** Where a finger is the pointer, focus would throw up the keyboard over the conversation. */
  focus() {
    if (matchMedia('(pointer: fine)').matches) this.#composer.focus();
  }

  /** Reads the newest page; what was here before it stays, unless messages between the two may be missing. */
  async #reload() {
    const before = this.#conversation.messages;
    await this.#conversation.load();
    const first = this.#conversation.messages[0]?.id ?? Infinity;
    if (before.length === 0 || before.at(-1).id < first) return;
    for (const message of before) if (message.id < first) this.#conversation.add(message);
  }

  async #page(page) {
    const { link, api, ticketId } = this.#options;
    if (page.before !== undefined) {
      const { items, next } = await api.messages(ticketId, page);
      return { items: items.map(received), next };
    }
    const { ticket, messages, next = null, cursor } = await link.join(ticketId);
    this.#options.onTicket(ticket);
    return { items: messages.map(received), next, cursor };
  }

  #joinLater(retryAfter) {
    this.#timer = setTimeout(() => this.join(), retryAfter * 1000 + fullJitter(this.#attempt));
    this.#attempt += 1;
  }

  #write(text) {
    this.#list.toEnd();
    this.#outbox.add(text);
  }

  async #send({ client_id: clientId, text }) {
    const sender = this.#options.senders.of(clientId);
    const { message, duplicate } = await this.#options.link.send({ ...sender, content: text, clientId });
    return { message: message && received(message), duplicate };
  }

  #claimed() {
    for (const { client_id: id } of this.#outbox.entries) this.#options.senders.of(id);
    this.#draw();
  }

  #arrived(clientId) {
    if (!clientId) return;
    this.#outbox.confirm(clientId);
    this.#options.senders.forget(clientId);
  }

  #discard(clientId) {
    this.#composer.restore(this.#outbox.discard(clientId));
    this.#options.senders.forget(clientId);
  }

  #nameOf({ senderId, senderType }) {
    return `${senderId} · ${this.#options.t(`sender_${senderType}`)}`;
  }

  #render() {
    const { senders, t } = this.#options;
    const { senderId } = senders.current;
    const { messages, hasOlder, typing } = this.#conversation;
    this.#list.render({
      messages: messages.map((message) => shown(message, senderId, (type) => t(`sender_${type}`))),
      unsent: this.#outbox.entries,
      readUpTo: 0,
      hasOlder,
    });
    this.#typing.textContent = typing.length ? t('typing', { who: t(`sender_${typing[0]}`) }) : '';
  }
}

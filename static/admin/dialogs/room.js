import { Conversation } from '../../shared/conversation.js';
import { HttpProblem } from '../../shared/http.js';
import { Outbox } from '../../shared/outbox.js';
import { TicketRecord } from './ticket-record.js';

/** How long after telling that we type an operator's typing is held to be ours. */
const OWN_TYPING_MS = 5000;

/**
 * One dialog in the panel: its messages and what this operator has written in it. Events come from
 * the inbox's stream by way of `apply`.
 */
export class Room {
  /** What a ticket has beyond a dialog; null in a dialog. @type {TicketRecord|null} */
  ticket = null;
  #api;
  #onChange;
  #urls;
  #readSent = 0;
  #typingUntil = 0;

  /**
   * @param {object} options
   * @param {number} options.dialogId
   * @param {number} options.accountId
   * @param {import('../api.js').PanelApi} options.api
   * @param {import('../../shared/storage.js').SafeStorage} options.storage
   * @param {() => void} options.onChange
   */
  constructor({ dialogId, accountId, api, storage, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
    this.#urls = api.conversation(dialogId);
    this.dialogId = dialogId;
    this.conversation = new Conversation({ fetchPage: (page) => api.get(this.#urls.history(page)), onChange });
    this.outbox = new Outbox({
      conversation: Room.nameOf(accountId, dialogId),
      storage,
      send: ({ text, client_id }) => this.#send({ text, client_id }),
      onSent: (message) => this.conversation.add(message),
      onChange,
    });
  }

  /** The name under which a conversation's drafts and unsent messages are kept. */
  static nameOf(accountId, dialogId) {
    return `u${accountId}-d${dialogId}`;
  }

  /** Dialogs in which this account has left something unsent in this browser. @returns {number[]} */
  static unsent(accountId, storage) {
    const own = `u${accountId}-d`;
    const names = Outbox.conversations(storage).filter((name) => name.startsWith(own));
    return names.map((name) => Number(name.slice(own.length))).filter(Number.isInteger);
  }

  /** Takes in what the inbox knows of the dialog. @param {Wire.Dialog} dialog */
  take(dialog) {
    this.conversation.take(dialog);
    if (dialog.ticket) this.ticket ??= new TicketRecord({ id: dialog.ticket.id, api: this.#api, onChange: this.#onChange });
  }

  /** Loads the newest page; what the outbox still holds of it has arrived. */
  async load() {
    await Promise.all([this.conversation.load(), this.ticket?.load()]);
    for (const message of this.conversation.messages) this.outbox.confirm(message.client_id);
  }

  /** @param {Wire.Event} event of this dialog */
  apply(event) {
    // The event does not say which operator types, so while this one does it is taken for our own.
    const own = event.type === 'typing_start' && event.sender === 'manager' && performance.now() < this.#typingUntil;
    if (own) return;
    if (event.type === 'message:new') this.outbox.confirm(event.message.client_id);
    this.conversation.apply(event);
    this.ticket?.apply(event);
  }

  /** @param {boolean} typing */
  typing(typing) {
    this.#typingUntil = performance.now() + (typing ? OWN_TYPING_MS : 1000);
    // Ephemeral: when it fails, the next key press says it again.
    this.#api.change('POST', this.#urls.typing, { typing }).catch(() => {});
  }

  /** The operator has the newest message before them. */
  seen() {
    const upTo = this.conversation.latest('user')?.id ?? 0;
    if (upTo <= Math.max(this.#readSent, this.conversation.readUpTo.manager)) return;
    this.#readSent = upTo;
    this.#api.change('POST', this.#urls.read, { up_to: upTo }).catch(() => (this.#readSent = 0));
  }

  /** Signing in again is something that repeating waits for, so a lost session fails no message. */
  async #send(body) {
    try {
      return await this.#api.change('POST', this.#urls.send, body);
    } catch (error) {
      if (error.status === 401) throw new HttpProblem({ status: 0, code: 'signed_out' });
      throw error;
    }
  }
}

import { Composer } from '../../shared/composer.js';
import { el, icon } from '../../shared/dom.js';
import { MessageList } from '../../shared/message-list.js';
import { problemWords } from '../../shared/problem-words.js';
import { askBan } from './ban-dialog.js';
import { dialogTitle, visitorName } from './names.js';
import { pageLink } from './page-link.js';
import { standingOf } from './standing.js';
import { ticketMarks } from './ticket-marks.js';
import { TicketPanel } from './ticket-panel.js';

/** One dialog or ticket: who, what was said, what can be done. */
export class DialogView {
  #options;
  #name;
  #about;
  #actions;
  #list;
  #typing;
  #notice;
  #composer;
  #header;
  #back;
  /** Whether the way to a message has come to its end. */
  #arrived = false;
  /** Beside the messages of a ticket. @type {TicketPanel|null} */
  #ticket = null;
  /** When a pause of the assistant is over, the line says so. */
  #pauseEnds = 0;

  /**
   * @param {object} options
   * @param {import('./room.js').Room} options.room
   * @param {{id: number, name: string}} options.user
   * @param {string} options.conversation names the draft
   * @param {import('../../shared/storage.js').SafeStorage} options.storage
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => Promise<Wire.Assignee[]>} options.operators whom a ticket can be given to
   * @param {(fields: Wire.ChangeTicket) => Promise<void>} options.onTicket changes the ticket
   * @param {(dialogId: number) => string} options.visitor the visitor's name
   * @param {(action: string, body?: object) => Promise<void>} options.onAction
   * @param {(ban: Wire.NewBan) => Promise<Wire.Ban>} options.onBan
   * @param {() => void} options.draw `render` follows
   */
  constructor(options) {
    this.#options = options;
    /** Which dialog it is. */
    this.dialogId = options.room.dialogId;
    const { room, conversation, storage, t, clock } = options;
    this.#list = new MessageList({
      self: 'manager',
      t,
      clock,
      nameOf: (message) => this.#nameOf(message),
      isMine: ({ author }) => !author || author === options.user.name,
      onOlder: () => room.conversation.loadOlder(),
      onRetry: (id) => room.outbox.retry(id),
      onDiscard: (id) => this.#composer.restore(room.outbox.discard(id)),
      onSeen: () => this.#seen(),
    });
    this.#composer = new Composer({
      conversation,
      storage,
      t,
      onSend: (text) => {
        this.#list.toEnd();
        room.outbox.add(text);
      },
      onTyping: (typing) => room.typing(typing),
    });
    this.#name = el('h1', { class: 'dialog__name', dir: 'auto', tabindex: '-1' });
    this.#about = el('p', { class: 'dialog__about' });
    this.#actions = el('div', { class: 'dialog__actions' });
    this.#typing = el('p', { class: 'typing', 'data-testid': 'typing', 'aria-live': 'polite' });
    this.#notice = el('p', { class: 'dialog__notice', role: 'status', hidden: true });
    const label = t('back');
    this.#back = el('a', { class: 'icon-button dialog__back', 'aria-label': label, title: label }, icon('back'));
    const words = el('div', { class: 'dialog__words' }, this.#name, this.#about);
    this.#header = el('header', { class: 'dialog__header' }, this.#back, words, this.#actions);
    this.element = el(
      'section',
      { class: 'dialog', 'data-testid': 'dialog' },
      this.#header,
      this.#list.element,
      this.#typing,
      this.#notice,
      this.#composer.element,
    );
  }

  /** Call when the element stands in the page. */
  connect() {
    this.#composer.connect();
    if (matchMedia('(pointer: fine)').matches) this.#composer.focus();
    else this.#name.focus();
  }

  /** Keeps the draft. */
  disconnect() {
    clearTimeout(this.#pauseEnds);
    this.#composer.disconnect();
    this.#ticket?.disconnect();
  }

  /**
   * @param {Wire.Dialog|undefined} dialog undefined while it is being loaded
   * @param {string} backHref
   */
  render(dialog, backHref) {
    this.#back.href = backHref;
    const { room, t } = this.#options;
    const typing = room.conversation.typing[0];
    this.#typing.textContent = typing && dialog ? t(`typing_${typing}`, { name: visitorName(dialog, t) }) : '';
    // What takes room from the messages comes first, so that the end of the list is where it will be.
    if (dialog) this.#drawAround(dialog);
    const { messages, readUpTo, hasOlder } = room.conversation;
    this.#list.render({ messages, unsent: room.outbox.entries, readUpTo: readUpTo.user, hasOlder });
    if (dialog) this.#seen();
  }

  #drawAround(dialog) {
    const { t } = this.#options;
    this.#name.textContent = dialogTitle(dialog, t);
    this.#about.replaceChildren(...this.#facts(dialog));
    this.#drawActions(dialog);
    this.#drawTicket(dialog);
    const closed = dialog.status === 'closed' ? t(dialog.ticket ? 'ticket_closed' : 'dialog_closed') : '';
    if (this.#notice.dataset.kind !== 'problem') this.#say(closed, 'closed');
  }

  /** Gives the word back to the assistant that this operator's key has stopped. @returns {boolean} whether it had */
  giveBack() {
    const button = this.#actions.querySelector('[data-testid="action-release"]');
    if (this.#actions.dataset.stopped !== 'by_you' || !(button instanceof HTMLButtonElement)) return false;
    this.#composer.pause();
    button.click();
    return true;
  }

  /** Does not begin at the end, which then counts as not seen: a message will be revealed. */
  holdBack() {
    this.#list.holdBack();
  }

  /** Brings a message of the loaded conversation into view, earlier pages loaded as needed. @param {number} id */
  async reveal(id) {
    const { room, t } = this.#options;
    this.holdBack();
    this.#arrived = false;
    try {
      const reached = await room.conversation.reach(id);
      this.#arrived = true;
      if (reached) return this.#list.reveal(id);
      this.say(t('message_far'));
    } catch (error) {
      if (error.status === undefined) throw error;
      this.say(t('load_failed'));
    }
    this.#list.toEnd();
  }

  /** Whether the operator has turned from the message that was revealed. @returns {boolean} */
  get leftMessage() {
    return this.#arrived && !this.#list.revealing;
  }

  /** @param {string} words @param {'problem'|'closed'} [kind] a problem stays until the next one or a success */
  say(words, kind = 'problem') {
    this.#say(words, kind);
  }

  #say(words, kind) {
    this.#notice.textContent = words;
    this.#notice.hidden = !words;
    this.#notice.dataset.kind = words ? kind : '';
  }

  #drawTicket(dialog) {
    const { room, user, t, clock, operators, onTicket } = this.#options;
    if (!room.ticket || !dialog.ticket) return;
    if (!this.#ticket) {
      const onProblem = (error) => this.#failed(error);
      const onChange = async (fields) => {
        await onTicket(fields);
        this.#say('', 'problem');
      };
      this.#ticket = new TicketPanel({ record: room.ticket, user, t, clock, operators, onChange, onProblem });
      this.element.classList.add('dialog--ticket');
      this.#header.after(this.#ticket.element);
      this.#ticket.connect();
    }
    this.#ticket.render(dialog);
  }

  #facts(dialog) {
    const { t, clock, user } = this.#options;
    if (dialog.ticket) return [el('span', { class: 'marks' }, ...ticketMarks(dialog.ticket, t, clock))];
    const { handler, assignee, visitor } = dialog;
    const { words, name } = standingOf(dialog, user, Date.now());
    const facts = [
      t(words, { name }),
      handler === 'assistant' && assignee && t('assigned_to', { name: assignee.name }),
      visitor?.page && pageLink(visitor.page, t),
    ];
    return facts.filter(Boolean).map((fact) => el('span', {}, fact));
  }

  #drawActions(dialog) {
    const { user } = this.#options;
    const { assignee } = dialog;
    const byHand = dialog.handler === 'manager';
    const { words, until } = standingOf(dialog, user, Date.now());
    this.#actions.dataset.stopped = words === 'stopped_by_you' ? 'by_you' : '';
    this.#wakeAt(until);
    const wanted = [
      !dialog.ticket && (byHand || words === 'stopped_by_you' ? 'release' : 'takeover'), // a ticket has no assistant to hand it to
      byHand && assignee?.id !== user.id && (assignee ? 'take_anyway' : 'assign_me'),
      !dialog.ticket && (dialog.status === 'open' ? 'close_dialog' : 'reopen'), // a ticket's status says more
      'ban',
    ].filter(Boolean);
    if (this.#actions.dataset.drawn === wanted.join()) return;
    this.#actions.dataset.drawn = wanted.join();
    this.#actions.replaceChildren(...wanted.map((name) => (name === 'ban' ? this.#banButton() : this.#action(name))));
  }

  #wakeAt(until) {
    clearTimeout(this.#pauseEnds);
    if (until !== null) this.#pauseEnds = window.setTimeout(this.#options.draw, until - Date.now() + 1);
  }

  #action(name) {
    const { t, user } = this.#options;
    const toMe = ['assign', { account_id: user.id }];
    const call = { close_dialog: ['close'], assign_me: toMe, take_anyway: toMe }[name] ?? [name];
    const button = el('button', { type: 'button', class: 'button', 'data-testid': `action-${call[0]}` }, t(name));
    // The second click of a double click finds here what the first has put in the place of its button.
    button.addEventListener('click', ({ detail }) => detail < 2 && this.#run(button, call));
    return button;
  }

  async #run(button, call) {
    const { onAction } = this.#options;
    button.disabled = true;
    try {
      await onAction(...call);
      this.#say('', 'problem');
      if (!button.isConnected) this.#name.focus(); // the pressed button is gone: keep the keyboard in the dialog
    } catch (error) {
      this.#failed(error);
    } finally {
      button.disabled = false;
    }
  }

  #banButton() {
    const label = this.#options.t('ban');
    const named = { title: label, 'aria-label': label, 'data-testid': 'action-ban' };
    return el('button', { type: 'button', class: 'icon-button', ...named, onclick: () => this.#ban() }, icon('ban'));
  }

  async #ban() {
    const { t, onBan, room, visitor } = this.#options;
    const ban = await askBan({ place: this.element, name: visitor(room.dialogId), t });
    if (!ban) return;
    try {
      await onBan(ban);
      this.#say(t(`banned_${ban.target}`), 'problem');
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error) {
    const { t } = this.#options;
    this.#say(error.holder ? t('taken_by', { name: error.holder.name }) : problemWords(error, t), 'problem');
  }

  /** @param {import('../../shared/conversation.js').Message} message */
  #nameOf({ sender, author }) {
    const { t, room, user, visitor } = this.#options;
    if (sender === 'user') return visitor(room.dialogId);
    if (sender === 'assistant') return author || t('assistant');
    return author || (sender === 'manager' ? user.name : t(sender));
  }

  #seen() {
    const inView = this.element.isConnected && document.visibilityState === 'visible' && this.#list.atEnd;
    if (inView) this.#options.room.seen();
  }
}

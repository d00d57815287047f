import { area, choice, input, labelled } from '../shared/fields.js';
import { el, icon } from '../shared/dom.js';
import { LIMITS } from '../shared/limits.js';
import { problemWords } from '../shared/problem-words.js';
import { SENDER_TYPES } from './senders.js';

const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH', 'URGENT'];

/** What can be done: open a ticket, connect to one, leave it, and choose whom to speak as. */
export class TicketActions {
  #options;
  #newForm;
  #toggle;
  #joinForm;
  #leave;
  #credential;

  /**
   * @param {object} options
   * @param {(key: string) => string} options.t
   * @param {import('./senders.js').Sender} options.sender
   * @param {(ticket: {subject: string, description: string, priority: string}) => Promise<void>} options.onCreate
   *   rejects with `HttpProblem`
   * @param {(ticketId: string) => Promise<void>} options.onJoin rejects with `HttpProblem`
   * @param {() => void} options.onLeave
   * @param {(sender: Partial<import('./senders.js').Sender>) => void} options.onSender
   * @param {(credential: string) => void} options.onCredential empty for none
   */
  constructor(options) {
    const { t, onLeave } = (this.#options = options);
    const controls = { 'aria-expanded': 'false', 'aria-controls': 'new-ticket', 'data-testid': 'new-ticket' };
    this.#toggle = el('button', { type: 'button', class: 'button button--primary', ...controls }, icon('plus'), t('new_ticket'));
    this.#toggle.addEventListener('click', () => this.#show(this.#newForm.hidden));
    this.#credential = this.#credentialField();
    this.#newForm = this.#createForm();
    this.#joinForm = this.#connectForm();
    this.#leave = el('button', { type: 'button', class: 'button button--quiet', 'data-testid': 'leave', hidden: true, onclick: onLeave }, icon('exit'), t('leave'));
    this.element = el(
      'div',
      { class: 'actions' },
      this.#panel('sender', ...this.#senderFields()),
      this.#panel('actions', this.#toggle, this.#newForm, this.#joinForm, this.#leave),
    );
  }

  /** @param {string|null} ticketId the ticket that is open */
  opened(ticketId) {
    this.#leave.hidden = ticketId === null;
    if (ticketId !== null) this.#joinForm.elements.ticket.value = '';
  }

  /** @param {string} credential what is shown to the present server */
  credential(credential) {
    this.#credential.value = credential;
  }

  /** Puts an id in the field and says why it could not be joined. @param {string} ticketId @param {object} problem */
  refused(ticketId, problem) {
    this.#joinForm.elements.ticket.value = ticketId;
    this.#fail(this.#joinForm, problem);
  }

  #panel(name, ...children) {
    const title = el('h2', { id: `${name}-title` }, this.#options.t(name));
    return el('section', { class: 'panel', 'aria-labelledby': `${name}-title` }, title, ...children);
  }

  #createForm() {
    const { t } = this.#options;
    const priorities = choice('MEDIUM', PRIORITIES.map((each) => [each, t(`priority_${each}`)]));
    priorities.name = 'priority';
    const cancel = el('button', { type: 'button', class: 'button', onclick: () => this.#show(false, true) }, t('cancel'));
    const submit = el('button', { type: 'submit', class: 'button button--primary', 'data-testid': 'create' }, t('create'));
    const form = el(
      'form',
      { class: 'form', id: 'new-ticket', hidden: true },
      labelled(t('subject'), input('', { name: 'subject', required: true, maxlength: LIMITS.subject, autocomplete: 'off' })),
      labelled(t('description'), area('', { name: 'description', required: true, maxlength: LIMITS.description })),
      labelled(t('priority'), priorities),
      el('p', { class: 'form-error', role: 'alert', hidden: true }),
      el('div', { class: 'form__buttons' }, submit, cancel),
    );
    this.#onSubmit(form, async ({ subject, description, priority }) => {
      await this.#options.onCreate({ subject, description, priority });
      form.reset();
      this.#show(false);
    });
    return form;
  }

  #connectForm() {
    const { t, onJoin } = this.#options;
    const field = { name: 'ticket', required: true, maxlength: LIMITS.reference, autocomplete: 'off', spellcheck: 'false' };
    const form = el(
      'form',
      { class: 'form' },
      labelled(t('ticket_id'), input('', { ...field, autocapitalize: 'none', 'data-testid': 'join-id' })),
      el('p', { class: 'form-error', role: 'alert', hidden: true }),
      el('button', { type: 'submit', class: 'button', 'data-testid': 'join' }, t('join')),
    );
    this.#onSubmit(form, ({ ticket }) => onJoin(ticket));
    return form;
  }

  #senderFields() {
    const { t, sender, onSender } = this.#options;
    const type = choice(sender.senderType, SENDER_TYPES.map((each) => [each, t(`sender_${each}`)]));
    type.dataset.testid = 'sender-type';
    type.addEventListener('change', () => onSender({ senderType: type.value }));
    const id = input(sender.senderId, { maxlength: LIMITS.reference, autocomplete: 'off', spellcheck: 'false', 'data-testid': 'sender-id' });
    let last = sender.senderId;
    id.addEventListener('change', () => {
      last = id.value = id.value.trim() || last;
      onSender({ senderId: last });
    });
    return [
      el('div', { class: 'pair' }, labelled(t('sender_type'), type), labelled(t('sender_id'), id)),
      el('p', { class: 'field__hint' }, t('sender_hint')),
      labelled(t('credential'), this.#credential, t('credential_hint')),
    ];
  }

  /** Hidden like a password, but of no interest to the browser's store of passwords. */
  #credentialField() {
    const field = { type: 'password', name: 'credential', autocomplete: 'off', spellcheck: 'false', maxlength: '4096' };
    const control = input('', { ...field, 'data-testid': 'credential' });
    control.addEventListener('change', () => this.#options.onCredential(control.value.trim()));
    return control;
  }

  /** One submission at a time; a refusal is told above the buttons and changes no field. */
  #onSubmit(form, action) {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const button = form.querySelector('[type=submit]');
      const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
      button.disabled = true;
      form.querySelector('.form-error').hidden = true;
      try {
        await action(values);
      } catch (problem) {
        if (!('transient' in problem)) throw problem;
        this.#fail(form, problem);
      } finally {
        button.disabled = false;
      }
    });
  }

  #fail(form, problem) {
    const error = form.querySelector('.form-error');
    error.textContent = problemWords(problem, this.#options.t);
    error.hidden = false;
  }

  #show(open, refocus = false) {
    this.#newForm.hidden = !open;
    this.#toggle.hidden = open;
    this.#toggle.setAttribute('aria-expanded', String(open));
    if (open) this.#newForm.elements.subject.focus();
    else if (refocus) this.#toggle.focus();
  }
}

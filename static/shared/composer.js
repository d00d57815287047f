import { el, icon } from './dom.js';
import { LIMITS } from './limits.js';
import { shows } from './text.js';
import { TypingNotifier } from './typing.js';

/** From here on the remaining characters are shown. */
const SHOW_COUNT_FROM = LIMITS.message - 500;
const SAVE_DRAFT_MS = 300;
const DRAFT = 'replyx:draft:';

/** Characters as the server counts them: code points, not UTF-16 units. */
function lengthOf(text) {
  return [...text].length;
}

/** The field one writes in. Enter sends, Shift+Enter makes a new line; a draft survives a reload. */
export class Composer {
  #options;
  #field;
  #send;
  #count;
  #key;
  #typing;
  #timer = 0;
  #flush = () => this.#saveDraft();

  /**
   * @param {object} options
   * @param {string} options.conversation names the draft
   * @param {import('./storage.js').SafeStorage} options.storage
   * @param {(key: string, params?: object) => string} options.t
   * @param {(text: string) => void} options.onSend
   * @param {(typing: boolean) => void} options.onTyping
   */
  constructor({ conversation, storage, t, onSend, onTyping }) {
    this.#options = { storage, t, onSend };
    this.#key = DRAFT + conversation;
    this.#typing = new TypingNotifier(onTyping);
    this.#count = el('p', { class: 'composer__count', id: 'composer-count', hidden: true, role: 'status' });
    this.#field = el('textarea', {
      class: 'composer__field',
      rows: '1',
      dir: 'auto',
      placeholder: t('write'),
      autocomplete: 'off',
      enterkeyhint: 'send',
      'aria-label': t('write'),
      'aria-describedby': 'composer-count',
      'data-testid': 'composer',
      oninput: () => this.#changed(),
      onkeydown: (event) => this.#pressed(event),
      onblur: () => this.#typing.stop(),
    });
    const label = t('send');
    this.#send = el(
      'button',
      { type: 'submit', class: 'composer__send', 'data-testid': 'send', 'aria-label': label, title: label },
      icon('send'),
    );
    this.element = el(
      'form',
      { class: 'composer', onsubmit: (event) => this.#submit(event) },
      el('div', { class: 'composer__row' }, this.#field, this.#send),
      this.#count,
    );
  }

  /** Call when the element stands in the page. */
  connect() {
    window.addEventListener('pagehide', this.#flush);
    this.recall();
  }

  /** Shows the stored draft, unless something is being written already. */
  recall() {
    this.#field.value ||= this.#options.storage.get(this.#key) ?? '';
    this.#fit();
  }

  /** Saves the draft and stops. */
  disconnect() {
    window.removeEventListener('pagehide', this.#flush);
    this.#saveDraft();
    this.#typing.stop();
  }

  /** Puts the caret in the field. */
  focus() {
    this.#field.focus();
  }

  /** Stops typing without leaving the field: the next key begins anew. */
  pause() {
    this.#typing.stop();
  }

  /** Puts a discarded message's text back in front of what is being written. @param {string} text */
  restore(text) {
    this.#field.value = this.#field.value ? `${text}\n${this.#field.value}` : text;
    this.#changed();
    this.focus();
  }

  #pressed(event) {
    // While an input method composes, Enter belongs to it.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.element.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#field.value.toWellFormed().trim(); // an input method may leave half a character
    if (!shows(text) || lengthOf(text) > LIMITS.message) return;
    this.#typing.stop();
    this.#field.value = '';
    this.#fit();
    this.#saveDraft();
    this.#options.onSend(text);
    this.focus();
  }

  #changed() {
    this.#fit();
    this.#typing.typed(shows(this.#field.value));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#flush, SAVE_DRAFT_MS);
  }

  #fit() {
    this.#field.style.setProperty('height', 'auto');
    this.#field.style.setProperty('height', `${this.#field.scrollHeight + 2}px`);
    const length = lengthOf(this.#field.value.trim());
    const over = length > LIMITS.message;
    this.#count.hidden = length < SHOW_COUNT_FROM;
    const words = this.#options.t(over ? 'too_long' : 'left', { n: Math.abs(LIMITS.message - length), max: LIMITS.message });
    this.#count.textContent = this.#count.hidden ? '' : words;
    this.#count.classList.toggle('composer__count--over', over);
    this.#field.setAttribute('aria-invalid', String(over));
    this.#send.disabled = over || !shows(this.#field.value);
  }

  #saveDraft() {
    clearTimeout(this.#timer);
    const { storage } = this.#options;
    if (this.#field.value) storage.set(this.#key, this.#field.value);
    else storage.remove(this.#key);
  }
}

import { el, icon } from '../../shared/dom.js';
import { LIMITS } from '../../shared/limits.js';
import { hashOf } from './route.js';
import { arrange, walk } from '../parts/rows.js';
import { dialogTitle, writer } from './names.js';

/** A result as the list of dialogs has its dialogs, as far as titles go. */
function dialogOf({ dialog_id: id, ticket_id: ticket, subject, visitor }) {
  return { id, visitor, ticket: ticket && { subject } };
}

/** What tells a result from the others; in a ticket that was found nothing may have been said yet. */
function keyOf({ dialog_id: dialogId, message }) {
  return message ? String(message.id) : `dialog ${dialogId}`;
}

/** Text with what was searched for marked in it. */
function marked(pieces) {
  return pieces.map(({ text, hit }) => (hit ? el('mark', {}, text) : text));
}

/** The field that searches messages, and the results that take the list's place. */
export class SearchView {
  #options;
  #input;
  #clear;
  #key;
  #status;
  #items;
  #more;
  #retry;
  /** @type {Map<string, {node: HTMLElement, link: HTMLAnchorElement}>} */
  #rows = new Map();
  #drawnFor = '';

  /**
   * @param {object} options
   * @param {import('./search.js').MessageSearch} options.search
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => void} options.onAgain a result was chosen whose message is the address already
   */
  constructor(options) {
    this.#options = options;
    const { search, t } = options;
    this.#input = el('input', {
      ...{ class: 'input search__input', type: 'search', dir: 'auto', 'aria-label': t('search'), placeholder: t('search') },
      ...{ maxlength: LIMITS.query, autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'search' },
      ...{ 'aria-controls': 'found', 'aria-keyshortcuts': '/', 'data-testid': 'search' },
      oninput: () => search.ask(this.#input.value),
    });
    const end = t('search_clear');
    this.#clear = el(
      'button',
      {
        ...{ type: 'button', class: 'icon-button search__clear', hidden: true, title: end, 'aria-label': end },
        ...{ onclick: () => this.clear(), 'data-testid': 'search-clear' },
      },
      icon('close'),
    );
    this.#key = el('kbd', { class: 'search__key', 'aria-hidden': 'true' }, '/');
    this.#status = el('p', { class: 'search__status', role: 'status', 'data-testid': 'search-status' });
    this.element = el(
      'form',
      { class: 'search', role: 'search', 'aria-label': t('search'), onsubmit: (event) => this.#submitted(event) },
      el('div', { class: 'search__field' }, icon('search'), this.#input, this.#key, this.#clear),
      this.#status,
    );
    this.#items = el('ul', { class: 'dialogs__items', 'aria-label': t('search_results') });
    this.#items.addEventListener('keydown', (event) => walk(this.#items, event));
    this.#more = el('button', { type: 'button', class: 'button dialogs__more', hidden: true }, t('more'));
    this.#more.addEventListener('click', () => search.more());
    this.#retry = el('button', { type: 'button', class: 'button dialogs__more', hidden: true }, t('search_retry'));
    this.#retry.addEventListener('click', () => search.retry());
    /** What was found; shown in the place of the list while a search is active. */
    this.results = el(
      'div',
      { class: 'dialogs__scroll', id: 'found', hidden: true, 'data-testid': 'found-list' },
      this.#items,
      this.#more,
      this.#retry,
    );
  }

  /** Puts the cursor into the field, all that is there selected. */
  focus() {
    this.#input.focus();
    this.#input.select();
  }

  /** Ends the search; the keyboard stays in the field. */
  clear() {
    this.#input.value = '';
    this.#options.search.clear();
    this.#input.focus();
  }

  /** @param {KeyboardEvent} event of the field or the results @returns {boolean} whether it meant the search */
  pressed(event) {
    const { search } = this.#options;
    if (event.isComposing) return false;
    if (event.key === 'Escape' && (search.active || this.#input.value)) this.clear();
    else if (event.key === 'ArrowDown' && !event.altKey && event.target === this.#input) this.#first()?.focus();
    else return false;
    return true;
  }

  /** @param {import('./route.js').Route} route */
  render(route) {
    const { search } = this.#options;
    this.#clear.hidden = !search.active && !this.#input.value;
    this.#key.hidden = !this.#clear.hidden;
    this.results.hidden = !search.active;
    this.results.setAttribute('aria-busy', String(search.busy));
    const kept = new Set(search.items.map(keyOf));
    for (const key of this.#rows.keys()) if (!kept.has(key)) this.#rows.delete(key);
    // The marks in an excerpt belong to its question.
    if (!search.busy && this.#drawnFor !== search.query) this.#rows.clear();
    if (!search.busy) this.#drawnFor = search.query;
    arrange(this.#items, search.items.map((item) => this.#row(item, route)));
    this.#more.hidden = !search.hasMore || search.state === 'failed';
    this.#retry.hidden = search.state !== 'failed';
    const words = this.#words();
    if (this.#status.textContent !== words) this.#status.textContent = words;
    this.#status.dataset.kind = search.state === 'failed' ? 'problem' : '';
  }

  #words() {
    const { search, t } = this.#options;
    const { state, items, hasMore } = search;
    if (state === 'off') return '';
    if (state === 'failed' && search.problem.status === 429) return t('search_busy');
    if (state !== 'done') return t(`search_${state}`);
    if (items.length === 0) return t('search_none');
    return t(hasMore ? 'search_some' : 'search_all', { n: items.length });
  }

  #first() {
    return this.#items.querySelector('a');
  }

  #submitted(event) {
    event.preventDefault();
    this.#options.search.now();
    if (matchMedia('(pointer: coarse)').matches) this.#input.blur(); // takes the keyboard off the results
  }

  #row(item, route) {
    const id = item.message?.id;
    let row = this.#rows.get(keyOf(item));
    if (!row) {
      const link = el(
        'a',
        {
          ...{ class: 'dialog-item found', 'data-testid': 'found', 'data-unread': 0 },
          ...{ 'data-dialog-id': item.dialog_id, 'data-message-id': id ?? '' },
          onclick: () => location.hash === link.hash && this.#options.onAgain(),
        },
        ...this.#said(item),
      );
      row = { node: el('li', {}, link), link };
      this.#rows.set(keyOf(item), row);
    }
    row.link.href = hashOf({ ...route, dialogId: item.dialog_id }, id);
    if (id !== undefined && route.messageId === id) row.link.setAttribute('aria-current', 'true');
    else row.link.removeAttribute('aria-current');
    return row.node;
  }

  #said(item) {
    const { t, clock } = this.#options;
    const { message, excerpt, title, ticket_id: ticket } = item;
    const who = message && writer(message, t);
    const at = message?.timestamp;
    const name = title.length > 0 ? marked(title) : [dialogTitle(dialogOf(item), t)];
    return [
      el('span', { class: 'dialog-item__name', dir: 'auto' }, ...name),
      at && el('time', { class: 'dialog-item__time', datetime: at, title: clock.full(at) }, clock.brief(at)),
      el('span', { class: 'dialog-item__text found__text', dir: 'auto' }, who ? `${who}: ` : '', el('bdi', {}, ...marked(excerpt))),
      ticket && el('span', { class: 'marks dialog-item__marks' }, el('span', { class: 'mark mark--ticket' }, t('ticket'))),
    ].filter(Boolean);
  }
}

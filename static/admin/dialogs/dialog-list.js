import { el } from '../../shared/dom.js';
import { choice } from '../../shared/fields.js';
import { cut } from '../../shared/text.js';
import { spokeAt } from '../inbox.js';
import { hashOf } from './route.js';
import { arrange, walk } from '../parts/rows.js';
import { dialogTitle, writer } from './names.js';
import { SearchView } from './search-view.js';
import { ticketMarks } from './ticket-marks.js';

/** @type {import('./route.js').Route['status'][]} */
const STATUSES = ['open', 'closed'];
/** @type {import('./route.js').Kind[]} */
const KINDS = ['all', 'dialog', 'ticket'];

/** As much of a message as a row may have room for, in characters. */
const PREVIEW = 160;

/** A minute's wait is worth a mark; below, everybody waits. */
const WAITS_MS = 60_000;

/** The list of dialogs, newest message first, or what a search in their messages has found. Nodes outlive a redraw, so the focus stays where it is. */
export class DialogList {
  #options;
  #items;
  #more;
  #empty;
  #tabs;
  #kind;
  #filters;
  #scroll;
  /** Where the list stood when a search took its place. */
  #stood = 0;
  /** @type {Map<number, {node: HTMLElement, link: HTMLAnchorElement, drawn: string}>} */
  #rows = new Map();

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {import('../../shared/i18n.js').Clock} options.clock
   * @param {() => void} options.onMore
   * @param {(kind: import('./route.js').Kind) => void} options.onKind
   * @param {import('./search.js').MessageSearch} options.search
   * @param {() => void} options.onAgain see `SearchView`
   */
  constructor(options) {
    this.#options = options;
    const { t, onMore, onKind } = options;
    this.search = new SearchView(options);
    this.#tabs = {
      open: el('a', { class: 'tab', href: '#/dialogs', 'data-testid': 'filter-open' }, t('open')),
      closed: el('a', { class: 'tab', href: '#/dialogs?status=closed', 'data-testid': 'filter-closed' }, t('closed')),
    };
    this.#kind = choice('all', KINDS.map((kind) => [kind, t(`kind_${kind}`)]));
    this.#kind.classList.add('tabs__kind');
    this.#kind.dataset.testid = 'filter-kind';
    this.#kind.setAttribute('aria-label', t('kind'));
    this.#kind.addEventListener('change', () => onKind(KINDS[this.#kind.selectedIndex]));
    this.#items = el('ul', { class: 'dialogs__items', 'data-testid': 'dialog-list' });
    this.#items.addEventListener('keydown', (event) => walk(this.#items, event));
    this.#empty = el('p', { class: 'dialogs__empty', hidden: true });
    this.#more = el('button', { type: 'button', class: 'button dialogs__more', hidden: true }, t('more'));
    this.#more.addEventListener('click', onMore);
    this.#filters = el('div', { class: 'tabs' }, ...Object.values(this.#tabs), this.#kind);
    this.#scroll = el('div', { class: 'dialogs__scroll' }, this.#items, this.#empty, this.#more);
    this.element = el(
      'section',
      { class: 'dialogs', 'aria-label': t('dialogs'), onkeydown: (event) => this.search.pressed(event) && event.preventDefault() },
      this.search.element,
      this.#filters,
      this.#scroll,
      this.search.results,
    );
  }

  /**
   * @param {object} state
   * @param {Wire.Dialog[]} state.dialogs in the order to show
   * @param {import('./route.js').Route} state.route
   * @param {boolean} state.loaded
   * @param {boolean} state.hasMore
   */
  render({ dialogs, route, loaded, hasMore }) {
    const { status, kind } = route;
    for (const name of STATUSES) {
      const tab = this.#tabs[name];
      tab.setAttribute('aria-current', String(name === status));
      tab.href = hashOf({ ...route, dialogId: null, status: name });
    }
    this.#kind.value = kind;
    this.#place(dialogs, route);
    this.#empty.hidden = dialogs.length > 0;
    this.#empty.textContent = this.#none(route, loaded, hasMore);
    this.#more.hidden = !loaded || !hasMore;
    this.search.render(route);
    this.#giveWay(this.#options.search.active);
  }

  /** The links that can be seen: of dialogs, or of what was found. @returns {HTMLAnchorElement[]} */
  get links() {
    const shown = this.#options.search.active ? this.search.results : this.#items;
    return [...shown.querySelectorAll('a')];
  }

  /** To results and back: the list is found as it was left. */
  #giveWay(searching) {
    if (searching === this.#scroll.hidden) return;
    if (searching) this.#stood = this.#scroll.scrollTop;
    this.#scroll.hidden = this.#filters.hidden = searching;
    this.element.classList.toggle('dialogs--searching', searching);
    if (!searching) this.#scroll.scrollTop = this.#stood;
  }

  #none({ status, kind }, loaded, hasMore) {
    const { t } = this.#options;
    if (!loaded) return t('loading');
    if (kind === 'all') return t(`none_${status}`);
    return t(hasMore ? 'none_shown' : `none_${kind}`);
  }

  #place(dialogs, route) {
    const kept = new Set(dialogs.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    arrange(this.#items, dialogs.map((dialog) => this.#row(dialog, route).node));
  }

  #row(dialog, route) {
    let row = this.#rows.get(dialog.id);
    if (!row) {
      const link = el('a', { class: 'dialog-item', 'data-testid': 'dialog-item', 'data-dialog-id': dialog.id });
      row = { node: el('li', {}, link), link, drawn: '' };
      this.#rows.set(dialog.id, row);
    }
    row.link.href = hashOf({ ...route, dialogId: dialog.id });
    if (dialog.id === route.dialogId) row.link.setAttribute('aria-current', 'true');
    else row.link.removeAttribute('aria-current');
    const waits = this.#waits(dialog);
    const drawn = JSON.stringify([dialog, waits, new Date().toDateString()]); // the date, since `brief` depends on it
    if (row.drawn !== drawn) {
      row.drawn = drawn;
      row.link.dataset.unread = dialog.unread;
      row.link.replaceChildren(...this.#words(dialog, waits));
    }
    return row;
  }

  /** How long the visitor waits, in words; empty for nobody who waits. */
  #waits({ waiting_since: since }) {
    const { t, clock } = this.#options;
    const waited = since ? Date.now() - Date.parse(since) : 0;
    return waited < WAITS_MS ? '' : t('waits', { span: clock.span(waited) });
  }

  #words(dialog, waits) {
    const { t, clock } = this.#options;
    const { unread } = dialog;
    return [
      el('span', { class: 'dialog-item__name', dir: 'auto' }, dialogTitle(dialog, t)),
      el('time', { class: 'dialog-item__time', datetime: spokeAt(dialog) }, clock.brief(spokeAt(dialog))),
      el('span', { class: 'dialog-item__text', dir: 'auto' }, ...this.#preview(dialog)),
      unread > 0 && this.#unread(unread),
      dialog.ticket && el('span', { class: 'marks dialog-item__marks' }, ...ticketMarks(dialog.ticket, t, clock)),
      dialog.assignee && el('span', { class: 'dialog-item__who', dir: 'auto' }, dialog.assignee.name),
      waits && el('span', { class: 'dialog-item__waits', 'data-testid': 'waits' }, waits),
    ].filter(Boolean);
  }

  #unread(count) {
    const shown = el('span', { 'aria-hidden': 'true' }, count > 99 ? '99+' : String(count));
    const spoken = el('span', { class: 'hidden' }, this.#options.t('unread', { n: count }));
    return el('span', { class: 'dialog-item__unread' }, shown, spoken);
  }

  #preview({ last_message: last }) {
    const { t } = this.#options;
    if (!last) return [t('no_messages')];
    const text = cut(last.text, PREVIEW);
    const who = writer(last, t);
    return who ? [`${who}: `, el('bdi', {}, text)] : [text];
  }
}

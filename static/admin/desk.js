import { coalesce, el } from '../shared/dom.js';
import { translator } from '../shared/i18n.js';
import { NewDay } from '../shared/new-day.js';
import { PushSwitch } from '../shared/push.js';
import { Inbox } from './inbox.js';
import { LiveInbox } from './live.js';
import { phrases } from './phrases.js';
import { parsePlace } from './router.js';
import { sectionsOf } from './sections.js';
import { NoticesView } from './views/notices.js';
import { Shell } from './views/shell.js';
import { toldNotice } from './views/told.js';

/**
 * What the desk gives its sections.
 * @typedef {object} DeskParts
 * @property {import('./api.js').PanelApi} api
 * @property {Wire.Account} user
 * @property {import('../shared/storage.js').SafeStorage} storage
 * @property {'ru'|'en'} locale
 * @property {import('../shared/i18n.js').Clock} clock
 * @property {Inbox} inbox
 * @property {(words: {ru: object, en: object}) => import('../shared/i18n.js').Translate} speak the section's own words
 *   together with the panel's
 * @property {() => Wire.PlatformSettings} settings the platform's, as they are now
 * @property {(settings: Wire.PlatformSettings) => void} onSettings they were saved here
 * @property {() => void} draw something has changed: `render` follows, once for all calls of a turn
 * @property {(count: number, more: boolean) => void} count how many things wait in the section, shown in the bar;
 *   `more` when there are more than that
 */

/** The frame of a signed-in operator's panel: the inbox, the stream that feeds it, and the sections. */
export class Desk {
  #options;
  #shell;
  #notices;
  #inbox;
  #live;
  #entries;
  /** Those that have been loaded. @type {Map<string, import('./sections.js').Section>} */
  #sections = new Map();
  /** @type {Map<string, Promise<import('./sections.js').Section>>} */
  #loading = new Map();
  /** The section that the address names. */
  #name = '';
  /** The one that is shown: the same, once it is loaded. @type {import('./sections.js').Section|null} */
  #shown = null;
  #loaded = false;
  /** The platform's; the defaults until they are loaded. @type {Wire.PlatformSettings} */
  #settings = { platform_name: '', currency: 'RUB', moderation_required: true, default_approval_fee: 0 };
  #draw = coalesce(() => this.#render());
  #newDay = new NewDay(this.#draw);
  #navigate = () => this.#go();
  #pressed = (event) => this.#shown?.pressed?.(event);

  /**
   * @param {object} options
   * @param {import('./api.js').PanelApi} options.api
   * @param {Wire.Account} options.user
   * @param {import('../shared/storage.js').SafeStorage} options.storage
   * @param {import('../shared/i18n.js').Translate} options.t
   * @param {import('../shared/i18n.js').Clock} options.clock
   * @param {'ru'|'en'} options.locale
   * @param {() => void} options.onSignOut the operator asks to leave
   * @param {() => void} options.onSignedOut the session has ended
   */
  constructor(options) {
    this.#options = options;
    const { api, t, user, storage, locale, onSignOut } = options;
    const push = new PushSwitch({ server: api.push, storage, accountId: user.id, locale });
    this.#entries = sectionsOf(user.role);
    this.#notices = new NoticesView({ push, t });
    this.#shell = new Shell({ t, user, locale, sections: this.#entries, notices: this.#notices.element, onSignOut });
    this.#inbox = new Inbox({ api, onChange: this.#draw });
    this.#live = new LiveInbox({
      accountId: user.id,
      inbox: api.inbox,
      load: () => this.#load(),
      onEvent: (event, cursor) => this.#received(event, cursor),
      onState: (state) => this.#connection(state),
      onSignedOut: options.onSignedOut,
      probe: () => this.#probe(),
      audit: () => this.#inbox.complete(),
    });
    this.element = this.#shell.element;
  }

  /** Shows itself and goes live. */
  async connect() {
    window.addEventListener('hashchange', this.#navigate);
    document.addEventListener('keydown', this.#pressed);
    document.addEventListener('visibilitychange', this.#draw);
    this.#newDay.connect();
    const first = this.#go();
    await Promise.allSettled([first, ...this.#entries.filter(({ always }) => always).map((entry) => this.#section(entry))]);
    this.#notices.connect();
    if (this.#options.user.role === 'admin') this.#lookAtProxy();
    await this.#live.connect();
  }

  /** Tells an admin of a proxy that the server does not believe: whoever opens the panel comes through it. */
  async #lookAtProxy() {
    const { api, locale, t } = this.#options;
    const seen = await api.examined(locale).then((examined) => examined.seen, () => null);
    if (!seen || seen.trusted || !(seen.forwarded_for || seen.forwarded_proto)) return;
    const words = t('distrusted_proxy', { proxy: seen.peer, setting: `TRUSTED_PROXIES=${seen.peer}` });
    this.tell(toldNotice({ t, words, testid: 'distrusted-proxy' }));
  }

  /** Shows something above every section. @param {HTMLElement} notice */
  tell(notice) {
    this.#shell.tell(notice);
  }

  /** Sends what is held back; for an operator who asks to leave. */
  async flush() {
    for (const section of this.#sections.values()) await section.flush?.();
  }

  /** Stops everything; drafts and unsent messages stay. */
  disconnect() {
    window.removeEventListener('hashchange', this.#navigate);
    document.removeEventListener('keydown', this.#pressed);
    document.removeEventListener('visibilitychange', this.#draw);
    this.#newDay.disconnect();
    this.#live.disconnect();
    for (const section of this.#sections.values()) section.disconnect();
    document.title = this.#options.t('brand');
  }

  /** Tells the operator's other tabs that the session is over. */
  announceSignOut() {
    this.#live.announceSignOut();
  }

  /** The inbox first: what the others load then is behind its cursor, so no event is missed. */
  async #load() {
    const cursor = await this.#inbox.load();
    this.#settings = await this.#options.api.settings();
    for (const section of this.#sections.values()) await section.load?.();
    this.#loaded = true;
    return cursor;
  }

  /** Somebody else may have signed in, in another tab: then this desk's session is over. */
  async #probe() {
    const { api, user } = this.#options;
    try {
      return (await api.me())?.id === user.id ? 'ok' : 'refused';
    } catch {
      return 'unreachable';
    }
  }

  #received(event, cursor) {
    if (event.type === 'settings.updated') this.#set(event.data);
    this.#inbox.apply(event, cursor);
    for (const section of this.#sections.values()) section.apply?.(event);
  }

  #set(settings) {
    this.#settings = settings;
    this.#draw();
  }

  #connection(state) {
    this.#shell.badge.show(state);
    if (state !== 'live') return;
    for (const section of this.#sections.values()) section.live?.();
    this.#draw();
  }

  /** Goes where the address says; a section that is not there yet is waited for. */
  async #go() {
    const place = parsePlace(location.hash);
    const entry = this.#entries.find(({ name }) => name === place.section) ?? this.#entries[0];
    this.#name = entry.name;
    this.#shell.mark(entry.name);
    try {
      const section = this.#sections.get(entry.name) ?? (await this.#section(entry));
      if (this.#name === entry.name) this.#show(section, entry.name === place.section ? place : parsePlace(''));
    } catch (error) {
      console.error(error);
      if (this.#name === entry.name) this.#apologize();
    }
    this.#draw();
  }

  #show(section, place) {
    const entered = section !== this.#shown;
    if (entered) {
      this.#shown?.hide?.();
      this.#shown = section;
      this.#shell.content.replaceChildren(section.element);
    }
    section.show(place, entered);
  }

  /** The section could not be loaded; the way to it is still in the bar. */
  #apologize() {
    const { t } = this.#options;
    this.#shown?.hide?.();
    this.#shown = null;
    const again = el('button', { type: 'button', class: 'button', onclick: this.#navigate }, t('retry'));
    this.#shell.content.replaceChildren(el('div', { class: 'content__failed', role: 'alert' }, el('p', {}, t('section_failed')), again));
  }

  /** Made at the first call, then shared; what failed is tried again by the next. */
  #section(entry) {
    let section = this.#loading.get(entry.name);
    if (!section) {
      section = this.#make(entry);
      this.#loading.set(entry.name, section);
      section.catch(() => this.#loading.delete(entry.name));
    }
    return section;
  }

  async #make({ name, load }) {
    const { api, user, storage, locale, clock } = this.#options;
    const { default: SectionOfPanel } = await load();
    const section = new SectionOfPanel({
      ...{ api, user, storage, locale, clock, inbox: this.#inbox, draw: this.#draw },
      speak: (words) => translator({ ru: { ...phrases.ru, ...words.ru }, en: { ...phrases.en, ...words.en } }, locale),
      settings: () => this.#settings,
      onSettings: (settings) => this.#set(settings),
      count: (count, more) => this.#shell.count(name, count, more),
    });
    this.#sections.set(name, section);
    if (this.#loaded) section.load?.().catch((error) => error.status === undefined && console.error(error));
    return section;
  }

  #render() {
    const { t } = this.#options;
    const { unread } = this.#inbox;
    const brand = this.#settings.platform_name || t('brand');
    document.title = `${unread ? `(${unread}) ` : ''}${brand} · ${this.#shell.nameOf(this.#name)}`;
    this.#shell.call(brand);
    for (const section of this.#sections.values()) section.render?.();
  }
}

import { el, icon } from '../../shared/dom.js';
import { StateBadge } from '../../shared/state-badge.js';

/** The frame around every page of the panel: sections, connection, account. */
export class Shell {
  /** @type {Map<string, {link: HTMLElement, words: string, count?: HTMLElement}>} */
  #sections;
  #brand;

  /**
   * @param {object} options
   * @param {import('../../shared/i18n.js').Translate} options.t
   * @param {Wire.Account} options.user
   * @param {'ru'|'en'} options.locale
   * @param {import('../sections.js').Entry[]} options.sections
   * @param {HTMLElement} options.notices stands beside the account
   * @param {() => void} options.onSignOut
   */
  constructor({ t, user, locale, sections, notices, onSignOut }) {
    this.badge = new StateBadge(t);
    this.content = el('main', { class: 'content', id: 'content', tabindex: '-1' });
    this.#sections = new Map(sections.map((entry) => [entry.name, this.#section(entry, locale)]));
    const links = [...this.#sections.values()].map(({ link }) => link);
    this.#brand = el('a', { class: 'bar__brand', href: '#/dialogs' }, t('brand'));
    const label = t('sign_out');
    const header = el(
      'header',
      { class: 'bar' },
      this.#brand,
      el('nav', { class: 'nav', 'aria-label': t('sections') }, ...links),
      this.badge.element,
      el('span', { class: 'bar__user' }, user.name),
      notices,
      el(
        'button',
        { type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: onSignOut, 'data-testid': 'sign-out' },
        icon('exit'),
      ),
    );
    this.element = el('div', { class: 'shell' }, this.#skipLink(t), header, this.content);
  }

  /** Calls the panel what the platform is called. @param {string} name */
  call(name) {
    this.#brand.textContent = name;
  }

  /** Shows something between the bar and the section. @param {HTMLElement} notice */
  tell(notice) {
    this.content.before(notice);
  }

  /** What the bar calls a section. @param {string} section */
  nameOf(section) {
    return this.#sections.get(section)?.words ?? '';
  }

  /** Says how many things wait in a section. @param {string} section @param {number} count @param {boolean} more whether there are more */
  count(section, count, more) {
    const known = this.#sections.get(section);
    known.count ??= known.link.appendChild(el('span', { class: 'nav__count', 'data-testid': 'waiting' }));
    known.count.hidden = count === 0;
    known.count.textContent = more ? `${count}+` : String(count);
  }

  /** Marks the section that is open. @param {string} section */
  mark(section) {
    for (const [name, { link }] of this.#sections) {
      if (name === section) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  #section({ name, words, icon: drawn }, locale) {
    const link = el('a', { class: 'nav__link', href: `#/${name}` }, icon(drawn), el('span', { class: 'nav__words' }, words[locale]));
    link.title = words[locale];
    return { link, words: words[locale] };
  }

  /** The address holds the route, so this link moves the focus by hand. */
  #skipLink(t) {
    const skip = (event) => {
      event.preventDefault();
      this.content.focus();
    };
    return el('a', { class: 'skip', href: '#content', onclick: skip }, t('skip'));
  }
}

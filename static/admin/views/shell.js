import { el, icon } from '../../shared/dom.js';
import { StateBadge } from '../../shared/state-badge.js';

/** The frame around every page of the panel: sections, connection, account. */
export class Shell {
  #links;
  #brand;
  #count = el('span', { class: 'nav__count', 'data-testid': 'waiting', hidden: true });

  /**
   * @param {object} options
   * @param {(key: string) => string} options.t
   * @param {{name: string, role: string}} options.user
   * @param {HTMLElement} options.notices stands beside the account
   * @param {() => void} options.onSignOut
   */
  constructor({ t, user, notices, onSignOut }) {
    this.badge = new StateBadge(t);
    this.content = el('main', { class: 'content', id: 'content', tabindex: '-1' });
    this.#links = {
      dialogs: el('a', { class: 'nav__link', href: '#/dialogs' }, icon('inbox'), el('span', {}, t('dialogs'))),
      widgets: el('a', { class: 'nav__link', href: '#/widgets' }, icon('code'), el('span', {}, t('widgets'))),
    };
    if (user.role === 'admin') {
      const words = el('span', {}, t('moderation'));
      this.#links.moderation = el('a', { class: 'nav__link', href: '#/moderation' }, icon('tag'), words, this.#count);
      this.#links.webhooks = el('a', { class: 'nav__link', href: '#/webhooks' }, icon('out'), el('span', {}, t('webhooks')));
    }
    this.#brand = el('a', { class: 'bar__brand', href: '#/dialogs' }, t('brand'));
    const label = t('sign_out');
    const header = el(
      'header',
      { class: 'bar' },
      this.#brand,
      el('nav', { class: 'nav', 'aria-label': t('sections') }, ...Object.values(this.#links)),
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

  /** Says how many products wait. @param {number} count @param {boolean} more whether there are more than that */
  wait(count, more) {
    this.#count.hidden = count === 0;
    this.#count.textContent = more ? `${count}+` : String(count);
  }

  /** Marks the section that is open. @param {import('../router.js').Route['section']} section */
  mark(section) {
    for (const [name, link] of Object.entries(this.#links)) {
      if (name === section) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
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

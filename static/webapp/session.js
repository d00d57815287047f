import { request } from '../shared/http.js';
import { Session, xsrf } from '../shared/session.js';
import { webappUrls } from '../shared/urls.js';

/** The login of the shop page, by the cookie that the panel uses too: one browser, one login. */
export class WebappSession extends Session {
  #urls;

  constructor() {
    const urls = webappUrls();
    super(urls.push);
    this.#urls = urls;
  }

  /** Who is signed in. A browser that never was asks nothing. @returns {Promise<object|null>} */
  async user() {
    if (!('X-XSRFToken' in xsrf())) return null;
    return (await request(this.#urls.session)).user;
  }

  /** @param {{email: string, password: string}} pair @returns {Promise<object>} */
  async signIn(pair) {
    return (await request(this.#urls.session, { method: 'POST', body: pair, headers: xsrf() })).user;
  }

  /** Ends the login, and with it the notices; one that has ended already is no failure. */
  async signOut() {
    try {
      await request(this.#urls.session, { method: 'DELETE', headers: xsrf() });
    } catch (error) {
      if (error.status !== 401) throw error;
    }
  }
}

import { request } from './http.js';

/** The cookie that the server set with the session, sent back as a header: only our own page can read it. */
export function xsrf() {
  const cookie = /(?:^|; )__Host-_xsrf=([^;]*)/.exec(document.cookie) ?? /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
  return cookie ? { 'X-XSRFToken': decodeURIComponent(cookie[1]) } : {};
}

/** Calls in the name of whoever is signed in by the HttpOnly cookie; `onSignedOut` is told when that is over. */
export class Session {
  /** Called when a request that needs the session was answered 401. @type {() => void} */
  onSignedOut = () => {};
  #pushUrl;

  /** @param {(what: 'key'|'subscriptions'|'test') => string} pushUrl */
  constructor(pushUrl) {
    this.#pushUrl = pushUrl;
  }

  /** @param {string} url @param {{signal?: AbortSignal}} [options] */
  get(url, options = {}) {
    return this.#watched(request(url, options));
  }

  /** @param {string} method @param {string} url @param {object} [body] @param {{keepalive?: boolean}} [options] */
  change(method, url, body, options = {}) {
    return this.#watched(request(url, { ...options, method, body, headers: xsrf() }));
  }

  /** Push messages, as `PushSwitch` asks for them. */
  get push() {
    return {
      key: () => this.get(this.#pushUrl('key')),
      register: (device) => this.change('POST', this.#pushUrl('subscriptions'), device),
      forget: (endpoint) => this.change('DELETE', this.#pushUrl('subscriptions'), { endpoint }),
      test: () => this.change('POST', this.#pushUrl('test')),
    };
  }

  async #watched(answer) {
    try {
      return await answer;
    } catch (error) {
      if (error.status === 401) this.onSignedOut();
      throw error;
    }
  }
}

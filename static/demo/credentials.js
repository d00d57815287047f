const KEPT = 'replyx:demo:credential:';
/** RFC 7519: a JWT's first part is a JSON object, whose base64url begins so. */
const JWT = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/;

/**
 * What this tab shows a server besides the ticket's id: the access token of an operator or of a bot's account, or the
 * bots' secret. Each server has its own, so that none is shown to another.
 */
export class Credentials {
  #storage;

  /** @param {import('../shared/storage.js').SafeStorage} storage of the tab: nothing outlives it */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @param {string} server an origin @returns {string} empty when there is none */
  of(server) {
    return this.#storage.get(KEPT + server) ?? '';
  }

  /** @param {string} server an origin @param {string} credential empty for none from now on */
  keep(server, credential) {
    if (credential) this.#storage.set(KEPT + server, credential);
    else this.#storage.remove(KEPT + server);
  }
}

/** A credential as the `auth` of a connection. @param {string} credential @returns {{token?: string, secret?: string}} */
export function authOf(credential) {
  if (!credential) return {};
  return JWT.test(credential) ? { token: credential } : { secret: credential };
}

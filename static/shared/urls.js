/**
 * Every address that the browser side of ReplyX calls is built here and nowhere else.
 *
 * It once happened that a chat listened as a visitor of a site and sent as a visitor of an
 * assistant: two places had each guessed which credential was in use. So a credential is mapped
 * to all its addresses at once, by one function, and whoever holds the result cannot mix them.
 */

/**
 * Who is speaking; exactly one of these shapes.
 * @typedef {{siteToken: string}} SiteCredential a visitor's session token
 * @typedef {{assistantId: number, guestId: string}} GuestCredential a visitor known to an assistant
 * @typedef {{token: string}} OperatorCredential an operator's access token
 * @typedef {{panel: true}} PanelCredential the operators' panel; its cookie travels by itself
 * @typedef {SiteCredential|GuestCredential|OperatorCredential|PanelCredential} Credential
 */

/**
 * All addresses of one dialog for one credential.
 * @typedef {object} DialogUrls
 * @property {(page?: {before?: number|string|null, after?: number|string|null, limit?: number}) => string} history
 *   GET: a page of messages, oldest first; without `before`/`after` the newest page
 * @property {string} send POST: a message
 * @property {string} typing POST: `{typing: boolean}`
 * @property {string} read POST: `{up_to: number}`
 * @property {(cursor?: string|null) => string} events GET: server-sent events after `cursor`
 * @property {(cursor?: string|null) => string} socket WebSocket: the same events after `cursor`
 * @property {{credentials: 'omit'|'same-origin', headers: Record<string, string>}} access options of `request`
 *   for all of these but the last two: visitors never send the panel's cookie, and a token travels in a header,
 *   as browsers print the address of a request that failed
 */

/** `path` on `base` with those of `query` that have a value. */
function address(base, path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** One object of a collection, or the collection itself. */
function object(collection, id) {
  return id ? `${collection}/${encodeURIComponent(id)}` : collection;
}

/** The three ways in, and the operator's fourth that needs no parameter: where each lives, what it sends. */
function wayIn(credential) {
  if ('siteToken' in credential) {
    const { siteToken } = credential;
    return { http: '/api/site/dialogs', socket: '/ws/site/dialogs', query: { site_token: siteToken }, bearer: siteToken };
  }
  if ('assistantId' in credential) {
    const query = { assistant_id: credential.assistantId, guest_id: credential.guestId };
    return { http: '/api/widget/dialogs', socket: '/ws/widget/dialogs', query };
  }
  if ('token' in credential) {
    const { token } = credential;
    return { http: '/api/dialogs', socket: '/ws/dialogs', query: { token }, bearer: token };
  }
  if ('panel' in credential) return { http: '/api/dialogs', socket: '/ws/dialogs', query: {}, cookie: true };
  throw new TypeError('a credential is {siteToken}, {assistantId, guestId}, {token} or {panel: true}');
}

/**
 * The addresses of a dialog, all from the same credential.
 * @param {Credential} credential
 * @param {number} dialogId
 * @param {string} [base] origin of the ReplyX server
 * @returns {DialogUrls}
 * @throws {TypeError} when the credential has none of the known shapes
 */
export function dialogUrls(credential, dialogId, base = location.origin) {
  const { http, socket, query, bearer, cookie } = wayIn(credential);
  const id = encodeURIComponent(dialogId);
  const named = bearer ? {} : query;
  return {
    history: (page = {}) => address(base, `${http}/${id}/messages`, { ...named, ...page }),
    send: address(base, `${http}/${id}/messages`, named),
    typing: address(base, `${http}/${id}/typing`, named),
    read: address(base, `${http}/${id}/read`, named),
    events: (cursor) => address(base, `/api/dialogs/${id}/events`, { ...query, last_event_id: cursor }),
    socket: (cursor) => address(base, `${socket}/${id}`, { ...query, cursor }).replace(/^http/, 'ws'),
    access: {
      credentials: cookie ? 'same-origin' : 'omit',
      headers: bearer ? { Authorization: `Bearer ${bearer}` } : {},
    },
  };
}

/**
 * Where a widget token is exchanged for a visitor's session (the token goes in the body).
 * @param {string} [base]
 * @returns {string}
 */
export function siteSessionUrl(base = location.origin) {
  return address(base, '/api/site/session');
}

/** Push messages. @returns {(what: 'key'|'subscriptions'|'test') => string} */
const pushUrls = (base) => (what) => address(base, `/api/v1/push/${what}`);

/**
 * The addresses of the operators' panel that do not belong to a single dialog's conversation.
 * @param {string} [base]
 */
export function panelUrls(base = location.origin) {
  return {
    setup: address(base, '/api/v1/setup'),
    session: address(base, '/admin/session'),
    me: address(base, '/api/v1/auth/me'),
    /** @param {string|null} [cursor] */
    inbox: (cursor) => address(base, '/api/inbox/events', { last_event_id: cursor }),
    /** @param {object} [query] `status`, `limit`, `before`, `after` */
    dialogs: (query) => address(base, '/api/dialogs', query),
    /** @param {number} id */
    dialog: (id) => address(base, `/api/dialogs/${encodeURIComponent(id)}`),
    /** @param {number} id @param {'assign'|'takeover'|'release'|'close'|'reopen'|'ban'} action */
    dialogAction: (id, action) => address(base, `/api/dialogs/${encodeURIComponent(id)}/${action}`),
    /** @param {number|null} [id] @param {object} [query] `limit`, `before`, `after` */
    assistants: (id, query) => address(base, object('/api/assistants', id), query),
    /** @param {number|null} [id] @param {object} [query] `limit`, `before`, `after` */
    widgets: (id, query) => address(base, object('/api/widgets', id), query),
    /** @param {number|null} [id] @param {object} [query] `limit`, `before`, `after` */
    bans: (id, query) => address(base, object('/api/bans', id), query),
    /** @param {string} id */
    ticket: (id) => address(base, `/api/support/tickets/${encodeURIComponent(id)}`),
    /** @param {string} id @param {object} [query] `limit`, `before` */
    changes: (id, query) => address(base, `/api/support/tickets/${encodeURIComponent(id)}/changes`, query),
    /** @param {object} query `q`, `before` */
    search: (query) => address(base, '/api/search', query),
    /** @param {null} [_id] accounts are only listed here @param {object} [query] `limit`, `after` */
    accounts: (_id, query) => address(base, '/api/v1/accounts', query),
    /** @param {number|null} [id] @param {object} [query] `limit`, `before`, `after` */
    webhooks: (id, query) => address(base, object('/api/v1/webhooks', id), query),
    webhookEvents: address(base, '/api/v1/webhooks/event-types'),
    /** @param {number} id @param {'secret'|'test'} what */
    webhookAction: (id, what) => address(base, `${object('/api/v1/webhooks', id)}/${what}`),
    /** @param {number} id @param {object} [query] `limit`, `before` */
    deliveries: (id, query) => address(base, `${object('/api/v1/webhooks', id)}/deliveries`, query),
    /** @param {number} id @param {number} deliveryId */
    replay: (id, deliveryId) => address(base, `${object('/api/v1/webhooks', id)}/deliveries/${encodeURIComponent(deliveryId)}/replay`),
    push: pushUrls(base),
    settings: address(base, '/api/v1/settings'),
    adminSettings: address(base, '/api/v1/admin/settings'),
    /** @param {object} query `locale` */
    doctor: (query) => address(base, '/api/v1/doctor', query),
    road: roadUrls(base),
    /** @param {object} query `status`, `limit`, `before`, `after` */
    products: (query) => address(base, '/api/v1/admin/products', query),
    approval: address(base, '/api/v1/admin/products/bulk-approve'),
    /** @param {number} id @param {'reject'|'reopen'|'decisions'} what */
    product: (id, what) => address(base, `/api/v1/admin/products/${encodeURIComponent(id)}/${what}`),
  };
}

/**
 * What shows how far a browser gets: the kinds of connection that a proxy may hold back.
 * @typedef {{socket: string, stream: string, polling: string, engine: string}} RoadUrls
 * @param {string} base
 * @returns {RoadUrls}
 */
function roadUrls(base) {
  const engine = { EIO: 4, transport: 'websocket' };
  return {
    socket: address(base, '/ws/webapp').replace(/^http/, 'ws'),
    stream: address(base, '/api/inbox/events'),
    polling: address(base, '/socket.io/', { EIO: 4, transport: 'polling' }),
    engine: address(base, '/socket.io/', engine).replace(/^http/, 'ws'),
  };
}

/**
 * What an assistant knows, and how that is taught.
 * @param {number} id the assistant's
 * @param {string} [base]
 */
export function knowledgeUrls(id, base = location.origin) {
  const assistant = object('/api/assistants', id);
  return {
    /** @param {number|null} [sourceId] @param {object} [query] `limit`, `after` */
    sources: (sourceId, query) => address(base, object(`${assistant}/sources`, sourceId), query),
    /** @param {number} sourceId */
    read: (sourceId) => address(base, `${object(`${assistant}/sources`, sourceId)}/read`),
    /** @param {object} query `kind`, `title` */
    file: (query) => address(base, `${assistant}/sources/file`, query),
    ask: address(base, `${assistant}/ask`),
    /** @param {number} passageId */
    askedAs: (passageId) => address(base, `${object(`${assistant}/passages`, passageId)}/questions`),
    /** @param {number|null} [gapId] */
    gaps: (gapId) => address(base, object(`${assistant}/gaps`, gapId)),
    /** @param {number} gapId */
    gapAnswer: (gapId) => address(base, `${object(`${assistant}/gaps`, gapId)}/answer`),
  };
}

/**
 * What the shop page calls for whoever is signed in there.
 * @param {string} [base]
 */
export function webappUrls(base = location.origin) {
  return {
    session: address(base, '/webapp/session'),
    push: pushUrls(base),
  };
}

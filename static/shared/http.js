import { toJson } from './text.js';

/** JSON over HTTP, with every failure as one type. */

/** Longer than any answer the server gives when it is well; after this the attempt counts as lost. */
const TIMEOUT_MS = 15_000;

/**
 * A refusal (RFC 9457) or a lost connection (`status` 0, `code` `network`).
 * `retryAfter` is in seconds, or null when the server did not say.
 */
export class HttpProblem extends Error {
  /**
   * @param {object} problem
   * @param {number} problem.status
   * @param {string} problem.code
   * @param {string} [problem.detail]
   * @param {{field: string, detail: string, code: string, params?: Record<string, string|number>}[]} [problem.errors]
   * @param {number|null} [problem.retryAfter]
   * @param {Wire.Assignee|null} [problem.holder] the operator who was first
   */
  constructor({ status, code, detail = '', errors = [], retryAfter = null, holder = null }) {
    super(detail || code);
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = errors;
    this.retryAfter = retryAfter;
    this.holder = holder;
  }

  /** Whether the same request may succeed later without anyone changing it. */
  get transient() {
    return this.status === 0 || this.status === 408 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

/** `Retry-After` in seconds; only its delay form is sent by ReplyX (RFC 9110, 10.2.3). */
function retryAfterOf(response) {
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return Number.isFinite(seconds) ? seconds : null;
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new HttpProblem({
    status: response.status,
    code: body.code ?? `http_${response.status}`,
    detail: body.detail ?? body.title ?? '',
    errors: body.errors ?? [],
    holder: body.holder ?? null,
    retryAfter: retryAfterOf(response),
  });
}

/**
 * Sends a request and returns the decoded JSON answer, or null when the answer is empty.
 * @param {string} url from `urls.js`
 * @param {object} [options]
 * @param {string} [options.method]
 * @param {unknown} [options.body] sent as JSON, but a file as it is
 * @param {Record<string, string>} [options.headers]
 * @param {RequestCredentials} [options.credentials]
 * @param {boolean} [options.keepalive] the request outlives the page that sends it
 * @param {AbortSignal} [options.signal] gives the request up, which then fails like a lost connection
 * @returns {Promise<any>}
 * @throws {HttpProblem}
 */
export async function request(url, options = {}) {
  const { method = 'GET', body, headers = {}, credentials = 'same-origin', keepalive = false, signal } = options;
  /** @type {RequestInit & {headers: Record<string, string>}} */
  const init = { method, credentials, keepalive, headers: { Accept: 'application/json', ...headers }, cache: 'no-store' };
  if (body !== undefined) {
    init.body = body instanceof Blob ? body : toJson(body);
    init.headers['Content-Type'] = body instanceof Blob ? 'application/octet-stream' : 'application/json';
  }
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, { ...init, signal: signal ? AbortSignal.any([timeout, signal]) : timeout });
    if (!response.ok) throw await problemOf(response);
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem({ status: 0, code: 'network', detail: String(error.message ?? error) });
  }
}

/**
 * The addresses of tickets and of the operators that a ticket can be given to.
 * @param {string} [base] origin of the ReplyX server
 */
export function ticketUrls(base = location.origin) {
  const ticket = (id) => new URL(`/api/support/tickets/${encodeURIComponent(id)}`, base);
  const page = (url, query) => {
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url.href;
  };
  return {
    /** @param {string} id */
    ticket: (id) => ticket(id).href,
    /** @param {string} id @param {{limit?: number, before?: number}} query */
    changes: (id, query) => page(new URL(`${ticket(id).href}/changes`), query),
    /** @param {null} [_id] accounts are only listed here @param {{limit?: number, after?: number}} query */
    accounts: (_id, query) => page(new URL('/api/v1/accounts', base), query),
  };
}

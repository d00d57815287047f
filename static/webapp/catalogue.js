import { request } from '../shared/http.js';

/**
 * @typedef {object} Product
 * @property {number} id
 * @property {string} name
 * @property {string} description
 * @property {number} price
 * @property {number} shop_id
 * @property {string} shop_name
 */

/** More than a page shows at a glance; the newest come first. */
const MOST = 200;

/**
 * The approved products, the newest first.
 * @param {string|null} shopId null for every shop
 * @returns {Promise<Product[]>} rejects with `HttpProblem`
 */
export async function approvedProducts(shopId) {
  if (shopId !== null && !/^\d{1,15}$/.test(shopId)) return []; // a bot's own name for a shop is none of the catalogue's
  const query = new URLSearchParams({ status: 'approved' });
  if (shopId !== null) query.set('shop_id', shopId);
  const found = [];
  let next;
  do {
    query.set('limit', String(MOST - found.length));
    const page = await request(`/api/v1/products?${query}`);
    found.push(...page.items);
    next = page.next;
    query.set('before', String(next));
  } while (next !== null && found.length < MOST);
  return found;
}

/** ISO 4217, of every price. @returns {Promise<string>} rejects with `HttpProblem` */
export async function currencyOfPrices() {
  return (await request('/api/v1/settings')).currency;
}

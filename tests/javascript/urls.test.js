import assert from 'node:assert/strict';
import { test } from 'node:test';
import './edge.js';
import { dialogUrls, panelUrls } from '../../static/shared/urls.js';

const BASE = 'https://chat.test';
const WAYS = {
  site: [{ siteToken: 'a.b.c' }, '/api/site/dialogs/7', '/ws/site/dialogs/7', { site_token: 'a.b.c' }],
  guest: [{ assistantId: 3, guestId: 'g&1' }, '/api/widget/dialogs/7', '/ws/widget/dialogs/7', { assistant_id: '3', guest_id: 'g&1' }],
  operator: [{ token: 'x.y.z' }, '/api/dialogs/7', '/ws/dialogs/7', { token: 'x.y.z' }],
  panel: [{ panel: true }, '/api/dialogs/7', '/ws/dialogs/7', {}],
};

const EVERY = Object.entries(WAYS).map(([name, [credential, http, socket, query]]) => {
  const urls = dialogUrls(credential, 7, BASE);
  const streams = { events: new URL(urls.events('e-5')), socket: new URL(urls.socket('e-5')) };
  return { name, token: credential.siteToken ?? credential.token, http, socket, query, urls, streams };
});

test('every address of a dialog is of one way in', () => {
  for (const { name, http, socket, urls, streams } of EVERY) {
    for (const what of ['send', 'typing', 'read']) assert.match(new URL(urls[what]).pathname, new RegExp(`^${http}/`), name);
    assert.equal(new URL(urls.history({ limit: 5 })).pathname, `${http}/messages`, name);
    assert.equal(streams.events.pathname, '/api/dialogs/7/events', name);
    assert.equal(streams.socket.pathname, socket, name);
    assert.equal(streams.socket.protocol, 'wss:', name);
  }
});

test('a stream names its credential and its cursor', () => {
  for (const { name, query, urls, streams } of EVERY) {
    assert.deepEqual(Object.fromEntries(streams.events.searchParams), { ...query, last_event_id: 'e-5' }, name);
    assert.deepEqual(Object.fromEntries(streams.socket.searchParams), { ...query, cursor: 'e-5' }, name);
    assert.ok(![urls.socket(null), urls.events(null)].some((each) => /cursor|last_event_id/.test(each)), name);
  }
});

test('no token stands in the address of a request', () => {
  for (const { name, token, urls } of EVERY) {
    const { headers, credentials } = urls.access;
    for (const address of [urls.send, urls.typing, urls.read, urls.history({})]) assert.ok(!token || !address.includes(token));
    assert.equal(headers.Authorization, token && `Bearer ${token}`, name);
    assert.equal(credentials, name === 'panel' ? 'same-origin' : 'omit');
  }
});

test('a credential of no known shape is no address', () => {
  for (const wrong of [{}, { guest: 1 }]) assert.throws(() => dialogUrls(wrong, 7, BASE), TypeError);
});

test('what an id holds cannot leave its place in the address', () => {
  const { pathname, search } = new URL(panelUrls(BASE).ticket('../admin?x=1'));
  assert.deepEqual([pathname, search], ['/api/support/tickets/..%2Fadmin%3Fx%3D1', '']);
});

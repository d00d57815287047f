import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, parseRoute } from '../../static/admin/router.js';

test('an address and its route lead to each other', () => {
  for (const address of ['#/dialogs', '#/dialogs/12', '#/dialogs/12?status=closed', '#/dialogs?kind=ticket', '#/dialogs/3?status=closed&kind=dialog']) {
    assert.equal(hashOf(parseRoute(address)), address);
  }
});

test('a message stands in an address once and is left behind by going on', () => {
  const route = parseRoute('#/dialogs/12?message=345');
  assert.equal(route.messageId, 345);
  assert.equal(hashOf(route), '#/dialogs/12');
  assert.equal(hashOf(route, 345), '#/dialogs/12?message=345');
});

test('what no address can mean leads to the open dialogs', () => {
  for (const address of ['', '#', '#/', '#/nowhere', '#/dialogs/abc', '#/dialogs/-1', '#/dialogs/1e3', '#/dialogs?status=burnt&kind=bird&message=x', '#?']) {
    const { section, dialogId, messageId, status, kind } = parseRoute(address);
    assert.deepEqual({ section, dialogId, messageId, status, kind }, { section: 'dialogs', dialogId: null, messageId: null, status: 'open', kind: 'all' }, address);
  }
});

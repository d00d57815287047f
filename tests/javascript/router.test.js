import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, routeOf } from '../../static/admin/dialogs/route.js';
import { parsePlace } from '../../static/admin/router.js';
import { sectionsOf } from '../../static/admin/sections.js';

const route = (address) => routeOf(parsePlace(address));

test('an address has a section, the parts behind it, and what was asked', () => {
  const { section, parts, query } = parsePlace('#/webhooks/12/log?status=failed&page=2');
  assert.deepEqual([section, parts, Object.fromEntries(query)], ['webhooks', ['12', 'log'], { status: 'failed', page: '2' }]);
  for (const empty of ['', '#', '#/', '#?', '?']) assert.deepEqual(parsePlace(empty).section, '', empty);
});

test('an address among the dialogs and its route lead to each other', () => {
  for (const address of ['#/dialogs', '#/dialogs/12', '#/dialogs/12?status=closed', '#/dialogs?kind=ticket', '#/dialogs/3?status=closed&kind=dialog']) {
    assert.equal(hashOf(route(address)), address);
  }
});

test('a message stands in an address once and is left behind by going on', () => {
  const found = route('#/dialogs/12?message=345');
  assert.equal(found.messageId, 345);
  assert.equal(hashOf(found), '#/dialogs/12');
  assert.equal(hashOf(found, 345), '#/dialogs/12?message=345');
});

test('what no address can mean leads to the open dialogs', () => {
  for (const address of ['', '#', '#/', '#/dialogs/abc', '#/dialogs/-1', '#/dialogs/1e3', '#/dialogs?status=burnt&kind=bird&message=x', '#?']) {
    assert.deepEqual(route(address), { dialogId: null, messageId: null, status: 'open', kind: 'all' }, address);
  }
});

test('a section has a folder of its own name, and some are for admins alone', async () => {
  const all = sectionsOf('admin');
  for (const { name, load } of all) assert.match(String(load), new RegExp(`import\\('./${name}/section.js'\\)`));
  assert.deepEqual(all.filter((each) => !sectionsOf('manager').includes(each)).map(({ name }) => name), ['knowledge', 'moderation', 'bans', 'webhooks', 'health']);
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { promised, settle } from './edge.js';
import { Inbox, reduce } from '../../static/admin/inbox.js';

const TIME = (minute) => `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`;
const message = (id, sender = 'user') => ({ id, sender, text: `message ${id}`, timestamp: TIME(id) });

function dialog(id, fields = {}) {
  const read = { read_up_to: { user: 0, manager: 0 }, unread: 0, last_message: null, waiting_since: null };
  return { id, kind: 'dialog', status: 'open', created_at: TIME(id), updated_at: TIME(id), ...read, ...fields };
}

/** An inbox whose server answers with `pages` in turn, and with `dialogs` for one of them. */
async function loaded(items, cursor = 'e-10') {
  const server = { page: { items, next: null, cursor }, one: {} };
  const api = { dialogs: async () => server.page, dialog: (id) => server.one[id] };
  const inbox = new Inbox({ api, onChange: () => {} });
  assert.equal(await inbox.load(), cursor);
  return { inbox, server };
}

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

test('a dialog and its events lead to what the server has', () => {
  let now = dialog(1);
  now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(4) });
  now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(5) });
  assert.deepEqual([now.unread, now.last_message.id, now.updated_at, now.read_up_to.user], [2, 5, TIME(5), 5]);
  now = reduce(now, { type: 'message:read', dialog_id: 1, sender: 'manager', up_to: 5 });
  assert.deepEqual([now.unread, now.read_up_to], [0, { user: 5, manager: 5 }]);
  now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(6) });
  now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(7, 'assistant') });
  assert.deepEqual([now.unread, now.read_up_to.manager], [1, 5], 'no operator has read by what an assistant writes');
  now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(8, 'manager') });
  assert.deepEqual([now.unread, now.read_up_to.manager], [0, 8], 'an answer reads what stands before it');
});

test('a visitor waits from the first message without an answer, the notes of the system aside', () => {
  let now = dialog(1);
  const waits = [];
  for (const sender of ['user', 'user', 'system', 'assistant', 'user', 'manager', 'system']) {
    now = reduce(now, { type: 'message:new', dialog_id: 1, message: message(4 + waits.length, sender) });
    waits.push(now.waiting_since);
  }
  assert.deepEqual(waits, [TIME(4), TIME(4), TIME(4), null, TIME(8), null, null]);
});

test('nothing but a message moves a dialog in the list', async () => {
  const { inbox } = await loaded([dialog(1, { last_message: message(9) }), dialog(2), dialog(8)]);
  const order = () => inbox.list('open').map(({ id }) => id);
  assert.deepEqual(order(), [1, 8, 2]);
  inbox.apply({ type: 'dialog:updated', dialog: dialog(2, { updated_at: TIME(30), handler: 'manager' }) }, 'e-30');
  assert.deepEqual(order(), [1, 8, 2]);
  inbox.apply({ type: 'message:new', dialog_id: 2, message: message(31) }, 'e-31');
  assert.deepEqual(order(), [2, 1, 8]);
});

test('an event that says too little makes the inbox ask', async () => {
  const { inbox, server } = await loaded([dialog(1, { unread: 3, last_message: message(9) })]);
  server.one[1] = Promise.resolve({ dialog: dialog(1, { unread: 1 }), cursor: 'e-11' });
  inbox.apply({ type: 'message:read', dialog_id: 1, sender: 'manager', up_to: 8 }, 'e-11');
  await settle();
  assert.equal(inbox.get(1).unread, 1);
  server.one[2] = Promise.resolve({ dialog: dialog(2), cursor: 'e-12' });
  inbox.apply({ type: 'message:new', dialog_id: 2, message: message(12) }, 'e-12');
  await settle();
  assert.equal(inbox.get(2).id, 2);
});

test('neither an older event nor an older page overwrites what is newer', async () => {
  const { inbox, server } = await loaded([dialog(1)]);
  inbox.apply({ type: 'message:new', dialog_id: 1, message: message(9) }, 'e-9');
  assert.equal(inbox.get(1).unread, 0, 'the page has it already');
  inbox.apply({ type: 'message:new', dialog_id: 1, message: message(12) }, 'e-12');
  server.page = { items: [dialog(1), dialog(3)], next: null, cursor: 'e-11' };
  await inbox.more('closed', 'all');
  assert.deepEqual([inbox.get(1).unread, inbox.get(3).id], [1, 3]);
});

test('a dialog of which more is heard while it is asked for is asked for again', async () => {
  const { inbox, server } = await loaded([]);
  const answer = promised();
  server.one[5] = answer.promise;
  inbox.apply({ type: 'message:new', dialog_id: 5, message: message(11) }, 'e-11');
  inbox.apply({ type: 'message:new', dialog_id: 5, message: message(12) }, 'e-12');
  server.one[5] = Promise.resolve({ dialog: dialog(5, { unread: 2 }), cursor: 'e-12' });
  answer.keep({ dialog: dialog(5, { unread: 1 }), cursor: 'e-11' });
  await settle();
  mock.timers.tick(60_000);
  await settle();
  assert.equal(inbox.get(5).unread, 2);
});

test('lists are of their status and kind, and each continues for itself', async () => {
  const { inbox, server } = await loaded([dialog(1), dialog(2, { kind: 'ticket' })]);
  assert.ok(!inbox.hasMore('open', 'ticket'), 'a list that has everything has every kind');
  assert.ok(inbox.hasMore('closed', 'dialog'));
  server.page = { items: [dialog(3, { status: 'closed' })], next: 3, cursor: 'e-10' };
  await inbox.more('closed', 'dialog');
  assert.deepEqual(inbox.list('open', 'ticket').map(({ id }) => id), [2]);
  assert.deepEqual(inbox.list('closed').map(({ id }) => id), [3]);
  assert.ok(inbox.loaded('closed', 'dialog') && !inbox.loaded('closed', 'all'));
});

test('unread messages are counted in open dialogs alone', async () => {
  const { inbox } = await loaded([dialog(1, { unread: 2 }), dialog(2, { unread: 3 }), dialog(3, { unread: 9, status: 'closed' })]);
  assert.equal(inbox.unread, 5);
});

test('a stream that has fallen silent is found out', async () => {
  const { inbox, server } = await loaded([dialog(1)]);
  assert.ok(await inbox.complete());
  server.page = { items: [dialog(1, { updated_at: TIME(30) })], next: null, cursor: 'e-30' };
  assert.ok(!(await inbox.complete()));
  server.page = { items: [dialog(8)], next: null, cursor: 'e-30' };
  assert.ok(!(await inbox.complete()));
});

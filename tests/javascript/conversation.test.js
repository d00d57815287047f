import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { promised } from './edge.js';
import { Conversation } from '../../static/shared/conversation.js';

const message = (id, sender = 'user') => ({ id, sender, text: `message ${id}`, timestamp: '2026-01-01T00:00:00Z' });
const fresh = (id, sender) => ({ type: 'message:new', dialog_id: 1, message: message(id, sender) });
const ids = (conversation) => conversation.messages.map(({ id }) => id);
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** A conversation whose server has messages 1 to `count`. */
function of(count) {
  const server = { count, asked: [] };
  const fetchPage = async ({ before = Infinity, limit }) => {
    server.asked.push(limit);
    const all = range(1, server.count).filter((id) => id < before);
    const items = all.slice(-limit).map((id) => message(id));
    return { items, next: all.length > limit ? items[0].id : null, cursor: `e-${server.count}` };
  };
  return { server, conversation: new Conversation({ fetchPage, onChange: () => {} }) };
}

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

test('page and events give one history, whichever of the two brings a message', async () => {
  const { conversation } = of(60);
  assert.equal(await conversation.load(), 'e-60');
  for (const id of [61, 60, 62, 61]) conversation.apply(fresh(id));
  assert.deepEqual(ids(conversation), range(11, 62));
  assert.ok(conversation.hasOlder);
  await conversation.loadOlder();
  assert.deepEqual(ids(conversation), range(1, 62));
  assert.ok(!conversation.hasOlder);
});

test('what happens while a page is on its way is not lost by it', async () => {
  const page = promised();
  const conversation = new Conversation({ fetchPage: () => page.promise, onChange: () => {} });
  const loading = conversation.load();
  conversation.apply(fresh(3));
  conversation.add(message(4));
  page.keep({ items: [message(1), message(2)], next: null, cursor: 'e-2' });
  await loading;
  assert.deepEqual(ids(conversation), [1, 2, 3, 4]);
});

test('of two loads the later one counts, whichever is answered first', async () => {
  const pages = [promised(), promised()];
  let asked = 0;
  const conversation = new Conversation({ fetchPage: () => pages[asked++].promise, onChange: () => {} });
  const loads = [conversation.load(), conversation.load()];
  pages[1].keep({ items: [message(8)], next: null, cursor: 'e-8' });
  pages[0].keep({ items: [message(1)], next: null, cursor: 'e-1' });
  assert.deepEqual(await Promise.all(loads), ['e-1', 'e-8']);
  assert.deepEqual(ids(conversation), [8]);
});

test('a page of before is dropped when everything was loaded anew meanwhile', async () => {
  const older = promised();
  let count = 100;
  const fetchPage = ({ before }) => {
    if (before) return older.promise;
    return Promise.resolve({ items: [message(count)], next: count, cursor: `e-${count}` });
  };
  const conversation = new Conversation({ fetchPage, onChange: () => {} });
  await conversation.load();
  const waiting = conversation.loadOlder();
  count = 500;
  await conversation.load();
  older.keep({ items: [message(99)], next: 99, cursor: null });
  await waiting;
  assert.deepEqual(ids(conversation), [500], 'nothing stands before a hole');
});

test('a far message is reached by long pages, and one that is not there is not', async () => {
  const { conversation, server } = of(900);
  await conversation.load();
  assert.ok(await conversation.reach(300));
  assert.deepEqual(server.asked, [50, 200, 200, 200]);
  assert.deepEqual(ids(conversation), range(251, 900));
  assert.ok(!(await conversation.reach(901)));
});

test('reading never goes back', async () => {
  const { conversation } = of(9);
  await conversation.load();
  conversation.take({ read_up_to: { user: 5, manager: 4 } });
  conversation.apply({ type: 'message:read', sender: 'user', up_to: 3 });
  conversation.apply({ type: 'message:read', sender: 'manager', up_to: 8 });
  conversation.apply({ type: 'dialog:updated', dialog: { read_up_to: { user: 1, manager: 1 } } });
  assert.deepEqual(conversation.readUpTo, { user: 5, manager: 8 });
  conversation.apply(fresh(10, 'assistant'));
  assert.deepEqual(conversation.readUpTo, { user: 5, manager: 8 }, 'no operator has read by what an assistant writes');
  conversation.apply(fresh(11, 'manager'));
  assert.deepEqual(conversation.readUpTo, { user: 5, manager: 11 }, 'who writes has read');
});

test('typing ends by its message, by its stop, and by itself after six seconds', () => {
  const { conversation } = of(0);
  const start = () => conversation.apply({ type: 'typing_start', sender: 'manager' });
  start();
  conversation.apply(fresh(1, 'manager'));
  assert.deepEqual(conversation.typing, []);
  start();
  conversation.apply({ type: 'typing_stop', sender: 'manager' });
  assert.deepEqual(conversation.typing, []);
  start();
  mock.timers.tick(4_000);
  start();
  mock.timers.tick(5_900);
  assert.deepEqual(conversation.typing, ['manager']);
  mock.timers.tick(100);
  assert.deepEqual(conversation.typing, []);
});

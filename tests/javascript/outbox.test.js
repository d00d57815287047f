import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Area, settle } from './edge.js';
import { HttpProblem } from '../../static/shared/http.js';
import { Outbox } from '../../static/shared/outbox.js';
import { SafeStorage } from '../../static/shared/storage.js';

const AWAY = () => new HttpProblem({ status: 0, code: 'network' });
const REFUSED = () => new HttpProblem({ status: 422, code: 'invalid' });
const LONG_MS = 60_000;

/** A far end that answers each send by what `answers` says for its text; otherwise it takes it. */
function begin({ storage = new SafeStorage(() => new Area()), answers = {}, conversation = 'd1' } = {}) {
  const tried = [];
  const arrived = [];
  const outbox = new Outbox({
    conversation,
    storage,
    send: async ({ text, client_id: clientId }) => {
      tried.push(text);
      const answer = answers[text]?.();
      if (answer instanceof Error) throw answer;
      await answer;
      return { message: { id: tried.length, text, client_id: clientId } };
    },
    onSent: ({ text }) => arrived.push(text),
    onChange: () => {},
  });
  return { outbox, storage, tried, arrived };
}

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

async function pass(ms) {
  for (let gone = 0; gone < ms; gone += 500) {
    mock.timers.tick(500);
    await settle();
  }
}

test('messages leave one at a time, in the order they were written', async () => {
  let release;
  const { outbox, tried, arrived } = begin({ answers: { one: () => new Promise((resolve) => (release = resolve)) } });
  outbox.connect();
  for (const text of ['one', 'two', 'three']) outbox.add(text);
  await settle();
  assert.deepEqual(tried, ['one']);
  release();
  await settle();
  assert.deepEqual(arrived, ['one', 'two', 'three']);
  assert.deepEqual(outbox.entries, []);
  outbox.disconnect();
});

test('what the network lost is said again under the same name, before anything newer', async () => {
  let away = true;
  const { outbox, tried, arrived } = begin({ answers: { one: () => away && AWAY() } });
  outbox.connect();
  const { client_id: name } = outbox.add('one');
  outbox.add('two');
  await pass(LONG_MS);
  assert.ok(tried.length > 2);
  assert.deepEqual(new Set(tried), new Set(['one']));
  assert.equal(outbox.entries[0].client_id, name);
  away = false;
  await pass(LONG_MS);
  assert.deepEqual(arrived, ['one', 'two']);
  outbox.disconnect();
});

test('a refused message waits for its writer and holds nobody up', async () => {
  let refuses = true;
  const { outbox, arrived } = begin({ answers: { bad: () => refuses && REFUSED() } });
  outbox.connect();
  const { client_id: name } = outbox.add('bad');
  outbox.add('good');
  await settle();
  assert.deepEqual(arrived, ['good']);
  assert.deepEqual(outbox.entries.map(({ status, problem }) => [status, problem]), [['failed', 'invalid']]);
  refuses = false;
  outbox.retry(name);
  await settle();
  assert.deepEqual(arrived, ['good', 'bad']);
  outbox.disconnect();
});

test('what is unsent outlives the page, in its order, and each conversation has its own', async () => {
  const { outbox, storage } = begin();
  for (const text of ['one', 'two', 'three']) outbox.add(text);
  begin({ storage, conversation: 'd2' }).outbox.add('elsewhere');
  const later = begin({ storage });
  assert.deepEqual(later.outbox.entries.map(({ text }) => text), ['one', 'two', 'three']);
  assert.deepEqual(Outbox.conversations(storage).sort(), ['d1', 'd2']);
  later.outbox.connect();
  await settle();
  assert.deepEqual(later.arrived, ['one', 'two', 'three']);
  assert.deepEqual(Outbox.conversations(storage), ['d2']);
  later.outbox.disconnect();
});

test('a message that is seen in the history has arrived, whatever became of its answer', async () => {
  const { outbox, storage, tried } = begin({ answers: { one: AWAY } });
  outbox.connect();
  const { client_id: name } = outbox.add('one');
  await settle();
  outbox.confirm('of somebody else');
  assert.equal(outbox.entries.length, 1);
  outbox.confirm(name);
  const { length } = tried;
  await pass(LONG_MS);
  assert.deepEqual([outbox.entries, tried.length, Outbox.conversations(storage)], [[], length, []]);
  outbox.disconnect();
});

test('a discarded message is handed back and never sent', async () => {
  const { outbox, tried } = begin();
  const { client_id: name } = outbox.add('second thoughts');
  assert.equal(outbox.discard(name), 'second thoughts');
  outbox.connect();
  await settle();
  assert.deepEqual([tried, outbox.entries], [[], []]);
  outbox.disconnect();
});

test('the network that is back is used at once', async () => {
  let away = true;
  const { outbox, arrived } = begin({ answers: { one: () => away && AWAY() } });
  outbox.connect();
  outbox.add('one');
  await settle();
  away = false;
  window.dispatchEvent(new Event('online'));
  await settle();
  assert.deepEqual(arrived, ['one']);
  outbox.disconnect();
});

test('a server that asks to wait is left alone for that long', async () => {
  const busy = new HttpProblem({ status: 429, code: 'too_many_requests', retryAfter: 30 });
  const { outbox, tried } = begin({ answers: { one: () => busy } });
  outbox.connect();
  outbox.add('one');
  await pass(29_000);
  assert.equal(tried.length, 1);
  await pass(5_000);
  assert.equal(tried.length, 2);
  outbox.disconnect();
});

test('what cannot be read in the storage is put away', () => {
  const area = new Area();
  area.setItem('replyx:outbox:d1:broken', '{"client_id": "x", "te');
  area.setItem('replyx:outbox:d1:strange', '{"text": 7}');
  const { outbox } = begin({ storage: new SafeStorage(() => area) });
  assert.deepEqual(outbox.entries, []);
  assert.equal(area.getItem('replyx:outbox:d1:broken'), null);
});

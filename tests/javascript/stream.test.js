import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Socket, Source, promised, settle } from './edge.js';
import { Stream, dialogLinks, inboxLinks } from '../../static/shared/stream.js';
import { dialogUrls } from '../../static/shared/urls.js';

const URLS = dialogUrls({ siteToken: 'a.b.c' }, 1);
/** Longer than any wait of a stream. */
const LONG_MS = 120_000;

/** Streams of the test that is running. @type {Stream[]} */
const listening = [];

/** A stream whose owner writes down what it hears. */
function listen(options = {}) {
  const told = { events: [], states: [], refused: [], resyncs: [] };
  const stream = new Stream({
    links: dialogLinks(() => URLS),
    onEvent: (event, cursor, previous) => told.events.push({ type: event.type, cursor, previous }),
    onState: (state) => told.states.push(state),
    onResync: async (reason) => {
      told.resyncs.push(reason);
      return 'e2-50';
    },
    onRefused: (end) => told.refused.push(end.code),
    probe: async () => 'ok',
    ...options,
  });
  listening.push(stream);
  return { stream, told };
}

/** Lets time pass, and everything happen that was due. */
async function pass(ms) {
  const step = 500;
  for (let gone = 0; gone < ms; gone += step) {
    mock.timers.tick(Math.min(step, ms - gone));
    await settle();
  }
}

/** Lets time pass until something holds. */
async function until(holds) {
  for (let gone = 0; !holds(); gone += 500) {
    assert.ok(gone < LONG_MS, `in time: ${holds}`);
    await pass(500);
  }
}

const last = (kind) => kind.made.at(-1);
const say = (id, type = 'message:new') => last(Socket).say({ type, ...(id && { cursor: `e1-${id}` }) });

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  Socket.made = [];
  Source.made = [];
});

afterEach(() => {
  mock.timers.reset();
  for (const stream of listening.splice(0)) stream.disconnect();
});

test('events come once and in order, whatever is said again', async () => {
  const { stream, told } = listen();
  stream.connect('e1-3');
  last(Socket).accept();
  for (const id of [2, 3, 4, 4, 5, 3, 6]) say(id);
  say(null, 'typing_start');
  assert.deepEqual(told.events.map(({ cursor }) => cursor), ['e1-4', 'e1-5', 'e1-6', null]);
  assert.deepEqual(told.events.map(({ previous }) => previous), ['e1-3', 'e1-4', 'e1-5', 'e1-6']);
});

test('a line that ends is opened again at the cursor, behind a look over HTTP', async () => {
  const answer = promised();
  const { stream, told } = listen({ probe: () => answer.promise });
  stream.connect('e1-1');
  last(Socket).accept();
  say(2);
  last(Socket).end();
  assert.equal(stream.state, 'offline');
  await pass(LONG_MS);
  assert.equal(Socket.made.length, 1, 'the look is not answered');
  answer.keep('ok');
  await settle();
  assert.equal(last(Socket).url.searchParams.get('cursor'), 'e1-2');
  last(Socket).accept();
  assert.deepEqual(told.states, ['connecting', 'live', 'offline', 'connecting', 'live']);
});

test('while HTTP is away too, no address with a token is opened', async () => {
  let verdict = 'unreachable';
  const { stream } = listen({ probe: async () => verdict });
  stream.connect(null);
  last(Socket).accept();
  last(Socket).end();
  await pass(LONG_MS);
  assert.equal(Socket.made.length, 1);
  verdict = 'ok';
  await until(() => Socket.made.length === 2);
});

test('where WebSockets never open, the stream goes on by server-sent events', async () => {
  const { stream, told } = listen();
  stream.connect('e1-7');
  last(Socket).end();
  await until(() => Socket.made.length === 2);
  last(Socket).end();
  await until(() => Source.made.length === 1);
  assert.equal(last(Source).url.searchParams.get('last_event_id'), 'e1-7');
  last(Source).accept();
  last(Source).say({ type: 'message:new' }, 'e1-8');
  last(Source).say({ type: 'typing_start' }, 'e1-8');
  assert.deepEqual(told.events.map(({ cursor }) => cursor), ['e1-8', null]);
});

test('a refusal ends the stream, and every other end does not', async () => {
  for (const code of [4400, 4401, 4403, 4404]) {
    const { stream, told } = listen();
    stream.connect(null);
    last(Socket).accept();
    last(Socket).end(code);
    const made = Socket.made.length;
    await pass(LONG_MS);
    assert.deepEqual([told.refused, Socket.made.length], [[code], made]);
  }
  for (const code of [1000, 1006, 1011, 1012, 4408, 4429]) {
    const { stream, told } = listen();
    stream.connect(null);
    last(Socket).accept();
    last(Socket).end(code);
    const made = Socket.made.length;
    await until(() => Socket.made.length === made + 1);
    assert.deepEqual(told.refused, []);
    stream.disconnect();
  }
});

test('a server that cannot replay is asked for everything, and the stream goes on from there', async () => {
  const { stream, told } = listen();
  stream.connect('e1-3');
  last(Socket).accept();
  last(Socket).say({ type: 'resync', reason: 'epoch' });
  await settle();
  assert.deepEqual(told.resyncs, ['epoch']);
  assert.equal(last(Socket).url.searchParams.get('cursor'), 'e2-50');
  assert.deepEqual(told.events, []);
});

test('a line that falls silent is asked, and given up when it does not answer', async () => {
  const { stream } = listen();
  stream.connect(null);
  last(Socket).accept({ heartbeat_s: 10 });
  await pass(11_000);
  assert.deepEqual(last(Socket).sent, [{ type: 'ping' }]);
  last(Socket).say({ type: 'pong' });
  await pass(9_000);
  assert.equal(stream.state, 'live');
  await pass(12_000);
  assert.notEqual(stream.state, 'live');
  assert.equal(Socket.made[0].readyState, 3);
});

test('what an EventSource has missed in silence is found by asking, and it starts anew', async () => {
  let complete = true;
  const { stream } = listen({ links: inboxLinks((cursor) => `http://desk.test/inbox?at=${cursor}`), audit: async () => complete });
  stream.connect('e1-1');
  last(Source).accept();
  await pass(60_000);
  assert.equal(Source.made.length, 1);
  complete = false;
  await until(() => Source.made.length === 2);
  assert.equal(last(Source).url.searchParams.get('at'), 'e1-1');
});

test('without a network nothing is tried, and with it everything at once', async () => {
  const { stream } = listen();
  stream.connect(null);
  last(Socket).accept();
  Object.assign(navigator, { onLine: false });
  window.dispatchEvent(new Event('offline'));
  await pass(20_000);
  assert.deepEqual([stream.state, Socket.made.length], ['offline', 1]);
  Object.assign(navigator, { onLine: true });
  window.dispatchEvent(new Event('online'));
  await settle();
  assert.equal(Socket.made.length, 2);
});

test('a stream that was left says nothing more', async () => {
  const { stream, told } = listen();
  stream.connect(null);
  const socket = last(Socket);
  socket.accept();
  stream.disconnect();
  const { length } = told.states;
  socket.say({ type: 'message:new', cursor: 'e1-9' });
  socket.end(4401);
  window.dispatchEvent(new Event('online'));
  await pass(LONG_MS);
  assert.deepEqual([told.events, told.refused, told.states.length, Socket.made.length], [[], [], length, 1]);
});

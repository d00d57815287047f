import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Socket, settle } from './edge.js';
import { SocketIo } from '../../static/demo/socketio.js';

const SERVER = 'http://chat.test';
const HANDSHAKE = '0{"sid":"s1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":262144}';

/** A WebSocket whose frames are packets. */
class PacketSocket extends Socket {
  send(packet) {
    this.sent.push(packet);
  }

  say(packet) {
    this.onmessage?.({ data: packet });
  }
}

/** A server for polls: each request waits until the test answers it. */
class Polls {
  /** @type {{method: string, query: URLSearchParams, body: string, answer: (status: number, body: string) => void}[]} */
  asked = [];

  fetch = (address, { method = 'GET', body = '', signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      const answer = (status, text) => resolve({ ok: status === 200, status, text: async () => text });
      this.asked.push({ method, query: new URL(address).searchParams, body, answer });
    });

  /** The newest request of a method that the test has not looked at yet. */
  take(method) {
    const at = this.asked.findIndex((each) => each.method === method);
    assert.ok(at >= 0, `there is a ${method}`);
    return this.asked.splice(at, 1)[0];
  }
}

let polls;
/** Clients of the test that is running. @type {SocketIo[]} */
const clients = [];

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  globalThis.WebSocket = PacketSocket;
  polls = new Polls();
  globalThis.fetch = polls.fetch;
  Socket.made = [];
});

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  mock.timers.reset();
});

/** A client whose owner writes down what it hears. */
function listen(auth = {}) {
  const told = [];
  const note = (word) => (/** @type {any[]} */ ...about) => told.push([word, ...about]);
  const client = new SocketIo(SERVER, {
    auth: () => auth,
    connecting: note('connecting'),
    connected: note('connected'),
    lost: note('lost'),
    failed: note('failed'),
    refused: note('refused'),
    event: note('event'),
  });
  clients.push(client);
  client.connect();
  return { client, told };
}

const socket = () => Socket.made.at(-1);

/** The server opens the connection and lets the client in. */
function admit(pid = 'p1') {
  socket().say(HANDSHAKE);
  socket().say(`40{"sid":"c1","pid":"${pid}"}`);
}

async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

test('a client says who it is, and what it asks is answered by its number', async () => {
  const { client, told } = listen({ token: 'a.b.c' });
  assert.equal(socket().url.href, 'ws://chat.test/socket.io/?EIO=4&transport=websocket');
  admit();
  assert.deepEqual(told, [['connecting'], ['connected', false]]);
  const answers = ['one', 'two'].map((name) => client.ask(name, { a: 1 }, 1000));
  socket().say('431[{"ok":false}]');
  socket().say('430[{"ok":true}]');
  assert.deepEqual(await Promise.all(answers), [{ ok: true }, { ok: false }]);
  client.emit('typing', { isTyping: true });
  assert.deepEqual(socket().sent, ['40{"token":"a.b.c"}', '420["one",{"a":1}]', '421["two",{"a":1}]', '42["typing",{"isTyping":true}]']);
});

test('a client that comes back brings its pid and the last offset, and hears whether it was recovered', async () => {
  const { told } = listen();
  admit('p1');
  socket().say('42["message:new",{"id":1},"5f-7"]');
  socket().say('42["typing",{"isTyping":true}]');
  socket().end(1012);
  await pass(5_500);
  admit('p1');
  assert.equal(socket().sent[0], '40{"pid":"p1","offset":"5f-7"}');
  socket().end();
  await pass(5_500);
  admit('p2');
  socket().end();
  await pass(5_500);
  socket().say(HANDSHAKE);
  assert.equal(socket().sent[0], '40{"pid":"p2"}', 'an offset belongs to its pid');
  const events = told.filter(([word]) => word === 'event');
  assert.deepEqual(events, [['event', 'message:new', { id: 1 }], ['event', 'typing', { isTyping: true }]]);
  assert.deepEqual(told.filter(([word]) => word === 'connected'), [['connected', false], ['connected', true], ['connected', false]]);
});

test('a question ends with its connection, or when its time is over', async () => {
  const { client } = listen();
  await assert.rejects(client.ask('early', {}, 1000));
  admit();
  const late = client.ask('late', {}, 1000);
  const cut = client.ask('cut', {}, 60_000);
  mock.timers.tick(1000);
  await assert.rejects(late);
  socket().end();
  await assert.rejects(cut);
  client.emit('unheard', {});
  assert.equal(client.connected, false);
});

test('a refused client stays away until it is told to connect', async () => {
  const { client, told } = listen();
  socket().say(HANDSHAKE);
  socket().say('44{"message":"no","data":{"code":"credential_invalid"}}');
  assert.deepEqual(told.at(-1), ['refused', { message: 'no', data: { code: 'credential_invalid' } }]);
  await pass(600_000);
  assert.equal(Socket.made.length, 1);
  client.connect();
  assert.equal(Socket.made.length, 2);
});

test('a client that was shown out comes back', async () => {
  const { told } = listen();
  admit();
  socket().say('41');
  assert.deepEqual(told.at(-1), ['lost']);
  await pass(5_500);
  assert.equal(Socket.made.length, 2);
});

test('pings are answered, and a connection that is silent for longer than its heartbeat is given up', async () => {
  const { told } = listen();
  admit();
  await pass(44_000);
  socket().say('2');
  assert.equal(socket().sent.at(-1), '3');
  await pass(44_000);
  assert.deepEqual(told.at(-1), ['connected', false]);
  await pass(1_000);
  assert.deepEqual(told.at(-1), ['lost']);
});

test('where a WebSocket cannot open the client polls, in order, and polls first the next time', async () => {
  const { client, told } = listen();
  socket().end();
  polls.take('GET').answer(200, HANDSHAKE);
  await settle();
  const entering = polls.take('POST');
  assert.deepEqual([entering.query.get('sid'), entering.body], ['s1', '40{}']);
  polls.take('GET').answer(200, '40{"sid":"c1","pid":"p1"}\x1e42["message:new",{"id":1},"5f-1"]');
  await settle();
  client.emit('one', {});
  client.emit('two', {});
  assert.equal(polls.asked.filter(({ method }) => method === 'POST').length, 0, 'one POST at a time');
  entering.answer(200, 'ok');
  await settle();
  assert.equal(polls.take('POST').body, '42["one",{}]\x1e42["two",{}]');
  polls.take('GET').answer(200, '1');
  await settle();
  assert.deepEqual(told.slice(1), [['connected', false], ['event', 'message:new', { id: 1 }], ['lost']]);
  await pass(5_500);
  assert.equal(Socket.made.length, 1);
  assert.equal(polls.take('GET').query.get('sid'), null);
});

test('a server without Socket.IO is told by the status of its answer, one that is away by a word', async () => {
  const { told } = listen();
  socket().end();
  polls.take('GET').answer(404, '');
  await settle();
  assert.deepEqual(told.at(-1), ['failed', 'http 404']);
  globalThis.fetch = async () => {
    throw new TypeError('no network');
  };
  await pass(5_500);
  socket().end();
  await settle();
  assert.deepEqual(told.at(-1), ['failed', 'a request failed']);
});

test('a browser that forbids the WebSocket leaves polling', async () => {
  globalThis.WebSocket = class {
    constructor() {
      throw new Error('an insecure WebSocket');
    }
  };
  listen();
  await settle();
  assert.equal(polls.take('GET').query.get('transport'), 'polling');
});

test('a network that comes back is tried at once', async () => {
  const { client } = listen();
  admit();
  socket().end();
  window.dispatchEvent(new Event('online'));
  assert.equal(Socket.made.length, 2);
  client.disconnect();
  window.dispatchEvent(new Event('online'));
  assert.equal(Socket.made.length, 2);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linksIn, toJson } from '../../static/shared/text.js';

/** The texts of the links, and where they lead. */
const read = (text) => linksIn(text).map(({ from, to, href }) => [text.slice(from, to), href]);
const texts = (text) => read(text).map(([shown]) => shown);

test('an address ends where its sentence goes on', () => {
  const address = 'https://example.com/a?b=c';
  for (const around of [
    ...['{}', 'see {}.', '({})', '[{}]', '"{}"', '<{}>', '«{}»', '“{}”', "'{}'", '{}, and', '{}!?', '{}…', '{}...', '**{}**', '**{}**,', '*{}*', '_{}_', '{}**bold**', '`{}`'],
    ...['请看{}。', '（{}）', '「{}」、', '{}，然后', '{}；', '【{}】', '『{}』', '{}！', '{}？', '《{}》', '＜{}＞', '{}：'],
  ]) {
    assert.deepEqual(read(around.replace('{}', address)), [[address, address]], around);
  }
});

test('brackets that an address opens are its own', () => {
  for (const address of ['https://x.test/a_(b)', 'https://x.test/a_(b)_(c)', 'https://x.test/[x]', 'https://x.test/a[b][c]', 'https://x.test/((a))', 'https://x.test/{id}', 'https://x.test/a_(b)?c=(d)']) {
    for (const around of ['{}', '({})', '({}).', '[{}],', '{}.']) assert.deepEqual(texts(around.replace('{}', address)), [address], around);
  }
  assert.deepEqual(texts('(https://x.test/a)b)'), ['https://x.test/a)b']);
});

test('www and mail addresses are links too', () => {
  assert.deepEqual(read('www.example.com/a, WWW.Example.com'), [['www.example.com/a', 'https://www.example.com/a'], ['WWW.Example.com', 'https://WWW.Example.com']]);
  assert.deepEqual(read('www.пример.рф'), [['www.пример.рф', 'https://www.пример.рф']]);
  assert.deepEqual(read('write to anna@example.com.'), [['anna@example.com', 'mailto:anna@example.com']]);
  assert.deepEqual(read('(a.b+c-d_e@mail.example.co.uk)'), [['a.b+c-d_e@mail.example.co.uk', 'mailto:a.b%2Bc-d_e@mail.example.co.uk']]);
  assert.deepEqual(read('почта@пример.рф'), [['почта@пример.рф', 'mailto:%D0%BF%D0%BE%D1%87%D1%82%D0%B0@пример.рф']]);
});

test('telephone numbers are links', () => {
  for (const [written, number] of [
    ...[['+7 (495) 123-45-67', '+74951234567'], ['+74951234567', '+74951234567'], ['+1 212 555 0100', '+12125550100'], ['+44 20 7946 0958', '+442079460958'], ['+1 (212) 555-0100', '+12125550100']],
    ...[['8 800 555-35-35', '88005553535'], ['8 (800) 555-35-35', '88005553535'], ['(212) 555-0100', '2125550100'], ['212-555-0100', '2125550100'], ['8 800 555 35 35', '88005553535']],
  ]) {
    for (const around of ['{}', 'call {}.', '{}, please', 'tel {}\n', '{}?']) assert.deepEqual(read(around.replace('{}', written)), [[written, `tel:${number}`]], around.replace('{}', written));
  }
});

test('what only looks like an address or a number is none', () => {
  for (const text of [
    ...['http://', 'https://.', 'http:// x.test', 'ftp://x.test', ['javascript', 'alert(1)'].join(':'), 'data:text/html,x', 'file:///etc', 'www.', 'www.x', 'awww.x.test', 'httpss://x.test'],
    ...['@anna', 'anna@', 'anna@localhost', 'a@b', '@', 'a@@b.test', 'a.@b.test', 'anna@-x.test', 'me @ home.test'],
    ...['12345', '4711', 'A-4711', '2025-09-06', '2025-09-06 12:30', '06-09-2025 18', '10 000 000 000', '1 000 000 000 ₽', '1234 5678 9012 3456', '192.168.100.200', '16:00-18:00', '4990.00', '№ 12345678901', '1111111111', '+1', '(1) (2) (3) 4567890'],
  ]) {
    assert.deepEqual(read(text), [], text);
  }
});

test('several in one text stand in their order', () => {
  const text = 'anna@example.com, +7 495 123-45-67 https://x.test/+74951234567 www.example.com';
  assert.deepEqual(texts(text), ['anna@example.com', '+7 495 123-45-67', 'https://x.test/+74951234567', 'www.example.com']);
});

test('the work grows as the text and no faster', () => {
  const far = 200_000;
  const worst = ['a', '.', ')', '(', '@', 'a@', 'a.', 'http://', 'https://x.test/)', 'www.', 'www.a', '1', '1 ', '(1', '+1-', '**', '+', '-', 'a@a.', 'https://a.test ', '1-1 '].map((piece) => piece.repeat(Math.ceil(far / piece.length)));
  const before = process.cpuUsage();
  for (const text of worst) linksIn(text.slice(0, far));
  const { user } = process.cpuUsage(before);
  assert.ok(user < 10_000_000, `${worst.length} texts of ${far} characters took ${user / 1e6} s`);
});

test('what is sent holds whole characters alone', () => {
  const sent = { text: 'a\ud83d', deep: [{ '\ude00': '\ude00b', n: 1, no: undefined }], good: '👍🏽' };
  assert.deepEqual(JSON.parse(toJson(sent)), { text: 'a\ufffd', deep: [{ '\ude00': '\ufffdb', n: 1 }], good: '👍🏽' });
  assert.equal(toJson(null), 'null');
});

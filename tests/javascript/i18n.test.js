import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../../static/shared/i18n.js';

const NOW = new Date(2026, 10, 27, 9, 5);
const at = (...parts) => new Date(...parts).toISOString();
const plain = (text) => text.replace(/\s/g, ' ');
const clocks = { ru: new Clock('ru', (key) => key), en: new Clock('en', (key) => key) };

test('a time is written as its language writes it', () => {
  for (const [hour, ru, en] of [[0, '00:05', '12:05 AM'], [9, '09:05', '9:05 AM'], [13, '13:05', '1:05 PM']]) {
    const moment = at(2026, 10, 27, hour, 5);
    assert.deepEqual([plain(clocks.ru.time(moment)), plain(clocks.en.time(moment))], [ru, en]);
  }
});

test('a moment that is not today has its day', () => {
  assert.equal(plain(clocks.en.moment(at(2026, 10, 27, 13, 0), NOW)), '1:00 PM');
  assert.equal(plain(clocks.en.moment(at(2026, 10, 28, 0, 7), NOW)), 'Nov 28, 12:07 AM');
  assert.equal(plain(clocks.ru.moment(at(2026, 10, 26, 23, 0), NOW)), '26 нояб., 23:00');
});

test('days are counted by the calendar, also where a clock is changed', () => {
  assert.equal(clocks.en.day(at(2026, 10, 27, 0, 0), NOW), 'today');
  assert.equal(clocks.en.day(at(2026, 10, 26, 23, 59), NOW), 'yesterday');
  assert.equal(clocks.en.day(at(2026, 10, 25, 23, 59), NOW), 'November 25, 2026');
});

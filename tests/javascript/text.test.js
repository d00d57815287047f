// Addresses in messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutClosing } from '../../static/shared/text.js';

test('closing marks belong to the sentence, and a bracket that the address opened to the address', () => {
  const table = {
    'https://a.example/x.': 'https://a.example/x',
    'https://a.example/x).': 'https://a.example/x',
    'https://a.example/A_(b)': 'https://a.example/A_(b)',
    'https://a.example/a_(b)_(c)': 'https://a.example/a_(b)_(c)',
    'https://a.example/A_(b).)': 'https://a.example/A_(b)',
    'https://a.example/A_(b)))': 'https://a.example/A_(b)',
    'https://a.example/[x]': 'https://a.example/[x]',
    'https://a.example/x]': 'https://a.example/x',
    'https://a.example/x**': 'https://a.example/x',
    'https://a.example/x。': 'https://a.example/x',
    'https://a.example/x）！': 'https://a.example/x',
    'https://a.example/?q=a,b;c!': 'https://a.example/?q=a,b;c',
    'https://': 'https://',
    '...': '',
  };
  for (const [match, address] of Object.entries(table)) assert.equal(withoutClosing(match), address);
});

test('a text of marks costs in proportion to its length', () => {
  const cost = (/** @type {string} */ text) => {
    const costs = [1, 2, 3, 4, 5].map(() => {
      const before = process.cpuUsage();
      for (let i = 0; i < 20; i += 1) withoutClosing(text);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.max(Math.min(...costs), 1);
  };
  for (const unit of ['.', ')', '()', '(', '.)', '!]', '…']) {
    for (const end of ['', 'x']) {
      const [short, long] = [4_000, 32_000].map((size) => cost(unit.repeat(size / unit.length) + end));
      assert.ok(long < 40 * Math.max(short, 50), `${unit} and ${end}: ${short} and ${long}`);
    }
  }
});

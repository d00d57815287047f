// Made from replyx/schemas/sizes.py and languages.py by: python -m tests.docs_pages

/** How long texts may be, in characters, and other limits that a form must know. */
export const LIMITS = Object.freeze({
  message: 10_000,
  subject: 200,
  description: 10_000,
  person: 100,
  visitor: 200,
  greeting: 1_000,
  reference: 64,
  query: 200,
  url: 2_000,
  purpose: 200,
  notes: 2_000,
  platform: 60,
  title: 300,
  source: 100_000,
  passwordMin: 8,
  amount: 1_000_000_000,
  bulk: 500,
});

/** @typedef {'ru'|'en'} Language */
/** The languages that ReplyX speaks. @type {readonly Language[]} */
export const LANGUAGES = Object.freeze(['ru', 'en']);

import { LANGUAGES } from './limits.js';

/**
 * Words in the languages that ReplyX speaks.
 * @typedef {import('./limits.js').Language} Language
 * @typedef {Record<string, string|Record<string, string>>} Dictionary a value with plural forms is an
 *   object by `Intl.PluralRules` category, chosen by the parameter `n`
 */

/**
 * The language to speak: the first of the wishes that we know, else English.
 * @param {string|null} [wish] a language set for this widget or by this user, e.g. `ru`
 * @param {readonly string[]} [languages] the browser's
 * @returns {Language}
 */
export function pickLocale(wish = null, languages = navigator.languages ?? [navigator.language]) {
  for (const tag of [wish, ...languages]) {
    const primary = String(tag ?? '').toLowerCase().split(/[-_]/)[0];
    const spoken = LANGUAGES.find((language) => language === primary);
    if (spoken) return spoken;
  }
  return 'en';
}

/**
 * The text in a language, where there is one.
 * @param {Record<string, string>|undefined} texts by language
 * @param {Language} language
 * @param {string} otherwise for the languages without one
 */
export function inLanguage(texts, language, otherwise) {
  return texts?.[language] || otherwise;
}

/** What a language is called in itself. @param {Language} language */
export function languageName(language) {
  const name = new Intl.DisplayNames(language, { type: 'language' }).of(language) ?? language;
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

/**
 * @param {{ru: Dictionary, en: Dictionary}} dictionaries
 * @param {'ru'|'en'} locale
 * @typedef {(key: string, params?: Record<string, any>) => string} Translate unknown keys come back as they are
 * @returns {Translate}
 */
export function translator(dictionaries, locale) {
  const plural = new Intl.PluralRules(locale);
  return (key, params = {}) => {
    let phrase = dictionaries[locale][key] ?? dictionaries.en[key] ?? key;
    if (typeof phrase === 'object') phrase = phrase[plural.select(Number(params.n))] ?? phrase.other;
    return phrase.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
  };
}

/** From the largest down, in milliseconds. @type {[string, number][]} */
const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** Dates and times of a conversation, in the viewer's time zone. */
export class Clock {
  #time;
  #day;
  #short;
  #full;
  #spans;
  #t;

  /** @param {'ru'|'en'} locale @param {(key: string) => string} t knows `today` and `yesterday` */
  constructor(locale, t) {
    this.#time = new Intl.DateTimeFormat(locale, { hour: locale === 'en' ? 'numeric' : '2-digit', minute: '2-digit' });
    this.#day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
    this.#short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
    this.#full = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'medium' });
    this.#spans = SPANS.map(([unit, ms]) => [new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }), ms]);
    this.#t = t;
  }

  /** `5 min`, `2 hr`, `3 days`: whole units of the largest that is full. @param {number} ms at least a minute */
  span(ms) {
    const [format, unit] = this.#spans.find(([, length]) => ms >= length) ?? this.#spans.at(-1);
    return format.format(Math.floor(ms / unit));
  }

  /** `18:30`, `6:30 PM`. @param {string} timestamp */
  time(timestamp) {
    return this.#time.format(new Date(timestamp));
  }

  /** The whole of it, for a tooltip. @param {string} timestamp */
  full(timestamp) {
    return this.#full.format(new Date(timestamp));
  }

  /** `Today`, `Yesterday` or a date. @param {string} timestamp @param {Date} [now] */
  day(timestamp, now = new Date()) {
    const days = this.#daysAgo(timestamp, now);
    if (days === 0) return this.#t('today');
    if (days === 1) return this.#t('yesterday');
    return this.#day.format(new Date(timestamp));
  }

  /** The time today, the date before that: for lists. @param {string} timestamp @param {Date} [now] */
  brief(timestamp, now = new Date()) {
    return this.#daysAgo(timestamp, now) === 0 ? this.time(timestamp) : this.#short.format(new Date(timestamp));
  }

  /** The time, with the date unless it is today: for what is still to come. @param {string} timestamp @param {Date} [now] */
  moment(timestamp, now = new Date()) {
    const time = this.time(timestamp);
    return this.#daysAgo(timestamp, now) === 0 ? time : `${this.#short.format(new Date(timestamp))}, ${time}`;
  }

  /** A key that is equal for timestamps of one local day. @param {string} timestamp */
  dayKey(timestamp) {
    return new Date(timestamp).toDateString();
  }

  #daysAgo(timestamp, now) {
    const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
    return Math.round((midnight(now) - midnight(timestamp)) / 86_400_000);
  }
}

/**
 * Amounts in the viewer's way of writing them.
 * @param {'ru'|'en'} locale
 * @param {string} currency ISO 4217
 * @returns {(amount: number) => string} e.g. `4 990 ₽`
 */
export function money(locale, currency) {
  const whole = new Intl.NumberFormat(locale, { style: 'currency', currency, trailingZeroDisplay: 'stripIfInteger' });
  return (amount) => whole.format(amount);
}

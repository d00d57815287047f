/**
 * The beginning of a text, cut between two characters as a reader sees them, never within one.
 * @param {string} text
 * @param {number} most code points, as the server counts
 * @returns {string}
 */
export function cut(text, most) {
  let kept = '';
  let count = 0;
  for (const { segment } of new Intl.Segmenter().segment(text.toWellFormed())) {
    count += [...segment].length;
    if (count > most) break;
    kept += segment;
  }
  return kept;
}

/** Everything that a reader sees; `replyx/schemas/texts.py` has the same rule. */
const SHOWN = /(?![\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\ufffc\u{13441}\u{13442}\u{1d159}])[\p{L}\p{N}\p{P}\p{S}\p{Co}\p{Cn}]/u;

/** Whether a reader sees anything of a text: spaces, controls, marks alone and what has no width show nothing. */
export function shows(text) {
  return SHOWN.test(text);
}

/**
 * JSON that the server reads: half a character, as an input method or a script may leave it, becomes U+FFFD.
 * @param {unknown} value
 * @returns {string}
 */
export function toJson(value) {
  return JSON.stringify(value, (_, part) => (typeof part === 'string' ? part.toWellFormed() : part));
}

/** What no address goes on behind: white space, quotes, and the marks of sentences in Chinese and Japanese. */
const ENDS = /[\s<>"`\u2018-\u201f«»\u3000-\u3003\u3008-\u301f\uff01-\uff0f\uff1a-\uff1b\uff1d-\uff20\uff3b-\uff3d\uff5b-\uff65…]|\*\*/u;
/** A run that may hold an address. */
const RUN = new RegExp(`(?:(?!${ENDS.source}).)+`, 'gu');
const SCHEME = /https?:\/\//iu;
const WWW = /(?<![\p{L}\p{N}.@/-])www\.(?=[\p{L}\p{N}])/iu;
/** At the end these belong to the sentence, and so does a closing bracket that the address has not opened. */
const SENTENCE = ".,;:!?'*_~|\\";
const CLOSES = { ')': '(', ']': '[', '}': '{' };
const LOCAL = /[\p{L}\p{N}._%+-]/u;
const DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+\p{L}{2,24}(?![\p{L}\p{N}])/u;
const DOMAIN_LENGTH = 253;
/** Digits in groups, as people write a telephone number; a word, a sum or a date before or behind makes it none. */
const PHONE = /(?<![\p{L}\p{N}_@#№=+$€£₽.,:/-])(?:\+ ?)?[(\d][\d ()\u00a0-]{5,22}\d(?![\p{L}\p{N}_@%=/:-]|[.,]\d| ?[$€£₽])/gu;

/** `address` without what belongs to the sentence around it. */
function trimmed(address) {
  const open = { '(': 0, '[': 0, '{': 0, ')': 0, ']': 0, '}': 0 };
  for (const mark of address) if (mark in open) open[mark] += 1;
  let end = address.length;
  for (; end > 0; end -= 1) {
    const mark = address[end - 1];
    if (mark in CLOSES && open[mark] > open[CLOSES[mark]]) open[mark] -= 1;
    else if (!SENTENCE.includes(mark)) break;
  }
  return address.slice(0, end);
}

/** The address as a browser takes it, if it does and if it is one of the web. @returns {string|null} */
function webAddress(text) {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, href } = new URL(text);
  return /^https?:$/.test(protocol) && /[\p{L}\p{N}]/u.test(hostname) ? href : null;
}

/** The web address in a run, from where it begins. @returns {Link|null} */
function webLink(run) {
  const [scheme, www] = [run.search(SCHEME), run.search(WWW)];
  const from = scheme >= 0 && (www < 0 || scheme < www) ? scheme : www;
  if (from < 0) return null;
  const text = trimmed(run.slice(from));
  const named = from === scheme ? text : `https://${text}`;
  if (from === www && !DOMAIN.test(text.slice(0, DOMAIN_LENGTH).split(/[/?#:]/, 1)[0])) return null;
  return webAddress(named) && { from, to: from + text.length, href: named };
}

/** The mail address in a run. @returns {Link|null} */
function mailLink(run) {
  const at = run.indexOf('@');
  if (at < 1) return null;
  let from = at;
  while (from > 0 && LOCAL.test(run[from - 1])) from -= 1;
  while (from < at && '.-'.includes(run[from])) from += 1;
  const domain = DOMAIN.exec(run.slice(at + 1, at + 1 + DOMAIN_LENGTH))?.[0];
  if (from === at || !domain || run[at - 1] === '.') return null;
  const [name, to] = [run.slice(from, at), at + 1 + domain.length];
  return { from, to, href: `mailto:${encodeURIComponent(name)}@${domain}` };
}

/** The telephone number in digits, if it is one: international, or grouped as a local one. @returns {string|null} */
function phoneNumber(text) {
  const digits = text.replace(/\D/g, '');
  const groups = text.match(/\d+/g).map(({ length }) => length);
  const count = { '(': 0, ')': 0, '-': 0 };
  for (const mark of text) if (mark in count) count[mark] += 1;
  if (count['('] !== count[')'] || count['('] > 1 || /[ ()\u00a0-]{4}/.test(text)) return null;
  if (text.startsWith('+')) return digits.length >= 7 && digits.length <= 15 ? `+${digits}` : null;
  if (digits.length < 10 || digits.length > 11 || groups.length < 3) return null;
  const isDate = /^(?:19|20)\d\d-|^\d{2}-/.test(text);
  const byGroups = count['('] === 1 || count['-'] > 0 || groups.join() === '1,3,3,2,2';
  return byGroups && !isDate && groups.every((length) => length <= 5) ? digits : null;
}

/**
 * Where in a text there are addresses of the web, mail addresses and telephone numbers; in time that grows as the text.
 * @typedef {{from: number, to: number, href: string}} Link
 * @param {string} text
 * @returns {Link[]} in their order, none over another
 */
export function linksIn(text) {
  const found = [];
  for (const { 0: run, index } of text.matchAll(RUN)) {
    const link = webLink(run) ?? mailLink(run);
    if (link) found.push({ ...link, from: index + link.from, to: index + link.to });
  }
  const phones = [];
  for (const { 0: match, index } of text.matchAll(PHONE)) {
    const number = phoneNumber(match);
    const covered = found.some(({ from, to }) => from < index + match.length && index < to);
    if (number && !covered) phones.push({ from: index, to: index + match.length, href: `tel:${number}` });
  }
  return [...found, ...phones].sort((a, b) => a.from - b.from);
}

function anchor(href, text) {
  const node = document.createElement('a');
  node.href = href;
  if (href.startsWith('http')) {
    node.target = '_blank';
    node.rel = 'noopener noreferrer nofollow';
  }
  node.textContent = text;
  return node;
}

/**
 * A message's text as nodes: text stays text, addresses and telephone numbers become links.
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function richText(text) {
  const fragment = document.createDocumentFragment();
  let done = 0;
  for (const { from, to, href } of linksIn(text)) {
    fragment.append(text.slice(done, from), anchor(href, text.slice(from, to)));
    done = to;
  }
  fragment.append(text.slice(done));
  return fragment;
}

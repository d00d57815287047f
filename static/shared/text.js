const ADDRESS = /https?:\/\/[^\s<>"'`]+/gi;
/** Marks at the end of an address that belong to the sentence around it. */
const CLOSING = new Set('.,;:!?…»”*)]}。，、；：！？）】》」』');
const BRACKETS = { ')': '(', ']': '[', '}': '{' };

/**
 * `match` without the closing marks at its end. A bracket that the address itself opened stays, as in `…/wiki/A_(b)`.
 * Looks at each character a few times, no more: other people choose the text.
 * @param {string} match
 */
export function withoutClosing(match) {
  const counted = (/** @type {string} */ char) => match.split(char).length - 1;
  const surplus = new Map(Object.entries(BRACKETS).map(([close, open]) => [close, counted(close) - counted(open)]));
  let end = match.length;
  while (end && CLOSING.has(match[end - 1])) {
    const left = surplus.get(match[end - 1]);
    if (left !== undefined && left <= 0) break;
    if (left) surplus.set(match[end - 1], left - 1);
    end -= 1;
  }
  return match.slice(0, end);
}

function link(address) {
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer nofollow';
  anchor.textContent = address;
  return anchor;
}

/** `http(s)` only, and only if a browser agrees that it is an address. */
function isAddress(text) {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

/**
 * A message's text as nodes: text stays text, web addresses become links.
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function richText(text) {
  const fragment = document.createDocumentFragment();
  let done = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = withoutClosing(match);
    if (!isAddress(address)) continue;
    fragment.append(text.slice(done, index), link(address));
    done = index + address.length;
  }
  fragment.append(text.slice(done));
  return fragment;
}

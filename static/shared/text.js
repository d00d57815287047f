const ADDRESS = /https?:\/\/[^\s<>"'`]+/gi;
/** Closing marks at the end belong to the sentence, not to the address. */
const TRAILING = /[.,;:!?…»”)\]}]+$/u;

/** Keeps a closing bracket that the address itself opened, as in `…/wiki/A_(b)`. */
function split(match) {
  let address = match.replace(TRAILING, '');
  const rest = match.slice(address.length);
  if (rest.startsWith(')') && address.includes('(') && !address.includes(')')) address += ')';
  return address;
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
    const address = split(match);
    if (!isAddress(address)) continue;
    fragment.append(text.slice(done, index), link(address));
    done = index + address.length;
  }
  fragment.append(text.slice(done));
  return fragment;
}

/**
 * Builds an element. There is no way to pass markup: text becomes text nodes, always.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [props] `class`, `on…` listeners, `true`/`false` for boolean attributes,
 *   null or undefined for none, anything else as an attribute
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child || child === '') node.append(child);
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Outlines on a 24×24 grid, drawn for ReplyX. */
const ICONS = {
  send: 'M4 12 20 4l-5 16-3.5-6.5L4 12Zm7.5 1.5L20 4',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M14.5 5 8 12l6.5 7',
  down: 'M12 5v14M6 13l6 6 6-6',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 3.5V12l3 2',
  check: 'M5 12.5 10 17.5 19.5 7',
  checks: 'M2.5 12.5 7.5 17.5 16.5 7M12 16l1.5 1.5L22 7',
  alert: 'M12 4.5 21 19.5H3L12 4.5Zm0 5.5v4.5m0 2.4v.1',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  plus: 'M12 5v14M5 12h14',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13',
  inbox: 'M4 13 6.5 5h11L20 13v6H4v-6Zm0 0h5l1 2.5h4l1-2.5h5',
  code: 'M8.5 7 3.5 12l5 5M15.5 7l5 5-5 5',
  exit: 'M14 5H5v14h9M10 12h10m-3.5-4 4 4-4 4',
  book: 'M5 4h6a2 2 0 0 1 2 2v14a2 2 0 0 0-2-2H5V4Zm14 0h-4a2 2 0 0 0-2 2v14a2 2 0 0 1 2-2h4V4Z',
  pulse: 'M3 12h4l2.5-6 5 12 2.5-6h4',
  tag: 'M4 4h8l8 8-8 8-8-8V4Zm4 4v.1',
  out: 'M12 5H5v14h14v-7M10 14 20 4m-6.5 0H20v6.5',
  chat: 'M4 5h16v11h-8l-4.5 4v-4H4z',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm4.8 11.3L20 20',
  ban: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM6.4 6.4l11.2 11.2',
  bell: 'M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15L6 16.5Zm4 4h4',
};

/**
 * A decorative icon; what it stands beside must say the same in words.
 * @typedef {keyof typeof ICONS} IconName
 * @param {IconName} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Runs `action` once for all calls of one turn; views draw through it.
 * @param {() => void} action
 * @returns {() => void}
 */
export function coalesce(action) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      action();
    });
  };
}

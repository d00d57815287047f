/** Relative luminance and contrast as WCAG 2.2 defines them. */

function channel(value) {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function luminance([red, green, blue]) {
  return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
}

/**
 * `#rgb` or `#rrggbb` as three numbers, or null.
 * @param {string|null|undefined} hex
 * @returns {[number, number, number]|null}
 */
export function parseHex(hex) {
  const match = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(hex ?? '');
  if (!match) return null;
  const digits = match[1].length === 3 ? [...match[1]].map((digit) => digit + digit).join('') : match[1];
  const part = (at) => Number.parseInt(digits.slice(at, at + 2), 16);
  return [part(0), part(2), part(4)];
}

/**
 * Black or white, whichever reads better on `hex`; one of them always reaches 4.5:1.
 * @param {string} hex
 */
export function textOn(hex) {
  const light = luminance(parseHex(hex) ?? [0, 0, 0]);
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? '#ffffff' : '#000000';
}

/**
 * Paints the page in a widget's colour; anything that is no colour changes nothing.
 * @param {string|null|undefined} theme
 */
export function applyTheme(theme) {
  const rgb = parseHex(theme);
  if (!rgb) return;
  const accent = `rgb(${rgb.join(' ')})`;
  document.documentElement.style.setProperty('--accent', accent);
  document.documentElement.style.setProperty('--on-accent', textOn(theme));
}

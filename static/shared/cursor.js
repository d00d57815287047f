/**
 * A place in the server's event log, `<epoch>-<id>`; a bare integer is an id of an unnamed epoch.
 * Ids grow by one in commit order across the whole server, so one cursor places a client exactly.
 */

function parse(cursor) {
  const text = String(cursor);
  const dash = text.lastIndexOf('-');
  return { epoch: dash < 0 ? '' : text.slice(0, dash), id: Number(text.slice(dash + 1)) };
}

/**
 * Whether `candidate` lies after `seen`. Nothing seen yet, or a log of another epoch, counts as after.
 * @param {string} candidate
 * @param {string|null} seen
 * @returns {boolean}
 */
export function isAfter(candidate, seen) {
  if (seen === null || seen === undefined) return true;
  const a = parse(candidate);
  const b = parse(seen);
  return a.epoch !== b.epoch || a.id > b.id;
}

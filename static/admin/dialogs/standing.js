/**
 * Who answers in a dialog, for the line under its name.
 * @param {Wire.Dialog} dialog
 * @param {{id: number, name: string}} user who is signed in
 * @param {number} now in milliseconds since the epoch
 * @returns {{words: string, name?: string, until: number|null}} the key of the words, whom they name, and when a pause is over
 */
export function standingOf({ handler, assignee, paused_by: pausedBy, paused_until: pausedUntil }, user, now) {
  if (handler === 'manager') {
    if (!assignee) return { words: 'handled_manager', until: null };
    return { words: assignee.id === user.id ? 'handled_by_you' : 'handled_by', name: assignee.name, until: null };
  }
  const until = pausedUntil ? Date.parse(pausedUntil) : 0;
  if (until <= now) return { words: 'handled_assistant', until: null };
  return pausedBy === user.name ? { words: 'stopped_by_you', until } : { words: 'stopped_by', name: pausedBy, until };
}

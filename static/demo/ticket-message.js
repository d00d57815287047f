/**
 * A ticket's message in the shape that the shared conversation keeps.
 * @typedef {import('../shared/conversation.js').Message & {senderId: string}} TicketMessage `sender` is a `senderType`
 */

/** @param {Wire.TicketMessage} message as `message:new` and the history carry it @returns {TicketMessage} */
export function received(message) {
  return {
    id: message.id,
    sender: message.senderType,
    senderId: message.senderId,
    text: message.content,
    timestamp: message.createdAt,
    client_id: message.clientId ?? null,
    author: message.author ?? null,
  };
}

/** How others' messages are marked for the style sheets. */
const SIDES = { USER: 'user', AGENT: 'manager', BOT: 'assistant', SYSTEM: 'system' };

/**
 * A message as the list shows it: what was said under this page's own sender id stands at the right, as whichever
 * type it was said.
 * @param {TicketMessage} message
 * @param {string} senderId this page's
 * @param {(type: string) => string} nameOfType
 */
export function shown(message, senderId, nameOfType) {
  const name = message.author ?? message.senderId;
  return {
    ...message,
    sender: message.senderId === senderId && message.sender !== 'SYSTEM' ? 'self' : (SIDES[message.sender] ?? 'user'),
    author: `${name} · ${nameOfType(message.sender)}`,
  };
}

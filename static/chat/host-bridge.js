/**
 * The line to `widget.js` on the customer's page.
 *
 * The loader's first message carries the widget token and one end of a channel; from then on both
 * sides talk over that channel only, so no other window can listen or speak. Which sites may frame
 * this page at all is the server's decision (`frame-ancestors`).
 *
 * @typedef {object} Greeting
 * @property {string} token the widget token
 * @property {string|null} page address of the customer's page, without query and fragment
 * @property {string|null} [name] what the page calls the visitor; null takes back what it said, without it that stays
 * @property {string|null} theme the colour that the page's own markup asks for
 * @property {boolean} inline
 * @property {string|null} kept what `keep` left with the page in an earlier visit
 *
 * @typedef {{type: 'shown'|'hidden'|'identify', name?: string|null}} Command what the page tells later; `name` comes with `identify`
 */
export class HostBridge {
  #onGreeting;
  #onCommand;
  #port = null;
  #listen = (event) => this.#received(event);

  /**
   * @param {object} options
   * @param {(greeting: Greeting) => void} options.onGreeting called once
   * @param {(command: Command) => void} options.onCommand
   */
  constructor({ onGreeting, onCommand }) {
    this.#onGreeting = onGreeting;
    this.#onCommand = onCommand;
  }

  /** Whether the page is shown inside another one. */
  get framed() {
    return window.parent !== window;
  }

  /** Starts listening for the loader. */
  connect() {
    if (this.framed) window.addEventListener('message', this.#listen);
  }

  /** Cuts the line. */
  disconnect() {
    window.removeEventListener('message', this.#listen);
    this.#port?.close();
    this.#port = null;
  }

  /** Asks the page to close the chat. */
  close() {
    this.#port?.postMessage({ type: 'close' });
  }

  /**
   * @param {number} count answers that the visitor has not seen
   * @param {{id: number, text: string}|null} last the newest of them, as the page shows it while the chat is closed
   */
  unread(count, last) {
    this.#port?.postMessage({ type: 'unread', count, last });
  }

  /** Hands an answer to the page's own listeners. @param {import('../shared/conversation.js').Message} message */
  message({ id, sender, text, timestamp, author }) {
    this.#port?.postMessage({ type: 'message', message: { id, sender, text, timestamp, author } });
  }

  /** Leaves something with the page, for browsers that give a frame no storage. @param {string|null} text */
  keep(text) {
    this.#port?.postMessage({ type: 'keep', text });
  }

  #received({ source, origin, data, ports }) {
    if (this.#port || source !== window.parent || data?.replyx !== 'hello' || typeof data.token !== 'string') return;
    // Where the browser tells who frames us, the greeting has to come from there.
    const framer = location.ancestorOrigins?.[0];
    if ((framer && framer !== origin) || !ports[0]) return;
    window.removeEventListener('message', this.#listen);
    this.#port = ports[0];
    this.#port.onmessage = (event) => this.#onCommand(event.data);
    this.#port.postMessage({ type: 'ready' });
    const { token, page = null, name, theme = null, inline = false, kept = null } = data;
    this.#onGreeting({ token, page, name, theme, inline, kept });
  }
}

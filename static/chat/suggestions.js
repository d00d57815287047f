import { el } from '../shared/dom.js';

/** What the visitor may send with a press: the suggestions of an assistant's answer, while it is the last word. */
export class Suggestions {
  #onPick;
  /** The message whose suggestions are shown, so that a redraw leaves the buttons and the focus alone. */
  #shown = null;

  /** @param {{t: (key: string) => string, onPick: (text: string) => void}} options */
  constructor({ t, onPick }) {
    this.#onPick = onPick;
    this.element = el('div', { class: 'suggestions', role: 'group', 'aria-label': t('suggestions'), 'data-testid': 'suggestions', hidden: true });
  }

  /** @param {import('../shared/conversation.js').Message|undefined} last @param {boolean} sending whether something newer is on its way */
  render(last, sending) {
    const texts = sending ? [] : (last?.suggestions ?? []);
    const shown = texts.length > 0 ? last.id : null;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.hidden = shown === null;
    this.element.replaceChildren(...texts.map((text) => this.#button(text)));
  }

  #button(text) {
    return el('button', { type: 'button', class: 'suggestion', dir: 'auto', onclick: () => this.#onPick(text) }, text);
  }
}

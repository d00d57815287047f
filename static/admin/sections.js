/**
 * The panel's sections in the order of the bar. A section is a folder with a `section.js`, which is loaded when it is
 * opened, and a line here.
 *
 * The class that `section.js` exports as `default` gets the desk's `DeskParts` and is a `Section`.
 *
 * @typedef {object} Section
 * @property {HTMLElement} element what it shows
 * @property {(place: import('./router.js').Place, entered: boolean) => void} show it is what the address says;
 *   `entered`: until now another section was, and `element` has just been put into the page
 * @property {() => void} [hide] another section is shown from now on
 * @property {() => void} disconnect the session is over
 * @property {() => Promise<void>} [flush] sends what is held back, for an operator who asks to leave
 * @property {() => Promise<void>} [load] brings what it knows up to date; events behind that are still to come
 * @property {(event: Wire.Event) => void} [apply]
 * @property {() => void} [live] the stream is there, or is back
 * @property {() => void} [render] something has changed; also called while another section is shown
 * @property {(event: KeyboardEvent) => void} [pressed] a key, while it is shown
 *
 * @typedef {object} Entry
 * @property {string} name first part of the address, and the folder
 * @property {{ru: string, en: string}} words what the bar calls it
 * @property {import('../shared/dom.js').IconName} icon
 * @property {() => Promise<{default: new (desk: import('./desk.js').DeskParts) => Section}>} load
 * @property {boolean} [forAdmins] other operators do not have it
 * @property {boolean} [always] has something to do, or to count in the bar, before anybody opens it
 */

/** @type {Entry[]} */
export const SECTIONS = [
  { name: 'dialogs', words: { ru: 'Диалоги', en: 'Dialogs' }, icon: 'inbox', load: () => import('./dialogs/section.js'), always: true },
  { name: 'widgets', words: { ru: 'Виджеты', en: 'Widgets' }, icon: 'code', load: () => import('./widgets/section.js') },
  { name: 'knowledge', words: { ru: 'Знания', en: 'Knowledge' }, icon: 'book', load: () => import('./knowledge/section.js'), forAdmins: true },
  { name: 'moderation', words: { ru: 'Модерация', en: 'Moderation' }, icon: 'tag', load: () => import('./moderation/section.js'), always: true, forAdmins: true },
  { name: 'bans', words: { ru: 'Баны', en: 'Bans' }, icon: 'ban', load: () => import('./bans/section.js'), forAdmins: true },
  { name: 'webhooks', words: { ru: 'Вебхуки', en: 'Webhooks' }, icon: 'out', load: () => import('./webhooks/section.js'), forAdmins: true },
  { name: 'health', words: { ru: 'Проверка', en: 'Health' }, icon: 'pulse', load: () => import('./health/section.js'), forAdmins: true },
];

/** What an operator has. @param {string} role */
export function sectionsOf(role) {
  return SECTIONS.filter(({ forAdmins }) => !forAdmins || role === 'admin');
}

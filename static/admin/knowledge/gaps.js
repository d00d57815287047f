import { el } from '../../shared/dom.js';
import { area, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';
import { card } from '../parts/card.js';

/**
 * Questions that nothing was quoted for, to be answered or closed.
 * @param {object} options
 * @param {import('./api.js').KnowledgeApi} options.knowledge
 * @param {import('../../shared/i18n.js').Translate} options.t
 * @param {Wire.GapGroup} options.gap
 * @param {() => void} options.onChanged
 */
export function gapCard({ knowledge, t, gap, onChanged }) {
  const title = input(gap.text.slice(0, LIMITS.title), { maxlength: LIMITS.title });
  const text = area('', { required: true, maxlength: LIMITS.source, rows: '3', 'data-testid': 'gap-text' });
  const also = gap.also.map((other) => el('li', { dir: 'auto' }, other));
  const close = el('button', { type: 'button', class: 'button', 'data-testid': 'gap-close' }, t('gap_close'));
  close.addEventListener('click', () => knowledge.closeGap(gap.id).finally(onChanged));
  const element = card({
    t,
    title: gap.text,
    testid: 'gap',
    fields: [labelled(t('source_question'), title), labelled(t('gap_answer'), text)],
    extra: el('div', { class: 'gap__more' }, also.length ? el('ul', { class: 'gap__also' }, ...also) : '', close),
    read: () => ({ title: title.value.trim() || null, text: text.value.trim() }),
    save: async (answer) => {
      await knowledge.answerGap(gap.id, /** @type {Wire.GapAnswer} */ (answer));
      onChanged();
    },
  });
  const dialog = el('a', { href: `#/dialogs/${gap.dialog_id}` }, t('gap_dialog', { id: gap.dialog_id }));
  element.querySelector('summary').append(el('span', { class: 'source__about' }, t('gap_times', { n: gap.times }), ' · ', dialog));
  return element;
}

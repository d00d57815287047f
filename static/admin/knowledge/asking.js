import { el } from '../../shared/dom.js';
import { input, labelled } from '../../shared/fields.js';
import { ProblemLine } from '../parts/problem-line.js';

/**
 * Asks the assistant as a visitor would, and shows what it would say and how sure it is.
 * @param {{knowledge: import('./api.js').KnowledgeApi, t: import('../../shared/i18n.js').Translate}} options
 */
export function asking({ knowledge, t }) {
  const question = input('', { required: true, maxlength: 1000, 'data-testid': 'question' });
  const verdict = el('p', { class: 'asking__verdict', role: 'status', 'data-testid': 'verdict' });
  const hits = el('ul', { class: 'asking__hits' });
  const problem = new ProblemLine(t);
  const hit = ({ passage, confidence }) => {
    const tie = el('button', { type: 'button', class: 'button', 'data-testid': 'tie' }, t('tie'));
    tie.addEventListener('click', () =>
      problem.attempt(async () => {
        await knowledge.tie(passage.id, question.value.trim());
        tie.replaceWith(el('p', { class: 'knowledge__text', role: 'status' }, t('tied')));
      }),
    );
    const sure = t('confidence', { percent: Math.round(confidence * 100) });
    return el(
      'li',
      { class: 'asking__hit', 'data-testid': 'hit' },
      el('p', { class: 'asking__title', dir: 'auto' }, passage.title, ' · ', el('span', { class: 'knowledge__text' }, sure)),
      el('p', { dir: 'auto' }, passage.text),
      tie,
    );
  };
  const onsubmit = (event) => {
    event.preventDefault();
    problem.attempt(async () => {
      const answer = await knowledge.ask(question.value.trim());
      verdict.textContent = t(`outcome_${answer.outcome}`, { title: answer.passages[0]?.passage.title ?? '' });
      hits.replaceChildren(...answer.passages.map(hit));
    });
  };
  const submit = el('button', { class: 'button button--primary', 'data-testid': 'ask' }, t('try'));
  return el(
    'form',
    { class: 'asking', onsubmit },
    el('p', { class: 'knowledge__text' }, t('try_text')),
    labelled(t('question'), question),
    submit,
    problem.element,
    verdict,
    hits,
  );
}

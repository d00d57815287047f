import { el } from '../../shared/dom.js';
import { area, choice, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';
import { card } from '../parts/card.js';

const FETCHED = new Set(['page', 'site']);
const FILES = { pdf: 'pdf', docx: 'docx', txt: 'text', md: 'text' };

/** @typedef {{knowledge: import('./api.js').KnowledgeApi, t: import('../../shared/i18n.js').Translate, clock: import('../../shared/i18n.js').Clock, onChanged: () => void}} Options */

/**
 * A source: what was read of it, and what can be changed.
 * @param {Options & {source: Wire.Source}} options
 */
export function sourceCard({ knowledge, t, clock, source, onChanged }) {
  const { id, kind } = source;
  const title = input(source.title, { maxlength: LIMITS.title });
  const url = input(source.url ?? '', { type: 'url', maxlength: LIMITS.url });
  const text = area('', { maxlength: LIMITS.source, rows: '8' });
  const written = kind === 'faq' || kind === 'text';
  const fields = [labelled(t(kind === 'faq' ? 'source_question' : 'source_title'), title)];
  if (FETCHED.has(kind)) fields.push(labelled(t('source_url'), url));
  if (written) fields.push(labelled(t('source_text'), text, t('source_text_hint')));
  const again = el('button', { type: 'button', class: 'button', 'data-testid': 'read-again' }, t('read_again'));
  again.addEventListener('click', async () => {
    again.disabled = true;
    await knowledge.readAgain(id).finally(onChanged);
  });
  const element = card({
    t,
    title: source.title || source.url || t(`kind_${kind}`),
    testid: 'source-card',
    fields,
    extra: FETCHED.has(kind) ? again : null,
    read: () => ({
      ...(title.value.trim() ? { title: title.value.trim() } : {}),
      ...(FETCHED.has(kind) ? { url: url.value.trim() } : {}),
      ...(written && text.value.trim() ? { text: text.value.trim() } : {}),
    }),
    save: async (values) => {
      await knowledge.save(values, id);
      onChanged();
    },
    remove: async () => {
      await knowledge.remove(id);
      onChanged();
    },
  });
  element.addEventListener(
    'toggle',
    async () => {
      if (written) text.value = (await knowledge.source(id)).text;
    },
    { once: true },
  );
  const state = el('span', { class: 'source__state', 'data-state': source.state, 'data-testid': 'source-state' }, stateWords(t, source));
  const when = source.checked_at ? t('checked_at', { moment: clock.moment(source.checked_at) }) : '';
  element.querySelector('summary').append(el('span', { class: 'source__about' }, `${t(`kind_${kind}`)} · `, state, when && ` · ${when}`));
  return element;
}

/** The form for a new source. @param {Options} options */
export function newSource({ knowledge, t, onChanged }) {
  const kind = choice('faq', ['faq', 'text', 'page', 'site', 'file'].map((name) => [name, t(name === 'file' ? 'source_file' : `kind_${name}`)]));
  kind.dataset.testid = 'source-kind';
  const title = input('', { maxlength: LIMITS.title, 'data-testid': 'source-title' });
  const text = area('', { maxlength: LIMITS.source, rows: '5', 'data-testid': 'source-text' });
  const url = input('', { type: 'url', maxlength: LIMITS.url, placeholder: 'https://', 'data-testid': 'source-url' });
  const file = el('input', { type: 'file', class: 'input', accept: '.pdf,.docx,.txt,.md', 'data-testid': 'source-file' });
  const titleField = labelled(t('source_question'), title);
  const textField = labelled(t('source_text'), text, t('source_text_hint'));
  const urlField = labelled(t('source_url'), url);
  const fileField = labelled(t('source_file'), file);
  const arrange = () => {
    const { value } = kind;
    titleField.querySelector('.field__label').textContent = t(value === 'faq' ? 'source_question' : 'source_title');
    titleField.hidden = FETCHED.has(value);
    textField.hidden = value !== 'faq' && value !== 'text';
    urlField.hidden = !FETCHED.has(value);
    fileField.hidden = value !== 'file';
  };
  kind.addEventListener('change', arrange);
  arrange();
  const save = async () => {
    const { value } = kind;
    const named = title.value.trim();
    const [chosen] = file.files;
    if (value === 'file' && chosen) {
      const ending = chosen.name.split('.').pop().toLowerCase();
      await knowledge.upload(chosen, FILES[ending] ?? 'text', named || chosen.name.slice(0, LIMITS.title));
    } else {
      const fields = FETCHED.has(value) ? { url: url.value.trim() } : { ...(named ? { title: named } : {}), text: text.value.trim() };
      await knowledge.save({ kind: value === 'file' ? 'text' : value, ...fields });
    }
    element.querySelector('form').reset();
    arrange();
    onChanged();
  };
  const fields = [labelled(t('kind'), kind), titleField, textField, urlField, fileField];
  const element = card({ t, title: t('new_source'), testid: 'source-new', fields, read: () => ({}), save, isNew: true });
  return element;
}

/** @param {import('../../shared/i18n.js').Translate} t @param {Wire.Source} source */
function stateWords(t, { state, failure, passages }) {
  if (state !== 'failed' || !failure) return t(`state_${state}`, { n: passages });
  const key = `trouble_${failure.code}`;
  const why = t(key, failure.params ?? {});
  return t('state_failed', { why: why === key ? t('trouble_other') : why });
}

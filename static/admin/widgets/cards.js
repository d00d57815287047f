import { el } from '../../shared/dom.js';
import { area, choice, input, labelled } from '../../shared/fields.js';
import { inLanguage, languageName } from '../../shared/i18n.js';
import { LANGUAGES, LIMITS } from '../../shared/limits.js';
import { card } from '../parts/card.js';
import { copyButton } from '../parts/copy-button.js';

/** A server that nobody else's browser finds. */
const LOCAL = /\bhttps?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/"]/i;

/** The code to paste, with a button that copies it. */
function embedCode(t, code) {
  const attributes = { readonly: true, rows: '4', spellcheck: 'false', class: 'input input--code' };
  const shown = area(code, { ...attributes, 'data-testid': 'embed-code' });
  const local = el('p', { class: 'field__hint', 'data-testid': 'code-local' }, t('code_local'));
  const show = (text) => {
    shown.value = text;
    local.hidden = !LOCAL.test(text);
  };
  show(code);
  return { shown, show, element: el('div', { class: 'card__code' }, labelled(t('embed_code'), shown), local, copyButton(t, shown)) };
}

/** A control for each language. @returns {{language: import('../../shared/limits.js').Language, control: any}[]} */
function byLanguage(texts, make) {
  return LANGUAGES.map((language) => ({ language, control: make(inLanguage(texts, language, '')) }));
}

/** The controls, each under the name of its language. */
function languageGroup(t, controls) {
  const fields = controls.map(({ language, control }) => {
    control.lang = language;
    return labelled(languageName(language), control);
  });
  const legend = el('legend', { class: 'field__hint' }, t('by_language'));
  return el('fieldset', { class: 'card__languages' }, legend, el('div', { class: 'card__row' }, ...fields));
}

/** What stands in the controls, by language. */
function textsOf(controls) {
  return Object.fromEntries(controls.map(({ language, control }) => [language, control.value.trim()]));
}

/** The site of an address that was copied from the browser. @param {string} text */
function siteOf(text) {
  return text.replace(/^https?:\/\//i, '').replace(/[/?#].*$/, '');
}

function widgetFields(t, widget, assistants) {
  return {
    assistant: choice(widget?.assistant_id ?? assistants[0].id, assistants.map(({ id, name }) => [id, name])),
    titles: byLanguage(widget?.titles, (title) => input(title, { maxlength: LIMITS.person })),
    name: input(widget?.name ?? '', { maxlength: LIMITS.person }),
    domains: area((widget?.allowed_domains ?? []).join('\n'), { spellcheck: 'false', 'data-testid': 'domains' }),
    theme: input(widget?.theme ?? '#2563eb', { type: 'color', class: 'input input--color' }),
    type: choice(widget?.type ?? 'floating', [['floating', t('floating')], ['inline', t('inline')]]),
    position: choice(widget?.position ?? 'bottom-right', [
      ['bottom-right', t('bottom_right')],
      ['bottom-left', t('bottom_left')],
    ]),
    locale: choice(widget?.locale ?? '', [['', t('by_browser')], ...LANGUAGES.map((language) => [language, languageName(language)])]),
  };
}

/**
 * A widget, or the form for a new one when `widget` is null.
 * @param {object} options
 * @param {import('../api.js').PanelApi} options.api
 * @param {(key: string, params?: object) => string} options.t
 * @param {Wire.Widget|null} options.widget
 * @param {Wire.Assistant[]} options.assistants
 * @param {boolean} options.open whether the card is unfolded
 * @param {() => void} options.onListChanged
 */
export function widgetCard({ api, t, widget, assistants, open, onListChanged }) {
  const form = widgetFields(t, widget, assistants);
  form.assistant.disabled = widget !== null;
  const code = widget && embedCode(t, widget.embed_code);
  const domains = () => form.domains.value.split(/[\s,]+/).map(siteOf).filter(Boolean);
  const read = () => ({
    ...(widget ? {} : { assistant_id: Number(form.assistant.value) }),
    name: form.name.value.trim(),
    titles: textsOf(form.titles),
    allowed_domains: domains(),
    theme: form.theme.value,
    type: form.type.value,
    position: form.position.value,
    locale: form.locale.value || null,
  });
  const save = async (fields) => {
    const saved = await api.save('widgets', fields, widget?.id);
    if (!widget) {
      onListChanged();
      return t('saved');
    }
    const changed = saved.allowed_domains.join() !== widget.allowed_domains.join();
    widget = saved;
    form.domains.value = saved.allowed_domains.join('\n');
    code.show(saved.embed_code);
    return t(changed ? 'saved_domains' : 'saved');
  };
  const remove = async () => {
    await api.remove('widgets', widget.id);
    onListChanged();
  };
  const fields = [
    labelled(t('widget_name'), form.name, t('all_languages')),
    languageGroup(t, form.titles),
    labelled(t('assistant'), form.assistant),
    labelled(t('domains'), form.domains, t('domains_hint')),
    el(
      'div',
      { class: 'card__row' },
      labelled(t('theme'), form.theme),
      labelled(t('type'), form.type),
      labelled(t('position'), form.position),
      labelled(t('language'), form.locale),
    ),
  ];
  const title = widget ? widget.name || t('widget', { id: widget.id }) : t('new_widget');
  return card({
    t,
    title,
    testid: widget ? 'widget-card' : 'widget-new',
    fields,
    extra: code?.element,
    read,
    save,
    remove: widget && remove,
    isNew: !widget,
    open,
  });
}

/**
 * An assistant, or the form for a new one when `assistant` is null.
 * @param {object} options
 * @param {import('../api.js').PanelApi} options.api
 * @param {(key: string, params?: object) => string} options.t
 * @param {Wire.Assistant|null} options.assistant
 * @param {() => void} options.onListChanged
 */
export function assistantCard({ api, t, assistant, onListChanged }) {
  const name = input(assistant?.name ?? '', { required: true, maxlength: LIMITS.person });
  const greeting = area(assistant?.greeting ?? '', { maxlength: LIMITS.greeting, rows: '2' });
  const greetings = byLanguage(assistant?.greetings, (text) => area(text, { maxlength: LIMITS.greeting, rows: '2' }));
  const save = async (fields) => {
    await api.save('assistants', fields, assistant?.id);
    onListChanged();
    return t('saved');
  };
  const remove = async () => {
    await api.remove('assistants', assistant.id);
    onListChanged();
  };
  return card({
    t,
    title: assistant?.name ?? t('new_assistant'),
    testid: assistant ? 'assistant-card' : 'assistant-new',
    fields: [
      labelled(t('name'), name),
      labelled(t('greeting'), greeting, t('all_languages')),
      languageGroup(t, greetings),
    ],
    read: () => ({ name: name.value.trim(), greeting: greeting.value.trim(), greetings: textsOf(greetings) }),
    save,
    remove: assistant && remove,
    isNew: !assistant,
  });
}

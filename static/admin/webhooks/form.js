import { el } from '../../shared/dom.js';
import { checked, input, labelled } from '../../shared/fields.js';
import { LIMITS } from '../../shared/limits.js';
import { faultWords, problemWords } from '../../shared/problem-words.js';
import { eventWords } from './words.js';

/** Check boxes for what a webhook listens to. Whoever takes a group has its types, and those to come, with it. */
class EventChoice {
  #groups = [];

  /** @param {{groups: Wire.EventGroup[], chosen: string[], t: import('../../shared/i18n.js').Translate}} options */
  constructor({ groups, chosen, t }) {
    this.element = el('div', { class: 'events' });
    for (const { group, types } of groups) {
      const all = this.#box(group, chosen, t('events_all', { group: eventWords(group, t) ?? group }));
      const each = types.map((type) => this.#box(type, chosen, eventWords(type, t) ?? type));
      all.box.addEventListener('change', () => this.#cover(all, each));
      this.#groups.push({ all, each });
      this.#cover(all, each);
      const boxes = each.map(({ label }) => label);
      this.element.append(
        el('div', { class: 'events__group' }, all.label, el('div', { class: 'events__types' }, ...boxes)),
      );
    }
  }

  /** The names that are chosen. @returns {string[]} */
  get names() {
    return this.#groups
      .flatMap(({ all, each }) => (all.box.checked ? [all] : each.filter(({ box }) => box.checked)))
      .map(({ name }) => name);
  }

  /** The first box. */
  focus() {
    this.#groups[0]?.all.box.focus();
  }

  #box(name, chosen, words) {
    const box = el('input', { type: 'checkbox', value: name, 'data-testid': `event-${name}` });
    box.checked = chosen.includes(name);
    const label = checked(words, box, name);
    return { name, box, label, own: box.checked };
  }

  #cover(all, each) {
    for (const one of each) {
      if (all.box.checked && !one.box.disabled) one.own = one.box.checked;
      one.box.checked = all.box.checked || one.own;
      one.box.disabled = all.box.checked;
    }
  }
}

/** A field with a place for what is wrong with it. */
function checkedField(name, element, control) {
  const problem = el('p', {
    class: 'field__problem',
    id: `webhook-${name}-problem`,
    role: 'alert',
    'data-testid': `problem-${name}`,
  });
  control.setAttribute('aria-describedby', problem.id);
  const tell = (words) => {
    problem.textContent = words;
    if (words) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  };
  return { element: el('div', { class: 'webhook-form__field' }, element, problem), control, tell };
}

/** The form of a webhook: what the server has against a field is told at the field. */
export class WebhookForm {
  #options;
  #url;
  #description;
  #events;
  #fields;
  #submit;
  #told = el('p', { class: 'card__told', role: 'status', 'data-testid': 'webhook-told' });

  /**
   * @param {object} options
   * @param {(key: string, params?: object) => string} options.t
   * @param {{group: string, types: string[]}[]} options.groups
   * @param {{url: string, description: string, events: string[]}|null} options.hook null for a new one
   * @param {(fields: object) => Promise<string>} options.save returns what to tell
   */
  constructor(options) {
    this.#options = options;
    const { t, groups, hook } = options;
    this.#url = input(hook?.url ?? '', {
      type: 'url',
      required: true,
      maxlength: LIMITS.url,
      spellcheck: 'false',
      autocomplete: 'off',
      placeholder: 'https://crm.example/replyx',
      'data-testid': 'webhook-url',
    });
    this.#description = input(hook?.description ?? '', { maxlength: LIMITS.purpose, 'data-testid': 'webhook-description' });
    this.#events = new EventChoice({ groups, chosen: hook?.events ?? [], t });
    const group = el(
      'fieldset',
      { class: 'webhook-form__events' },
      el('legend', { class: 'field__label' }, t('hook_events')),
      el('p', { class: 'field__hint' }, t('hook_events_hint')),
      this.#events.element,
    );
    this.#fields = {
      url: checkedField('url', labelled(t('hook_url'), this.#url, t('hook_url_hint')), this.#url),
      description: checkedField(
        'description',
        labelled(t('hook_description'), this.#description, t('hook_description_hint')),
        this.#description,
      ),
      events: checkedField('events', group, group),
    };
    this.#submit = el(
      'button',
      { class: 'button button--primary', 'data-testid': 'webhook-save' },
      t(hook ? 'save' : 'hook_add'),
    );
    this.element = el(
      'form',
      { class: 'webhook-form', onsubmit: (event) => this.#attempt(event), 'data-testid': 'webhook-form' },
      ...Object.values(this.#fields).map(({ element }) => element),
      el('div', { class: 'card__foot' }, this.#submit, this.#told),
    );
  }

  /** Puts the focus into the first field. */
  focus() {
    this.#url.focus();
  }

  async #attempt(event) {
    event.preventDefault();
    const { t, save } = this.#options;
    for (const field of Object.values(this.#fields)) field.tell('');
    this.#told.textContent = '';
    const fields = {
      url: this.#url.value.trim(),
      description: this.#description.value.trim(),
      events: this.#events.names,
    };
    if (fields.events.length === 0) {
      this.#fields.events.tell(t('hook_events_none'));
      this.#events.focus();
      return;
    }
    this.#submit.disabled = true;
    try {
      this.#told.textContent = await save(fields);
      this.#told.dataset.kind = 'done';
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#submit.disabled = false;
    }
  }

  #refused(error) {
    const { t } = this.#options;
    let first = null;
    for (const fault of error.errors ?? []) {
      const known = this.#fields[fault.field.split(/[.[]/)[0]];
      if (!known) continue;
      known.tell(faultWords(fault, t));
      first ??= known;
    }
    if (first) {
      if (first === this.#fields.events) this.#events.focus();
      else first.control.focus();
      return;
    }
    this.#told.textContent = problemWords(error, t);
    this.#told.dataset.kind = 'problem';
  }
}

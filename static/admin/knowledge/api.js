import { knowledgeUrls } from '../../shared/urls.js';

/** The knowledge of one assistant, as the panel asks for it and teaches it. */
export class KnowledgeApi {
  #api;
  #urls;

  /** @param {import('../api.js').PanelApi} api @param {number} assistantId */
  constructor(api, assistantId) {
    this.#api = api;
    this.#urls = knowledgeUrls(assistantId);
  }

  /** Every source, oldest first. @returns {Promise<Wire.Source[]>} */
  async sources() {
    const found = [];
    for (let after = 0; after !== null; ) {
      const page = await this.#api.get(this.#urls.sources(null, { limit: 200, after }));
      found.push(...page.items);
      after = page.next;
    }
    return found;
  }

  /** @param {number} id @returns {Promise<Wire.SourceWithText>} */
  source(id) {
    return this.#api.get(this.#urls.sources(id));
  }

  /** Adds without an `id`, changes with one. @param {object} fields @param {number} [id] @returns {Promise<Wire.SourceWithText>} */
  save(fields, id) {
    return this.#api.change(id === undefined ? 'POST' : 'PATCH', this.#urls.sources(id), fields);
  }

  /** @param {File} file @param {'pdf'|'docx'|'text'} kind @param {string} title @returns {Promise<Wire.SourceWithText>} */
  upload(file, kind, title) {
    return this.#api.change('POST', this.#urls.file({ kind, title }), file);
  }

  /** @param {number} id */
  remove(id) {
    return this.#api.change('DELETE', this.#urls.sources(id));
  }

  /** Fetches a page or a site now. @param {number} id */
  readAgain(id) {
    return this.#api.change('POST', this.#urls.read(id));
  }

  /** What would be answered. @param {string} question @returns {Promise<Wire.Answer>} */
  ask(question) {
    return this.#api.change('POST', this.#urls.ask, { question });
  }

  /** Lets a question lead to a passage. @param {number} passageId @param {string} text */
  tie(passageId, text) {
    return this.#api.change('POST', this.#urls.askedAs(passageId), { text });
  }

  /** Questions that nothing was quoted for. @returns {Promise<Wire.GapGroup[]>} */
  async gaps() {
    return (await this.#api.get(this.#urls.gaps())).items;
  }

  /** @param {number} id @param {Wire.GapAnswer} answer */
  answerGap(id, answer) {
    return this.#api.change('POST', this.#urls.gapAnswer(id), answer);
  }

  /** @param {number} id */
  closeGap(id) {
    return this.#api.change('DELETE', this.#urls.gaps(id));
  }
}

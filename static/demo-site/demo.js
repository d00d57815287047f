import { pickLocale } from '../shared/i18n.js';

/** English words of the page; the Russian ones stand in its markup. */
const ENGLISH = {
  title: 'Raw Edge, ceramics from Vologda',
  logo: 'Raw Edge',
  nav: 'Sections',
  catalogue: 'Catalogue',
  delivery: 'Delivery',
  studio: 'Studio',
  cart: 'Basket',
  hero_title: 'Tableware with a living glaze, for every day',
  hero_text: 'Thrown and fired in Vologda since 2014. Everything is fit for the oven and the dishwasher, and no two pieces are alike.',
  hero_link: 'See the catalogue',
  catalogue_title: 'On the shelf now',
  buy: 'Add to basket',
  mug: '“After the snow” mug',
  mug_text: '350 ml, a thin rim',
  mug_price: '€21',
  bowl: 'Soup bowl',
  bowl_text: '600 ml, keeps the heat',
  bowl_price: '€26',
  vase: '“Pines” vase',
  vase_text: '24 cm tall',
  vase_price: '€52',
  plate: '“Lake” plate',
  plate_text: 'Ø 26 cm, a set of two',
  plate_price: '€42',
  pot: '“Midnight” teapot',
  pot_text: '900 ml, strainer inside',
  pot_price: '€68',
  jar: 'Jar for grain',
  jar_text: '1.2 l, a tight lid',
  jar_price: '€34',
  delivery_text: 'Within Russia in 3 to 6 days, free from €55. If a piece breaks on the way, we send another.',
  studio_text: 'Vologda, 5 Goncharny Lane. On Saturdays from 11 to 17 you can come by, hold the pieces and drink tea from them.',
  ask_title: 'Not sure about the size?',
  ask_text: 'Write to us, and we take a picture of the piece next to a hand.',
  ask: 'Ask in the chat',
  foot: 'This is the ReplyX demonstration page: the shop is made up, the chat is real. An operator answers in the panel.',
  panel: 'Open the operators’ panel',
};

/** The shop page: its language and a basket that counts. */
class Shop {
  #words = [...document.querySelectorAll(/** @type {'p'} */ ('[data-t]'))].map((node) => ({ node, ru: node.textContent, en: ENGLISH[node.dataset.t] }));
  #title = { ru: document.title, en: ENGLISH.title };
  #button = document.getElementById('language');
  #count = document.getElementById('cart-count');

  connect() {
    this.#speak(pickLocale());
    this.#button.addEventListener('click', () => this.#speak(document.documentElement.lang === 'ru' ? 'en' : 'ru'));
    for (const buy of document.querySelectorAll('[data-buy]')) {
      buy.addEventListener('click', () => (this.#count.textContent = String(Number(this.#count.textContent) + 1)));
    }
    document.getElementById('ask').addEventListener('click', () => window.replyx('open'));
  }

  #speak(locale) {
    const other = locale === 'ru' ? 'en' : 'ru';
    document.documentElement.lang = locale;
    document.title = this.#title[locale];
    for (const word of this.#words) word.node.textContent = word[locale];
    this.#button.textContent = other === 'ru' ? 'Русский' : 'English';
    this.#button.lang = other;
  }
}

// The queue: the widget may arrive later than a press on "Ask in the chat".
window.replyx = window.replyx || function replyx(...command) {
  (window.replyx.q = window.replyx.q || []).push(command);
};
new Shop().connect();

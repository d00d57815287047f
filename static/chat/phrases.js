import { withShared } from '../shared/phrases.js';

/** The chat's words. */
export const phrases = withShared({
  ru: {
    title: 'Чат поддержки',
    intro_title: 'Здравствуйте!',
    intro: 'Задайте вопрос — ответ появится прямо здесь. Страницу можно закрыть: переписка сохранится.',
    you: 'Вы',
    typing_manager: 'Оператор печатает…',
    typing_assistant: 'Ассистент печатает…',
    close_chat: 'Закрыть чат',
    closed: 'Диалог завершён. Новое сообщение откроет его снова.',
    refused: 'Сейчас чат на этой странице недоступен.',
    no_token: 'Эта страница открывается кнопкой чата на сайте.',
    try_again: 'Попробовать ещё раз',
  },
  en: {
    title: 'Support chat',
    intro_title: 'Hello!',
    intro: 'Ask your question, and the answer appears right here. You may close the page: the conversation is kept.',
    you: 'You',
    typing_manager: 'The operator is typing…',
    typing_assistant: 'The assistant is typing…',
    close_chat: 'Close the chat',
    closed: 'This conversation has ended. A new message opens it again.',
    refused: 'The chat is not available on this page now.',
    no_token: 'This page is opened by the chat button of a site.',
    try_again: 'Try again',
  },
});

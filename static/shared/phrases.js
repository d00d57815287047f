import { problems } from './problem-phrases.js';

/** Words that the chat and the operators' panel share. */
export const shared = {
  ru: {
    messages: 'Сообщения',
    older: 'Показать более ранние',
    older_failed: 'Не удалось загрузить. Повторить',
    newer: 'Новые сообщения',
    loading: 'Загрузка…',
    today: 'Сегодня',
    yesterday: 'Вчера',
    pending: 'Отправляется',
    sent: 'Отправлено',
    read: 'Прочитано',
    failed: 'Не отправлено',
    retry: 'Повторить',
    discard: 'Удалить',
    write: 'Напишите сообщение',
    send: 'Отправить',
    left: { one: 'Остался {n} символ', few: 'Осталось {n} символа', many: 'Осталось {n} символов', other: 'Осталось {n} символа' },
    too_long: {
      one: 'Длиннее {max} символов: лишний {n} символ',
      few: 'Длиннее {max} символов: лишние {n} символа',
      many: 'Длиннее {max} символов: лишних {n} символов',
      other: 'Длиннее {max} символов: лишних {n}',
    },
    state_idle: 'Нет связи',
    state_connecting: 'Соединяемся…',
    state_live: 'На связи',
    state_offline: 'Нет связи, повторяем',
    state_refused: 'Сервер отказал в доступе',
    problem_invalid: 'Сообщение не принято.',
    close: 'Закрыть',
    assistant: 'Ассистент',
    operator: 'Оператор',
    system: 'Система',
  },
  en: {
    messages: 'Messages',
    older: 'Show earlier messages',
    older_failed: 'Could not load. Try again',
    newer: 'New messages',
    loading: 'Loading…',
    today: 'Today',
    yesterday: 'Yesterday',
    pending: 'Sending',
    sent: 'Sent',
    read: 'Read',
    failed: 'Not sent',
    retry: 'Retry',
    discard: 'Discard',
    write: 'Write a message',
    send: 'Send',
    left: { one: '{n} character left', other: '{n} characters left' },
    too_long: { one: '{n} character over the limit of {max}', other: '{n} characters over the limit of {max}' },
    state_idle: 'Not connected',
    state_connecting: 'Connecting…',
    state_live: 'Connected',
    state_offline: 'No connection, retrying',
    state_refused: 'The server refused access',
    problem_invalid: 'The message was not accepted.',
    close: 'Close',
    assistant: 'Assistant',
    operator: 'Operator',
    system: 'System',
  },
};

/**
 * The shared words together with a page's own, which win.
 * @param {{ru: import('./i18n.js').Dictionary, en: import('./i18n.js').Dictionary}} own
 */
export function withShared(own) {
  return {
    ru: { ...problems.ru, ...shared.ru, ...own.ru },
    en: { ...problems.en, ...shared.en, ...own.en },
  };
}

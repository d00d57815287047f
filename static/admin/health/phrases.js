/** The words of the page about the installation itself; what is found the server says. */
export const words = {
  ru: {
    health: 'Проверка',
    health_text: 'Что сервер видит у себя и что видит этот браузер по дороге к серверу. Что отсюда не видно (DNS, сертификат, сжатие), проверит команда replyx doctor на сервере.',
    look_again: 'Проверить ещё раз',
    looking: 'Проверяем…',
    all_well: 'Всё в порядке.',
    some_bad: 'Исправить: {bad}. Обратить внимание: {note}.',
    from_inside: 'Сервер',
    from_here: 'Дорога к серверу',
    bad: 'Плохо',
    note: 'Внимание',
    good: 'Хорошо',
  },
  en: {
    health: 'Health',
    health_text: 'What the server sees of itself, and what this browser sees on its way there. What cannot be seen from here (DNS, the certificate, compression) is looked at by the command replyx doctor on the server.',
    look_again: 'Look again',
    looking: 'Looking…',
    all_well: 'All is well.',
    some_bad: 'To mend: {bad}. To look at: {note}.',
    from_inside: 'The server',
    from_here: 'The way to the server',
    bad: 'Bad',
    note: 'Note',
    good: 'Good',
  },
};

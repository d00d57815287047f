/** The visitor as operators see them: by name, else by the dialog's number; of a ticket simply the customer. */
export function visitorName(dialog, t) {
  return dialog.visitor?.name || (dialog.ticket ? t('customer') : t('visitor', { id: dialog.id }));
}

/** What the dialog is called: a ticket by its subject. */
export function dialogTitle(dialog, t) {
  return dialog.ticket?.subject ?? visitorName(dialog, t);
}

/** Who wrote a message, for operators; empty for the visitor, whose name stands above. */
export function writer({ sender, author }, t) {
  return sender === 'user' ? '' : author || t({ manager: 'operator' }[sender] ?? sender);
}

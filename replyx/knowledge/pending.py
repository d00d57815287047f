"""Questions that wait for an answer, and those that nothing was quoted for, in the database.

A question is a row for each dialog: a burst of messages is one question, and a server that is killed forgets none. The
row goes in the transaction that stores the answer, so there is exactly one, whoever else believes that it is its turn.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, exists, select, value
from replyx.delivery.store import Snapshot, Transaction
from replyx.knowledge.words import stems_of
from replyx.schemas.dialogs import AssistantMode
from replyx.schemas.languages import Language

GATHER_MS = 800  # of silence after a message, so that one answer meets all of a burst
LONGEST_MS = 4_000  # that somebody who does not stop writing waits for an answer
RECENT = 60  # messages of a dialog that are looked at


@dataclass(frozen=True, slots=True)
class Pending:
    """A question as whoever answers it needs it; ``locale`` is the visitor's language, if one is known."""

    dialog_id: int
    assistant_id: int
    first_id: int
    last_id: int
    answer_id: str
    asked_at: int
    due_at: int
    mode: AssistantMode
    quote_percent: int
    locale: Language | None


@dataclass(frozen=True, slots=True)
class Line:
    """A message of a dialog."""

    id: int
    sender: str
    text: str
    created_at: int


_PENDING = select(
    Pending,
    models.Question,
    f"JOIN {models.Assistant} ON {models.Assistant.id} = {models.Question.assistant_id}"
    f" JOIN {models.Dialog} ON {models.Dialog.id} = {models.Question.dialog_id}"
    f" LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}",
    mode=models.Assistant.mode,
    quote_percent=models.Assistant.quote_percent,
    locale=models.Visitor.locale,
)
_ONE = _PENDING.where(f"{models.Question.dialog_id} = ?")
_SOON = _PENDING.where(f"{models.Question.due_at} <= ?", f"ORDER BY {models.Question.due_at} LIMIT ?")
_LINES = select(Line, models.Message).where(
    f"{models.Message.dialog_id} = ?", f"ORDER BY {models.Message.id} DESC LIMIT {RECENT}"
)
_ADD = Insert(models.Question)
_MORE = Update(models.Question, f"{models.Question.dialog_id} = ?")
_DROP = Delete(models.Question, f"{models.Question.dialog_id} = ?")
_ASSISTANT = value(
    models.Dialog.assistant_id, f"JOIN {models.Assistant} ON {models.Assistant.id} = {models.Dialog.assistant_id}"
).where(f"{models.Dialog.id} = ? AND {models.Dialog.handler} = 'assistant' AND {models.Assistant.mode} = 'retrieval'")
_ADD_GAP = Insert(models.Gap)
IS_WANTED = exists(models.Assistant, f"{models.Assistant.mode} = 'retrieval'")


def ask(tx: Transaction, dialog_id: int, message_id: int, asked_at: int) -> None:
    """A visitor has written: the dialog's assistant is to answer, if it does so by itself."""
    assistant_id = _ASSISTANT.one(tx, dialog_id)
    if assistant_id is None:
        return
    before = _ONE.one(tx, dialog_id)
    if before is None:
        _ADD.add(
            tx,
            dialog_id=dialog_id,
            assistant_id=assistant_id,
            first_id=message_id,
            last_id=message_id,
            answer_id=secrets.token_hex(16),
            asked_at=asked_at,
            due_at=asked_at + GATHER_MS,
        )
    elif message_id > before.last_id:
        due_at = min(asked_at + GATHER_MS, before.asked_at + LONGEST_MS)
        _MORE.change(tx, dialog_id, last_id=message_id, due_at=max(due_at, before.due_at))


def load(rows: Snapshot, dialog_id: int) -> Pending | None:
    """The question of a dialog."""
    return _ONE.one(rows, dialog_id)


def until(rows: Snapshot, moment_ms: int, limit: int) -> list[Pending]:
    """Questions that are due by then, the first due first."""
    return _SOON.all(rows, moment_ms, limit)


def later(tx: Transaction, dialog_id: int, due_at: int) -> None:
    """Answer at another time."""
    _MORE.change(tx, dialog_id, due_at=due_at)


def drop(tx: Transaction, dialog_id: int) -> None:
    """It is answered, or not ours to answer."""
    _DROP.drop(tx, dialog_id)


def lines(rows: Snapshot, dialog_id: int) -> list[Line]:
    """The newest messages of a dialog, the newest first."""
    return _LINES.all(rows, dialog_id)


def add_gap(tx: Transaction, pending: Pending, text: str, outcome: str) -> None:
    """Keep a question that nothing was quoted for, for whoever fills the sources."""
    _ADD_GAP.add(
        tx,
        assistant_id=pending.assistant_id,
        dialog_id=pending.dialog_id,
        message_id=pending.last_id,
        text=text,
        likeness=" ".join(sorted(set(stems_of(text)))[:12])[:300],
        outcome=outcome,
        closed=False,
        created_at=tx.now_ms,
    )

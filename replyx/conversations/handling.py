"""Who handles a conversation: its assistant, an operator who has just begun to write, or an operator.

Each dialog has a ``turn``, a number that rises in the transaction that changes who is to speak. It is a fence: what an
assistant began in one turn is refused in the next, so nothing of an assistant is stored behind the event of a takeover,
however late it comes and whichever process takes it in.

A visitor's message does not raise it: nothing of an answer that is stored whole is shown before it is there. Where
answers are shown while they come, :func:`by_message` is the place that makes the visitor's next question raise it.
"""

from __future__ import annotations

import math

from msgspec import structs

from replyx.auth import AccountActor, Speaker
from replyx.conversations.dialog_rows import Found
from replyx.errors import NotYourTurn
from replyx.schemas.dialogs import Dialog, timestamp

PAUSE_MS = 60_000  # from an operator's key on: time for a sentence
RENEW_MS = 30_000  # clients tell of typing every few seconds; a pause is prolonged when half of it is over

Columns = dict[str, object]
NOT_PAUSED: Columns = {"paused_until": None, "paused_by": None}


def check_turn(found: Found, turn: int | None, now_ms: int) -> None:
    """Whether the dialog's assistant may speak, in ``turn`` if it names one. Raises :class:`NotYourTurn`."""
    check_number(found, turn)
    if found.handler != "assistant":
        raise NotYourTurn("An operator answers in this dialog, until it is given back to the assistant.")
    if found.paused_until is not None and found.paused_until > now_ms:
        wait_s = math.ceil((found.paused_until - now_ms) / 1000)
        raise NotYourTurn("An operator is writing in this dialog.", retry_after=wait_s)


def check_number(found: Found, turn: int | None) -> None:
    """Whether ``turn``, if it is named, is the one that the dialog is in. Raises :class:`NotYourTurn`."""
    if turn not in (None, found.turn):
        raise NotYourTurn(f"Turn {turn} is not the one of this dialog, which is {found.turn}.")


def by_message(found: Found, by: Speaker) -> Columns:
    """What a message changes about who answers: an operator who writes has taken the dialog over.

    Whoever it is assigned to keeps it: writing displaces nobody.
    """
    if not isinstance(by, AccountActor) or not by.is_operator:
        return {}
    taken: Columns = {} if found.handler == "manager" else {"handler": "manager", **NOT_PAUSED}
    return taken if found.assignee_id is not None else {**taken, "assignee_id": by.account_id}


def is_to_pause(found: Found, now_ms: int) -> bool:
    """Whether an operator's key makes the assistant quiet, or quiet for longer."""
    return found.handler == "assistant" and (found.paused_until or 0) - now_ms < RENEW_MS


def pause(by: AccountActor, now_ms: int) -> Columns:
    """An operator has begun to write: the assistant is quiet for a while."""
    return {"paused_until": now_ms + PAUSE_MS, "paused_by": by.name}


def takeover(by: AccountActor) -> Columns:
    """The operator answers from now on."""
    return {"handler": "manager", "assignee_id": by.account_id, **NOT_PAUSED}


def release() -> Columns:
    """The assistant answers again."""
    return {"handler": "assistant", "assignee_id": None, **NOT_PAUSED}


def raises_turn(before: Dialog, after: Dialog, now_ms: int) -> bool:
    """Whether somebody else is to speak after a change: what was begun before it must not be said any more."""
    taken = after.handler == "manager" and after.assignee is not None and after.assignee != before.assignee
    closed = after.status == "closed" != before.status
    return after.handler != before.handler or taken or closed or _paused(after, now_ms) != _paused(before, now_ms)


def is_only_pause(before: Dialog, after: Dialog) -> bool:
    """Whether nothing but a pause began, went on or ended: that an operator has pressed a key is not for visitors."""
    shown = structs.replace(
        after,
        turn=before.turn,
        updated_at=before.updated_at,
        paused_until=before.paused_until,
        paused_by=before.paused_by,
    )
    return shown == before


def _paused(dialog: Dialog, now_ms: int) -> bool:
    return dialog.paused_until is not None and dialog.paused_until > timestamp(now_ms)

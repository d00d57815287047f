"""The words that search knows: of each message, and of the subject or the name of each dialog.

They are written with what they are of. What an older version of this program wrote, by another rule, is written anew
beside the running server: a piece at a time, the newest first, by one process of all. A piece and the place that was
reached are one commit, so whoever goes on after a kill goes on there, and search answers meanwhile from what is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replyx import tasks
from replyx.conversations.search_words import words_of
from replyx.database import models
from replyx.database.rows import Delete, Insert, Select, computed, replacing, select, value
from replyx.delivery.leases import RENEW_S, Lease
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.search")

RULE = 2  # the rule by which words are made; a new number makes all of them anew
AT_ONCE = 200
PAUSE_S = 0.02  # between two pieces: who sends meanwhile waits for one piece at most
LEASE = "search"

_STATE = value(models.Installation.value).where(f"{models.Installation.key} = ?")
_SET_STATE = Insert(models.Installation, replacing(models.Installation.key, models.Installation.value))
_SET_DIALOG = Insert(models.DialogWords, replacing(models.DialogWords.dialog_id, models.DialogWords.words))
_DROP_DIALOG = Delete(models.DialogWords, f"{models.DialogWords.dialog_id} = ?")
_WORDS = models.Message.words
_SET_MESSAGE = f"UPDATE {models.Message} SET {_WORDS.name} = ? WHERE {models.Message.id} = ? AND {_WORDS} <> ?"


@dataclass(frozen=True, slots=True)
class _Said:
    """What is indexed of a message."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class _Titled:
    """What is indexed of a dialog."""

    id: int
    subject: str | None
    name: str | None


_MESSAGES = select(_Said, models.Message).where(
    f"{models.Message.id} < ?", f"ORDER BY {models.Message.id} DESC LIMIT ?"
)
_DIALOGS = select(
    _Titled,
    models.Dialog,
    f"LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}"
    f" LEFT JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Dialog.id}",
    subject=models.Ticket.subject,
    name=models.Visitor.name,
).where(f"{models.Dialog.id} < ? AND {models.Dialog.activity} > 0", f"ORDER BY {models.Dialog.id} DESC LIMIT ?")
_LAST_MESSAGE: Select[int | None] = computed(int, f"MAX({models.Message.id})", models.Message)
_LAST_DIALOG: Select[int | None] = computed(int, f"MAX({models.Dialog.id})", models.Dialog)
# Facts of the installation: the rule and, behind a colon, the id below which words are of another rule.
MESSAGES_FACT, DIALOGS_FACT = "search_messages", "search_dialogs"


def index_dialog(tx: Transaction, dialog_id: int, *titles: str | None) -> None:
    """Let search find the dialog by these texts, and by no others."""
    words = words_of("\n".join(filter(None, titles)))
    if words:
        _SET_DIALOG.add(tx, dialog_id=dialog_id, words=" ".join(words))
    else:
        _DROP_DIALOG.drop(tx, dialog_id)


class SearchIndex:
    """Brings the index to today's rule, once; nothing is left to do until a new rule comes."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._lease = Lease(store, LEASE, clock)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, or go on where another process or an earlier start stopped."""
        self._task = tasks.start(self._write())

    async def close(self) -> None:
        """Stop; the piece under way is kept or not done."""
        await tasks.stop([self._task])
        with contextlib.suppress(StoreUnavailable):
            await self._lease.release()

    async def piece(self) -> bool:
        """Write one piece; False where there is nothing left."""
        dialogs, messages = await self._store.read(left)
        if dialogs:
            await self._store.commit(lambda tx: _write_dialogs(tx, dialogs))
        elif messages:
            made = await self._store.read(lambda rows: _made(rows, messages))
            await self._store.commit(lambda tx: _write_messages(tx, made))
        return bool(dialogs or messages)

    async def _write(self) -> None:
        pieces = 0
        while True:
            try:
                if any(await self._store.read(left)) and not await self._lease.hold():
                    await asyncio.sleep(RENEW_S)
                elif await self.piece():
                    pieces += 1
                    await asyncio.sleep(PAUSE_S)
                else:
                    break
            except StoreUnavailable:
                log.warning("the index of search waits until the store can be written")
                await asyncio.sleep(RENEW_S)
        if pieces:
            log.info("the index of search was written anew in %d pieces", pieces)
        await asyncio.Event().wait()  # a task that ends would stop the server


def left(rows: Snapshot) -> tuple[int, int]:
    """The ids below which dialogs and messages have words of another rule; 0 for none."""
    return _left(rows, DIALOGS_FACT, _LAST_DIALOG), _left(rows, MESSAGES_FACT, _LAST_MESSAGE)


def _left(rows: Snapshot, fact: str, last: Select[int | None]) -> int:
    rule, _, below = (_STATE.one(rows, fact) or "").partition(":")
    return int(below) if rule == str(RULE) else (last.only(rows) or 0) + 1


def _reached(tx: Transaction, fact: str, ids: Sequence[int]) -> None:
    _SET_STATE.add(tx, key=fact, value=f"{RULE}:{ids[-1] if len(ids) == AT_ONCE else 0}")


def _write_dialogs(tx: Transaction, below: int) -> None:
    found = _DIALOGS.all(tx, below, AT_ONCE)
    for each in found:
        index_dialog(tx, each.id, each.subject, each.name)
    _reached(tx, DIALOGS_FACT, [each.id for each in found])


def _made(rows: Snapshot, below: int) -> list[tuple[int, str]]:
    """The words of a piece of messages, made outside of the commit: a text does not change."""
    return [(each.id, " ".join(words_of(each.text))) for each in _MESSAGES.all(rows, below, AT_ONCE)]


def _write_messages(tx: Transaction, made: Sequence[tuple[int, str]]) -> None:
    tx.executemany(_SET_MESSAGE, [(words, message_id, words) for message_id, words in made])
    _reached(tx, MESSAGES_FACT, [message_id for message_id, _ in made])

"""The answerer: answers what visitors write where an assistant's mode is ``retrieval``, as a duty of a follower.

It hears of questions by the log and keeps them as rows (:mod:`replyx.knowledge.pending`). What it says is stored in the
unit that looks once more who is to speak, so nothing of it stands behind a takeover, and no question is answered twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from replyx.auth import AssistantActor
from replyx.conversations.assistants import ANSWERING, ANSWERS
from replyx.conversations.dialog_rows import Found, access
from replyx.conversations.dialog_rules import Rules, Said
from replyx.conversations.messages import add_message, trace
from replyx.conversations.search_words import words_of
from replyx.delivery.eventlog import Entry
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DialogNotFound, NotYourTurn
from replyx.knowledge import pending, sentences
from replyx.knowledge.asking import Outcome, Verdict, decide
from replyx.knowledge.pending import Line, Pending
from replyx.knowledge.words import language_of_text, stems_of
from replyx.schemas import events
from replyx.schemas.dialogs import MessageSource, Sender
from replyx.schemas.languages import DEFAULT, Language

log = logging.getLogger("replyx.knowledge")

WORKERS = 4
QUESTION_CHARS = 1_000  # of a burst; what is behind them does not change what is meant
OFTEN = 20  # answers within the time below: then somebody, or some bot, goes in circles
OFTEN_MS = 600_000
# What is said to end a conversation; an answer to it would begin one.
_THANKS = """
спасибо благодарю спс ок окей ясно понятно хорошо отлично супер пока свидания до вам большое
thanks thank you ok okay great good bye cool thx much so very
"""
THANKS = frozenset(_THANKS.split())


class _Heard(msgspec.Struct, tag_field="type", tag="message:new"):
    """What of a new message matters here."""

    dialog_id: int
    message: _HeardMessage
    ticket_id: str | UnsetType = UNSET


class _HeardMessage(msgspec.Struct):
    id: int
    sender: Sender


_hear = msgspec.json.Decoder(_Heard).decode


@dataclass(frozen=True, slots=True)
class Reply:
    """What is to be said to a question; ``hands_off`` also lets people answer from now on."""

    text: str
    outcome: Outcome
    hands_off: bool = False
    sources: tuple[MessageSource, ...] = ()
    suggestions: tuple[str, ...] = ()


class Answerer:
    """The duty (:class:`replyx.delivery.followers.Duty`) of answering: each question exactly once.

    ``wake`` is the follower's; it is called when the next question becomes due.
    """

    name = ANSWERING
    workers = WORKERS

    def __init__(self, store: Store, rules: Rules, clock: Callable[[], float]) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self.wake: Callable[[], None] = lambda: None

    def wanted(self, reading: Snapshot) -> bool:
        """Whether an assistant answers by itself."""
        return pending.IS_WANTED(reading)

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[int]:
        """Keep what visitors have asked; what somebody else has answered is no question any more."""
        for entry in entries:
            # a bot's broadcast may have any type and any form
            if events.is_broadcast(entry.topics) or b'"type":"message:new"' not in entry.payload:
                continue
            heard = _hear(entry.payload)
            if heard.ticket_id is not UNSET:
                continue
            if heard.message.sender == "user":
                pending.ask(tx, heard.dialog_id, heard.message.id, entry.created_at)
            elif heard.message.sender in ("manager", "assistant"):
                waiting = pending.load(tx, heard.dialog_id)
                if waiting is not None and waiting.last_id < heard.message.id:
                    pending.drop(tx, heard.dialog_id)
        return ()

    async def jobs(self, found: Sequence[int], under_way: Sequence[int]) -> AsyncIterator[int]:
        """The dialogs whose question is due."""
        now_ms = int(self._clock() * 1000)
        most = WORKERS * 4 + len(under_way)
        soon = await self._store.read(lambda reading: pending.until(reading, now_ms + 1_000, most))
        coming = [each.due_at for each in soon if each.due_at > now_ms]
        if coming:
            asyncio.get_running_loop().call_later((min(coming) - now_ms) / 1000 + 0.01, self.wake)
        for each in soon:
            if each.due_at <= now_ms and each.dialog_id not in under_way:
                yield each.dialog_id

    async def do(self, dialog_id: int) -> None:
        """Answer one question, or let it be where it is not the assistant's turn."""
        asked, reply = await self._store.read(lambda reading: _prepared(reading, dialog_id))
        if asked is None:
            return
        message_id = await self._store.commit(lambda tx: self._say(tx, asked, reply))
        if message_id is not None and reply is not None:
            trace(_actor(asked, "assistant"), dialog_id, message_id)
            log.info("assistant=%d dialog=%d: %s", asked.assistant_id, dialog_id, reply.outcome)

    def _say(self, tx: Transaction, asked: Pending, reply: Reply | None) -> int | None:
        """Store the reply, if it is still wanted; the id of its message."""
        now = pending.load(tx, asked.dialog_id)
        if now is None or now.last_id != asked.last_id:
            return None  # somebody was faster, or there is more to the question by now
        actor = _actor(asked, "assistant")
        try:
            found = access(tx, actor, asked.dialog_id)
            rules = self._rules[found.kind]
            rules.check_turn(found, None, tx.now_ms)
        except NotYourTurn:
            self._wait_or_drop(tx, found)
            return None
        except DialogNotFound:
            found = None
        pending.drop(tx, asked.dialog_id)
        if found is None or reply is None or found.status == "closed" or now.mode != ANSWERS:
            return None
        if reply.hands_off:
            rules.change(tx, asked.dialog_id, actor, handler="manager", assignee_id=None)
            actor = _actor(asked, "system")
            found = access(tx, actor, asked.dialog_id)
        said = Said(
            reply.text,
            asked.answer_id,
            sources=list(reply.sources) or UNSET,
            suggestions=list(reply.suggestions) or UNSET,
        )
        if reply.outcome in ("offer", "nothing"):
            pending.add_gap(tx, asked, _question(pending.lines(tx, asked.dialog_id), asked), reply.outcome)
        return add_message(tx, rules, actor, found, said).message.id

    def _wait_or_drop(self, tx: Transaction, found: Found) -> None:
        """An operator writes, and may stop; or has taken the dialog over."""
        if found.handler == "assistant" and found.paused_until is not None:
            pending.later(tx, found.dialog_id, found.paused_until)
        else:
            pending.drop(tx, found.dialog_id)


def _actor(asked: Pending, sender: Sender) -> AssistantActor:
    return AssistantActor(asked.assistant_id, sender)


def _prepared(reading: Snapshot, dialog_id: int) -> tuple[Pending | None, Reply | None]:
    """A question and what is to be said to it; None for what wants no answer."""
    asked = pending.load(reading, dialog_id)
    if asked is None:
        return None, None
    lines = pending.lines(reading, dialog_id)
    question = _question(lines, asked)
    words = words_of(question)
    if not words or THANKS.issuperset(words):
        return asked, None
    language = language_of_text(question) if any(map(str.isalpha, question)) else asked.locale or DEFAULT
    verdict = decide(reading, asked.assistant_id, question, asked.quote_percent / 100)
    if verdict.outcome == "nothing" and not stems_of(question):
        return asked, Reply(sentences.GREETED[language], "quote", suggestions=(sentences.PERSON[language],))
    return asked, _reply(verdict, language, goes_in_circles=_goes_in_circles(lines, asked))


def _question(lines: Sequence[Line], asked: Pending) -> str:
    """What the visitor wrote since the last answer."""
    own = [line.text for line in lines if line.sender == "user" and asked.first_id <= line.id <= asked.last_id]
    return "\n".join(own[::-1])[-QUESTION_CHARS:]


def _goes_in_circles(lines: Sequence[Line], asked: Pending) -> bool:
    """Whether the assistant has answered so often that a person should have a look."""
    since = asked.asked_at - OFTEN_MS
    return sum(line.sender == "assistant" and line.created_at > since for line in lines) >= OFTEN


def _reply(verdict: Verdict, language: Language, goes_in_circles: bool) -> Reply:
    person = sentences.PERSON[language]
    if goes_in_circles or verdict.outcome == "person":
        return Reply(sentences.CALLED[language], "person", hands_off=True)
    if verdict.outcome == "nothing":
        return Reply(sentences.UNKNOWN[language], "nothing", hands_off=True)
    if verdict.outcome == "quote":
        passage = verdict.hits[0].passage
        source = MessageSource(passage.title, passage.url or None, passage.dated)
        text = sentences.quoted(passage.text, passage.title, passage.url)
        return Reply(text, "quote", sources=(source,), suggestions=(person,))
    same = [hit for hit in verdict.hits if hit.passage.language == language]
    headings = list(dict.fromkeys(hit.passage.title for hit in same or verdict.hits))
    return Reply(sentences.offer(headings, language), "offer", suggestions=(*headings, person))

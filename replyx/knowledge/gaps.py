"""Questions that nothing was quoted for, those that ask for the same together, and how one is closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replyx.conversations import assistants
from replyx.database import models
from replyx.database.rows import Update, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import GapNotFound
from replyx.knowledge import questions, rows, sources
from replyx.knowledge.schemas import GapAnswer, GapGroup, GapQuery, SourceWithText
from replyx.schemas.dialogs import Page, timestamp

LOOKED_AT = 1_000  # of the newest open gaps
ALIKE = 0.5  # of the words that two questions have, the share that both have
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class _Gap:
    id: int
    dialog_id: int
    text: str
    likeness: str
    outcome: str
    created_at: int


_OPEN = select(_Gap, models.Gap).where(
    f"{models.Gap.assistant_id} = ? AND {models.Gap.closed} = ?", f"ORDER BY {models.Gap.id} DESC LIMIT {LOOKED_AT}"
)
_CLOSE = Update(models.Gap, f"{models.Gap.id} = ?")


class Gaps:
    """Keeps gaps. Methods raise :class:`AssistantNotFound` and :class:`GapNotFound` for unknown ids.

    ``wake`` is called when there is a new source to be read.
    """

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake

    async def list(self, assistant_id: int, query: GapQuery) -> Page[GapGroup]:
        """What is asked for most and not answered, the most frequent first."""

        def read(reading: Snapshot) -> Page[GapGroup]:
            assistants.load(reading, assistant_id)
            groups = sorted(_groups(reading, assistant_id), key=lambda group: (-len(group), -group[0].id))
            return Page([_shown(group) for group in groups[: query.limit]], None)

        return await self._store.read(read)

    async def answer(self, assistant_id: int, gap_id: int, given: GapAnswer) -> SourceWithText:
        """Write an answer: it becomes a source of kind ``faq``, and the gap with all that are like it is closed."""

        def unit(tx: Transaction) -> SourceWithText:
            group = _group(tx, assistant_id, gap_id)
            title = (given.title or group[0].text).strip()
            source_id = sources.add(
                tx,
                assistant_id,
                kind="faq",
                title=title[:300],
                text=given.text.strip(),
                state="waiting",
                next_at=tx.now_ms,
            )
            _close(tx, group)
            return rows.load(tx, assistant_id, source_id)

        made = await self._store.commit(unit)
        self._wake()
        return made

    async def tie(self, assistant_id: int, gap_id: int, passage_id: int) -> None:
        """Let the gap's questions lead to a passage that there is, and close them. Raises :class:`PassageNotFound`."""

        def unit(tx: Transaction) -> None:
            group = _group(tx, assistant_id, gap_id)
            for text in dict.fromkeys(gap.text for gap in group[:EXAMPLES]):
                questions.tie(tx, assistant_id, passage_id, text[:300])
            _close(tx, group)

        await self._store.commit(unit)

    async def close(self, assistant_id: int, gap_id: int) -> None:
        """Nothing is to be answered to it, nor to those that are like it."""
        await self._store.commit(lambda tx: _close(tx, _group(tx, assistant_id, gap_id)))


def _groups(reading: Snapshot, assistant_id: int) -> list[list[_Gap]]:
    """The open gaps, those together that share most of their words; in each the newest first."""
    groups: list[tuple[set[str], list[_Gap]]] = []
    for gap in _OPEN.all(reading, assistant_id, False):
        words = set(gap.likeness.split())
        for known, members in groups:
            if words == known or (words & known and len(words & known) / len(words | known) >= ALIKE):
                members.append(gap)
                break
        else:
            groups.append((words, [gap]))
    return [members for _, members in groups]


def _group(reading: Snapshot, assistant_id: int, gap_id: int) -> list[_Gap]:
    assistants.load(reading, assistant_id)
    for group in _groups(reading, assistant_id):
        if any(gap.id == gap_id for gap in group):
            return group
    raise GapNotFound(f"Assistant {assistant_id} has no open gap {gap_id}.")


def _close(tx: Transaction, group: Sequence[_Gap]) -> None:
    for gap in group:
        _CLOSE.change(tx, gap.id, closed=True)


def _shown(group: Sequence[_Gap]) -> GapGroup:
    newest = group[0]
    texts = list(dict.fromkeys(gap.text for gap in group))
    return GapGroup(
        newest.id,
        newest.text,
        len(group),
        texts[1 : EXAMPLES + 1],
        newest.dialog_id,
        timestamp(group[-1].created_at),
        timestamp(newest.created_at),
    )

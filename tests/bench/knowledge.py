"""What finding a passage costs, by how many there are: ``python -m tests.bench.knowledge``.

An assistant with 2,000 and one with 20,000 passages of made-up words, as frequent as words of a language are, on
SQLite in a scratch directory. Questions are words of a passage, one of them with a typing error. It needs the ``test``
extra.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from replyx.conversations import assistants
from replyx.conversations.assistants import NewAssistant
from replyx.delivery.store import Store
from replyx.knowledge import finding, rows, sources
from replyx.knowledge.cutting import Cut
from replyx.knowledge.index import weighed

WORDS = 30_000
LENGTH = 40
TITLE = 4
QUESTIONS = 300
ASKED = 5
SIZES = (2_000, 20_000)


def vocabulary(chance: random.Random) -> list[str]:
    """Words that can be said, each once."""
    found: dict[str, None] = {}
    while len(found) < WORDS:
        syllables = (
            "".join((chance.choice("бвгдзклмнпрст"), chance.choice("аеиоу"))) for _ in range(chance.randint(2, 4))
        )
        found["".join(syllables)] = None
    return list(found)


def filled(path: Path, size: int, chance: random.Random) -> tuple[Store, int, list[str]]:
    """A store with an assistant that has ``size`` passages, and questions for it."""
    known = vocabulary(chance)
    weights = list(accumulate(1 / (place + 3) for place in range(WORDS)))
    store = Store.open(path, time.time)
    assistant = store.change(lambda tx: assistants.create(tx, NewAssistant("bench")))
    source_id = store.change(lambda tx: sources.add(tx, assistant.id, kind="text", title="bench", state="ready"))
    task = store.query(lambda reading: rows.task(reading, source_id))
    assert task is not None
    texts = [chance.choices(known, cum_weights=weights, k=LENGTH + TITLE) for _ in range(size)]
    for start in range(0, size, 200):
        some = [
            (Cut(title, text, "", "", "ru", None), weighed(title, text))
            for words in texts[start : start + 200]
            for title, text in [(" ".join(words[:TITLE]), " ".join(words[TITLE:]))]
        ]
        store.change(lambda tx, start=start, some=some: rows.add(tx, task, start, some))  # type: ignore[misc]
    store.change(lambda tx: rows.put_in_force(tx, task, [], [], {"state": "ready"}))
    questions = []
    for _ in range(QUESTIONS):
        words = chance.sample(chance.choice(texts), ASKED)
        wrong = max(words, key=len)
        words[words.index(wrong)] = wrong[:2] + wrong[3:]
        questions.append(" ".join(words))
    return store, assistant.id, questions


def measured(store: Store, assistant_id: int, questions: Sequence[str]) -> list[float]:
    """How many milliseconds each question took."""
    took = []
    for question in questions:
        began = time.perf_counter()
        store.query(partial(finding.find, assistant_id=assistant_id, question=question))
        took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """Measure and print."""
    for size in SIZES:
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "bench.db"
            store, assistant_id, questions = filled(path, size, random.Random(7))  # noqa: S311 - no secret
            took = measured(store, assistant_id, questions)
            store.disconnect()
            mb = path.stat().st_size / 1e6
            p95 = statistics.quantiles(took, n=20)[18]
            print(f"{size} passages: p50 {statistics.median(took):.1f} ms, p95 {p95:.1f} ms; {mb:.0f} MB on the disk")


if __name__ == "__main__":
    main()

"""Who gets a thread when many want one: who is known first, then in turn, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from replyx import fair_pool
from replyx.errors import TooManyRequests
from replyx.fair_pool import Asker, FairPool, known

LIMIT = 8


class Scene:
    """A pool with one thread, which is busy until :meth:`release`; what it did is in ``done``, in order."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.pool = FairPool(executor, 1, LIMIT, 5)
        self.done: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._busy = threading.Event()

    async def occupy(self) -> None:
        """Keep the thread busy."""
        self.tasks.append(asyncio.create_task(self.pool.run(known("busy"), lambda: self._busy.wait() and None)))
        await asyncio.sleep(0)

    async def ask(self, name: str, asker: Asker) -> asyncio.Task[None]:
        """Somebody asks, and waits."""
        task: asyncio.Task[None] = asyncio.create_task(self.pool.run(asker, lambda: self.done.append(name)))
        await asyncio.sleep(0)
        self.tasks.append(task)
        return task

    async def release(self) -> list[str]:
        """Let the thread go on; who was served, in order."""
        self._busy.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return self.done

    def let_go(self) -> None:
        self._busy.set()


def play(scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def played() -> None:
        with ThreadPoolExecutor(1) as executor:
            stage = Scene(executor)
            try:
                await stage.occupy()
                await scene(stage)
            finally:
                stage.let_go()

    asyncio.run(asyncio.wait_for(played(), 30))


def stranger(lane: str, standing: float = 0.0) -> Asker:
    return Asker(lane, lambda: standing)


def test_a_flood_from_one_address_waits_for_itself() -> None:
    async def scene(stage: Scene) -> None:
        for number in range(4):
            await stage.ask(f"flood {number}", stranger("flood"))
        await stage.ask("anna", stranger("anna"))
        await stage.ask("boris", stranger("boris"))
        assert await stage.release() == ["flood 0", "anna", "boris", "flood 1", "flood 2", "flood 3"]

    play(scene)


def test_addresses_with_much_to_do_take_turns() -> None:
    async def scene(stage: Scene) -> None:
        for lane in ("a", "b"):
            for number in range(3):
                await stage.ask(f"{lane}{number}", stranger(lane))
        assert await stage.release() == ["a0", "b0", "a1", "b1", "a2", "b2"]

    play(scene)


def test_who_is_known_goes_before_strangers_and_who_failed_least_before_the_others() -> None:
    async def scene(stage: Scene) -> None:
        await stage.ask("guesser", stranger("guesser", 900.0))
        await stage.ask("clean", stranger("clean"))
        await stage.ask("slip of the finger", stranger("slip", 50.0))
        await stage.ask("known", known("browser"))
        assert await stage.release() == ["known", "clean", "slip of the finger", "guesser"]

    play(scene)


def test_a_standing_is_what_it_is_when_the_turn_comes() -> None:
    failures = {"guesser": 0.0}

    async def scene(stage: Scene) -> None:
        await stage.ask("guesser", Asker("guesser", lambda: failures["guesser"]))
        await stage.ask("anna", stranger("anna"))
        failures["guesser"] = 100.0
        assert await stage.release() == ["anna", "guesser"]

    play(scene)


def test_who_does_not_fit_is_refused_and_a_newcomer_of_better_standing_takes_the_place() -> None:
    async def scene(stage: Scene) -> None:
        crowd = [await stage.ask(f"stranger {number}", stranger(f"{number}", 50.0)) for number in range(LIMIT - 1)]
        late = await stage.ask("late", stranger("late", 50.0))
        with pytest.raises(TooManyRequests) as refused:
            await late
        assert refused.value.retry_after == 5
        await stage.ask("known", known("browser"))
        with pytest.raises(TooManyRequests):
            await crowd[-1]
        served = await stage.release()
        assert served[0] == "known"
        assert len(served) == LIMIT - 1

    play(scene)


def test_a_full_queue_of_one_address_makes_room_for_another() -> None:
    async def scene(stage: Scene) -> None:
        flood = [await stage.ask(f"flood {number}", stranger("flood")) for number in range(LIMIT - 1)]
        await stage.ask("anna", stranger("anna"))
        with pytest.raises(TooManyRequests):
            await flood[-1]
        assert (await stage.release())[:2] == ["flood 0", "anna"]

    play(scene)


def test_who_has_waited_too_long_is_told_and_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_pool, "PATIENCE_S", -1.0)

    async def scene(stage: Scene) -> None:
        waiting = await stage.ask("anna", stranger("anna"))
        assert await stage.release() == []
        with pytest.raises(TooManyRequests):
            await waiting

    play(scene)


def test_work_that_has_begun_keeps_its_thread_when_its_caller_gives_up() -> None:
    async def scene(stage: Scene) -> None:
        waiting = await stage.ask("anna", stranger("anna"))
        stage.tasks[0].cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        assert stage.pool._running == 1
        assert await stage.release() == ["anna"]

    play(scene)


def test_nothing_is_kept_of_lanes_that_are_gone() -> None:
    async def scene(stage: Scene) -> None:
        for number in range(LIMIT - 1):
            await stage.ask(str(number), stranger(str(number)))
        await stage.release()
        await asyncio.sleep(0)
        assert stage.pool._served == {}
        assert stage.pool._waiting == []

    play(scene)

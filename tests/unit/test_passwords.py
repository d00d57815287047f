"""Passwords: argon2id beside the loop, and what may be one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import argon2
import pytest
from argon2.exceptions import InvalidHashError

from replyx.errors import Invalid, TooManyRequests
from replyx.passwords import RETRY_AFTER, WORKERS, Passwords, acceptable
from replyx.schemas.sizes import PASSWORD_MAX

COMPOSED, DECOMPOSED = "caf\u00e9-\u00e9t\u00e9s", "cafe\u0301-e\u0301te\u0301s"


def run(test: Callable[[Passwords], Coroutine[Any, Any, None]]) -> None:
    with ThreadPoolExecutor(WORKERS) as executor:
        asyncio.run(asyncio.wait_for(test(Passwords(executor)), 30))


@contextmanager
def held_up(queue_limit: int) -> Iterator[tuple[Passwords, threading.Event]]:
    """Passwords whose one thread is busy until the event is set."""
    released = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(released.wait)
        try:
            yield Passwords(executor, queue_limit=queue_limit), released
        finally:
            released.set()


async def started(*tasks: asyncio.Task[Any]) -> None:
    """Give each task the loop turn in which it runs up to its first wait."""
    for _ in tasks:
        await asyncio.sleep(0)


def test_a_password_matches_its_own_hash_and_no_other() -> None:
    async def test(passwords: Passwords) -> None:
        stored = await passwords.hash("passwore")
        assert await passwords.verify(stored, "passwore") is True
        assert await passwords.verify(stored, "passworf") is False
        assert await passwords.verify(stored, "") is False

    run(test)


def test_hashes_are_argon2id_of_the_low_memory_profile_and_salted() -> None:
    async def test(passwords: Passwords) -> None:
        first, second = await passwords.hash("passwore"), await passwords.hash("passwore")
        assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, 4
        assert first != second
        assert not passwords.needs_rehash(first)

    run(test)


def test_a_hash_of_weaker_parameters_still_matches_and_wants_to_be_made_anew() -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("password")

    async def test(passwords: Passwords) -> None:
        assert await passwords.verify(weak, "password") is True
        assert passwords.needs_rehash(weak)

    run(test)


def test_nobody_is_refused_after_the_same_work_as_somebody() -> None:
    """The stand-in for an unknown account is a hash of today's cost, and it is really computed."""
    computed: list[str] = []

    class Counting(Passwords):
        def _matches(self, hash: str, secret: bytes) -> bool:
            computed.append(hash)
            return super()._matches(hash, secret)

    async def test(executor: ThreadPoolExecutor) -> None:
        passwords = Counting(executor)
        assert await passwords.verify(None, "password") is False
        assert await passwords.verify(None, "x" * 5000) is False
        assert await passwords.verify(await passwords.hash("passwore"), "x" * 5000) is False

    with ThreadPoolExecutor(WORKERS) as executor:
        asyncio.run(test(executor))
        assert len(computed) == 3
        assert len(set(computed)) == 1
        assert not Passwords(executor).needs_rehash(computed[0])


def test_a_stored_hash_that_is_none_is_an_error_and_not_a_wrong_password() -> None:
    async def test(passwords: Passwords) -> None:
        with pytest.raises(InvalidHashError):
            await passwords.verify("plain text", "password")

    run(test)


def test_letters_may_be_composed_or_not() -> None:
    async def test(passwords: Passwords) -> None:
        assert COMPOSED != DECOMPOSED
        assert await passwords.verify(await passwords.hash(COMPOSED), DECOMPOSED) is True

    run(test)


@pytest.mark.parametrize(
    "password",
    ["passwore", "пароль-1", "x" * PASSWORD_MAX, "correct horse battery staple", "\u0000" * 8, "🔑" * 8],
)
def test_a_password_of_8_to_256_characters_is_acceptable(password: str) -> None:
    assert acceptable(password) == password


@pytest.mark.parametrize(
    "password",
    [
        "",
        "passwor",
        "e\u0301" * 7,  # 14 code points, 7 characters once composed
        "x" * (PASSWORD_MAX + 1),
        "\ufdfa" * 20,  # one character that NFKC turns into 18
        "x" * 100_000,
        "password\ud800",
        "password",
        "Password1",
        "1q2w3e4r",
        "ｐａｓｓｗｏｒｄ",
        "йцукенгш",
        "пароль123",
    ],
)
def test_other_passwords_are_refused_as_a_wrong_field(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        acceptable(password)
    assert [error.field for error in refused.value.errors] == ["password"]


@pytest.mark.parametrize("password", ["Anna.Petrova@example.com", "anna.petrova", "Анна Петрова", "анна петрова"])
def test_what_everybody_knows_of_a_person_is_no_password(password: str) -> None:
    person = ("anna.petrova@example.com", "anna.petrova", "Анна Петрова")
    with pytest.raises(Invalid) as refused:
        acceptable(password, person)
    assert [error.code for error in refused.value.errors] == ["same_as_name"]
    assert acceptable(f"{password} 4711", person)


def test_a_password_that_may_not_be_chosen_is_not_hashed() -> None:
    async def test(passwords: Passwords) -> None:
        with pytest.raises(Invalid):
            await passwords.hash("short")

    run(test)


@pytest.mark.parametrize("password", ["x" * 100_000, "password\ud800"])
def test_an_impossible_password_is_simply_wrong_at_a_login(password: str) -> None:
    async def test(passwords: Passwords) -> None:
        assert await passwords.verify(await passwords.hash("passwore"), password) is False

    run(test)


def test_the_loop_goes_on_while_a_password_waits_for_its_thread() -> None:
    async def test() -> None:
        with held_up(queue_limit=1) as (passwords, released):
            waiting = asyncio.create_task(passwords.hash("passwore"))
            await started(waiting)
            assert not waiting.done()
            released.set()  # never reached if the coroutine above blocked the loop
            assert (await waiting).startswith("$argon2id$")

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_flood_is_refused_at_once_and_the_queue_recovers() -> None:
    async def test() -> None:
        with held_up(queue_limit=2) as (passwords, released):
            queued = [asyncio.create_task(passwords.verify(None, "password")) for _ in range(2)]
            await started(*queued)
            with pytest.raises(TooManyRequests) as refused:
                await passwords.verify(None, "password")
            assert refused.value.retry_after == RETRY_AFTER
            released.set()
            assert await asyncio.gather(*queued) == [False, False]
            assert await passwords.verify(None, "password") is False

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_request_that_gives_up_leaves_the_queue() -> None:
    async def test() -> None:
        with held_up(queue_limit=1) as (passwords, _):
            for _ in range(3):
                waiting = asyncio.create_task(passwords.verify(None, "password"))
                await started(waiting)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_stopped_executor_does_not_eat_the_queue() -> None:
    async def test() -> None:
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        passwords = Passwords(executor, queue_limit=1)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await passwords.verify(None, "password")

    asyncio.run(test())

"""``replyx move``: an installation changes its database, is interrupted, and its clients go on as if nothing was."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from replyx.database.models import TABLES
from replyx.database.opening import database_at
from replyx.database.tables import catalog_of
from tests.chaos.traffic import GUEST, check_listener, check_log, fill, truth
from tests.listeners import SseListener
from tests.postgres import Cluster
from tests.scenario import as_json, operator
from tests.server import ROOT, Server, clean_environment

MESSAGES = 600
ON_POSTGRES = "DATABASE_URL"


@pytest.fixture(autouse=True)
def on_sqlite(database: str) -> Iterator[None]:
    """These servers name their database themselves."""
    before, Server.database_of = Server.database_of, None
    yield
    Server.database_of = before


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Server]:
    """A demo server on SQLite with a history."""
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        fill(server, MESSAGES, text="Сообщение {} — с «кавычками», \\ и \t табуляцией")
        with server.client() as http:
            ticket = {"subject": "Не пришёл заказ", "description": "Жду неделю", "priority": "HIGH"}
            assert http.post("/api/support/tickets", json=ticket).status_code == 201
        yield server


def command(data: Path, *arguments: str) -> list[str]:
    """The command line of a move."""
    return [sys.executable, str(ROOT / "run.py"), "move", "--data-dir", str(data), *arguments]


def move(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a move to its end."""
    return subprocess.run(
        command(data, *arguments), capture_output=True, text=True, timeout=120, check=False, env=clean_environment(data)
    )


def killed_move(data: Path, *arguments: str) -> str:
    """Begin a move and kill it in the middle of the events; what it has printed."""
    printed = []
    with subprocess.Popen(
        command(data, *arguments), stdout=subprocess.PIPE, text=True, env=clean_environment(data)
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if line.startswith("event: 3"):
                process.kill()
                break
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    return "".join(printed)


def test_a_move_that_was_killed_goes_on_and_clients_resume_on_the_new_database(
    source: Server, cluster: Cluster, tmp_path: Path
) -> None:
    there = cluster.new_database("moved")
    data = source.data_dir
    cursor = asyncio.run(listen_a_little(source))

    running = move(data, "--to", there)
    assert (running.returncode, "another program has the file open" in running.stderr) == (1, True)
    source.stop()
    before = truth(data)

    assert "event: " in killed_move(data, "--to", there, "--batch", "20")
    half = start_on(data, there)
    assert (half.returncode, "finish it with `replyx move`" in half.stderr) == (2, True)
    done = move(data, "--to", there, "--batch", "100")
    assert done.returncode == 0, done.stderr
    assert "event: goes on behind row" in done.stdout
    again = move(data, "--to", there)
    assert (again.returncode, "holds an installation already" in again.stderr) == (1, True)

    source.env[ON_POSTGRES] = there
    source.start()
    Server.database_of = lambda _: there
    assert truth(data) == before
    asyncio.run(the_client_returns(source, cursor, before.ids("dialog:1")))
    with operator(source) as maria:
        items = as_json(maria.get("/api/support/tickets"))["items"]
        assert [item["subject"] for item in items] == ["Не пришёл заказ"]
        account = {"email": "new@example.com", "name": "Новый", "role": "manager", "password": "a long password"}
        assert as_json(maria.post("/api/v1/accounts", json=account))["id"] == 5, "numbers go on"
    source.stop()

    back = tmp_path / "back.db"
    done = move(data, "--from", there, "--to", f"sqlite:///{back}")
    assert done.returncode == 0, done.stderr
    source.env[ON_POSTGRES] = f"sqlite:///{back}"
    source.start()
    with operator(source) as maria:
        assert as_json(maria.get("/api/v1/accounts"))["items"][-1]["email"] == "new@example.com"
        assert len(as_json(maria.get("/api/search?q=кавычк&limit=5"))["items"]) == 5, "the index came along"


async def listen_a_little(server: Server) -> str:
    """The cursor of a client that has heard the first events only."""
    async with SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor="2") as listener:
        await listener.until(lambda it: len(it.heard) >= 5, "some events")
        return str(listener.cursor)


async def the_client_returns(server: Server, cursor: str, all_ids: list[int]) -> None:
    """It misses nothing and gets nothing twice, and new messages come behind the old."""
    seen = int(cursor.rpartition("-")[2])
    async with SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor=cursor) as listener:
        await asyncio.to_thread(fill, server, 3)
        found = await asyncio.to_thread(truth, server.data_dir)
        check_log(found)
        assert found.ids("dialog:1")[:-3] == all_ids
        await check_listener(listener, found.ids("dialog:1", after=seen))


def test_a_move_refuses_what_it_cannot_do_whole(source: Server, cluster: Cluster, tmp_path: Path) -> None:
    data = source.data_dir
    source.stop()
    strange = cluster.new_database("strange")
    database = database_at(strange)
    with database.connection_context():
        database.execute_sql("CREATE TABLE precious (id BIGINT PRIMARY KEY)")
    own = f"sqlite:///{data / 'replyx.db'}"
    for arguments, reason in (
        (("--to", strange), "tables that are not ReplyX's"),
        (("--from", f"sqlite:///{tmp_path / 'nothing.db'}", "--to", strange), "there is no file"),
        (("--to", own), "the same database"),
        (("--from", strange, "--to", strange + "?connect_timeout=9"), "the same database"),
        (("--from", strange, "--to", own), "schema version 0"),
        (("--to", f"postgresql://replyx@127.0.0.1:{cluster.port}/absent"), "does not exist"),
    ):
        ran = move(data, *arguments)
        assert ran.returncode == 1, ran.stdout
        assert reason in ran.stderr, ran.stderr
        assert "Traceback" not in ran.stderr
    assert not (tmp_path / "nothing.db").exists()


def test_every_table_of_the_models_is_moved(source: Server, cluster: Cluster) -> None:
    source.stop()
    there = cluster.new_database("all_tables")
    done = move(source.data_dir, "--to", there)
    assert done.returncode == 0, done.stderr
    moved = {line.split()[0] for line in done.stdout.partition("digest")[2].splitlines()[1:] if len(line.split()) == 3}
    assert moved == {model._meta.table_name for model in TABLES}
    for url in (f"sqlite:///{source.data_dir / 'replyx.db'}", there):
        database = database_at(url)
        with database.connection_context():
            assert {table.name for table in catalog_of(database).in_order_of_references()} == moved


def start_on(data: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Start the server on a database that it must refuse."""
    line = [sys.executable, str(ROOT / "run.py"), "--data-dir", str(data), "--port", "0", "--database-url", url]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env=clean_environment(data))

"""``replyx backup`` and ``replyx restore``: a copy is whole, and who saw more than it holds learns that."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.traffic import GUEST, HttpSender, WsSender, check_listener, check_log, fill, send_while, truth
from tests.listeners import SseListener
from tests.postgres import Cluster
from tests.scenario import EventStream, as_json, new_widget, operator, problem, site_visitor
from tests.server import Server, replyx

CALM = {"RATE_LIMITS": "off"}
EVENTS = "/api/dialogs/1/events"
VISITOR = {"assistant_id": "3", "guest_id": "test"}


@pytest.fixture(autouse=True)
def on_sqlite(database: str) -> Iterator[None]:
    """These servers name their database themselves."""
    before, Server.database_of = Server.database_of, None
    yield
    Server.database_of = before


def done(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def refused(ran: subprocess.CompletedProcess[str], words: str) -> None:
    assert ran.returncode == 1, ran.stdout
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def newest(server: Server) -> str:
    """The cursor of a client that has heard everything."""
    with server.client() as http:
        page = as_json(http.get("/api/widget/dialogs/1/messages", params=VISITOR))
    return str(page["cursor"])


def told_to_reload(server: Server, cursor: str) -> bool:
    """Whether a client that returns with ``cursor`` is told at once that its place is gone."""
    with EventStream(server, EVENTS, {**VISITOR, "cursor": cursor}) as stream:
        return stream.next().data == {"type": "resync", "reason": "epoch"}


def contents(data: Path) -> dict[str, str]:
    """Every file of a directory, by a digest of what it holds."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in data.iterdir()}


def test_a_copy_made_under_load_is_whole_and_clients_learn_that_their_place_is_gone(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with Server(data, env=CALM) as server:
        fill(server, 500)
        send = f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"
        over_ws = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"
        senders = [*(HttpSender(f"h{n}", send) for n in range(4)), *(WsSender(f"w{n}", over_ws) for n in range(4))]
        printed: list[str] = []

        async def back_up() -> None:
            await asyncio.sleep(0.3)
            printed.append(done(await asyncio.to_thread(replyx, data, "backup", str(copy))))
            await asyncio.sleep(0.3)

        asyncio.run(send_while(senders, back_up))
        seen, token = newest(server), server.login()
        assert server.stop() == 0
        later = truth(data)

        done(replyx(data, "restore", str(copy)))
        copied = truth(data)
        check_log(copied)
        top = copied.events[-1][0]
        assert f"up to event {top} " in printed[0]
        assert later.events[: len(copied.events)] == copied.events, "a copy is what once was"
        assert 500 < top < later.events[-1][0]

        server.start()
        assert told_to_reload(server, seen)
        assert newest(server).partition("-")[2] == str(top)
        with server.client(headers={"Authorization": f"Bearer {token}"}) as boris:
            problem(boris.get("/api/v1/auth/me"), 401)  # the session began after the copy was made
        listener = SseListener(f"{server.url}{EVENTS}?{GUEST}", cursor=newest(server))

        async def go_on() -> None:
            async with listener:
                await listener.connected()
                await send_while([HttpSender("again", send)], lambda: asyncio.sleep(0.3))
                await check_listener(listener, truth(data).ids("dialog:1", after=top))

        asyncio.run(go_on())
        assert server.stop() == 0
    kept = sqlite3.connect(data / "replyx.db.before-restore")
    with closing(kept):
        assert kept.execute("SELECT top FROM counter").fetchone() == (later.events[-1][0],)


def test_on_a_new_host_sessions_and_embed_codes_go_on(tmp_path: Path) -> None:
    old, new, copy = tmp_path / "old", tmp_path / "new", tmp_path / "copy"
    with Server(old, env=CALM) as server:
        fill(server, 3)
        with operator(server) as boris:
            widget = new_widget(boris)
            authorization = boris.headers["Authorization"]
        done(replyx(old, "backup", str(copy)))
    assert (copy / "secrets.json").stat().st_mode & 0o077 == 0
    assert copy.stat().st_mode & 0o077 == 0
    done(replyx(new, "restore", str(copy)))
    with Server(new) as server, server.client(headers={"Authorization": authorization}) as boris:
        visitor = site_visitor(boris, widget["token"])
        assert visitor.say(boris, "Здравствуйте")["message"]["text"] == "Здравствуйте"
        assert len(as_json(boris.get("/api/dialogs/1/messages"))["items"]) >= 3


def test_a_damaged_database_and_what_it_left_are_put_aside(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with Server(data, env=CALM) as server:
        fill(server, 3)
        done(replyx(data, "backup", str(copy)))
        fill(server, 200)
        server.kill()
    assert (data / "replyx.db-wal").stat().st_size > 0
    (data / "replyx.db").write_bytes(b"not a database any more" * 1000)
    done(replyx(data, "restore", str(copy)))
    assert (data / "replyx.db.before-restore-wal").exists()
    with Server(data, env=CALM) as server, operator(server) as boris:
        assert len(as_json(boris.get("/api/dialogs/1/messages"))["items"]) == 3
        assert server.stop() == 0
    with closing(sqlite3.connect(data / "replyx.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def truncated(copy: Path) -> None:
    whole = (copy / "replyx.db").read_bytes()
    (copy / "replyx.db").write_bytes(whole[: len(whole) // 2])


def no_database(copy: Path) -> None:
    (copy / "replyx.db").write_text("Это не база данных. " * 100, encoding="utf-8")


def somebody_elses(copy: Path) -> None:
    (copy / "replyx.db").unlink()
    with closing(sqlite3.connect(copy / "replyx.db")) as database:
        database.execute("CREATE TABLE other (id INTEGER)")


def of_the_future(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "replyx.db")) as database, database:
        database.execute("UPDATE installation SET value = '9999' WHERE key = 'schema_version'")


def half_moved(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "replyx.db")) as database, database:
        database.execute("INSERT INTO installation (key, value) VALUES ('moving', 'x')")


def gone(copy: Path) -> None:
    (copy / "replyx.db").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A stopped installation, and a copy of it."""
    home = tmp_path_factory.mktemp("made")
    before, Server.database_of = Server.database_of, None
    try:
        with Server(home / "data", env=CALM) as server:
            fill(server, 3)
            done(replyx(home / "data", "backup", str(home / "copy")))
    finally:
        Server.database_of = before
    return home / "data", home / "copy"


class TestRefusals:
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (truncated, "malformed"),
            (no_database, "not a database"),
            (somebody_elses, "no whole database of ReplyX"),
            (of_the_future, "use a newer ReplyX"),
            (half_moved, "no whole database of ReplyX"),
            (gone, "There is no replyx.db"),
        ],
    )
    def test_what_is_no_good_copy_is_not_put_in_place(
        self, made: tuple[Path, Path], tmp_path: Path, spoil: Callable[[Path], None], words: str
    ) -> None:
        data, copy = made
        shutil.copytree(copy, tmp_path / "copy")
        spoil(tmp_path / "copy")
        before = contents(data)
        refused(replyx(data, "restore", str(tmp_path / "copy")), words)
        assert contents(data) == before

    def test_a_copy_needs_a_directory_of_its_own(self, made: tuple[Path, Path]) -> None:
        data, copy = made
        before = contents(copy)
        refused(replyx(data, "backup", str(copy)), "is not empty")
        assert contents(copy) == before

    def test_there_must_be_something_to_copy(self, tmp_path: Path) -> None:
        refused(replyx(tmp_path / "nothing", "backup", str(tmp_path / "copy")), "There is no database")
        refused(replyx(tmp_path / "nothing", "restore"), "There is no database")

    def test_a_running_server_keeps_its_database(self, made: tuple[Path, Path], tmp_path: Path) -> None:
        _, copy = made
        with Server(tmp_path / "data", env=CALM) as server:
            cursor = newest(server)
            refused(replyx(server.data_dir, "restore", str(copy)), "in use")
            refused(replyx(server.data_dir, "restore"), "in use")
            fill(server, 1)
            with EventStream(server, EVENTS, {**VISITOR, "cursor": cursor}) as stream:
                assert stream.next().data["type"] == "message:new"


def test_a_dump_of_postgresql_is_taken_over(postgres: Path, tmp_path: Path) -> None:
    with Cluster(postgres) as cluster:
        url = cluster.new_database("restored")
        data = tmp_path / "data"
        with Server(data, env=CALM | {"DATABASE_URL": url}) as server:
            fill(server, 3)
            cursor = newest(server)
            refused(replyx(data, "restore", DATABASE_URL=url), "in use")
            refused(replyx(data, "backup", str(tmp_path / "copy"), DATABASE_URL=url), "pg_dump")
            refused(replyx(data, "restore", str(tmp_path), DATABASE_URL=url), "without a directory")
            assert server.stop() == 0
            assert f"behind event {cursor.partition('-')[2]}," in done(replyx(data, "restore", DATABASE_URL=url))
            server.start()
            assert told_to_reload(server, cursor)
        empty = cluster.new_database("empty")
        refused(replyx(data, "restore", DATABASE_URL=empty), "no database of ReplyX")


def test_copies_that_are_made_in_turn_replace_the_oldest_and_nothing_else(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "copies"
    older = [folder / f"2026-01-0{day}T031500Z" for day in range(1, 5)]
    with Server(data):
        for each in (*older, folder / "before-the-sale"):
            done(replyx(data, "backup", str(each)))
        killed = folder / "2026-01-05T031500Z"
        killed.mkdir()
        (killed / "replyx.db.unfinished").write_bytes(b"half")
        told = done(replyx(data, "backup", "--keep", "3", str(folder)))
    names = sorted(each.name for each in folder.iterdir())
    assert names[:2] == ["2026-01-03T031500Z", "2026-01-04T031500Z"]
    (newest,) = set(names[2:]) - {"before-the-sale"}
    assert newest in told
    assert (folder / newest / "secrets.json").is_file()
    done(replyx(data, "restore", str(folder / newest)))
    refused(replyx(tmp_path / "nothing", "backup", "--keep", "1", str(folder)), "There is no database")
    assert sorted(each.name for each in folder.iterdir()) == names, "a copy that fails takes no older one with it"
    assert replyx(data, "backup", "--keep", "0", str(folder)).returncode == 2

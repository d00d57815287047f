"""The index of search is written anew beside the running server, whatever ends it meanwhile."""

from __future__ import annotations

from pathlib import Path

import httpx

from replyx.conversations.search_index import AT_ONCE, DIALOGS_FACT, MESSAGES_FACT, RULE
from replyx.database.dialect import dialect_of
from replyx.database.opening import database_at
from tests.scenario import Visitor, as_json, eventually, guest, operator
from tests.server import Server
from tests.stored import stored

MANY = 20 * AT_ONCE


def written_by_an_older_version(server: Server, dialog_id: int) -> None:
    """Messages and dialogs as they were before letters were folded: with other words or none, and no word of a rule."""
    with stored(server.data_dir) as rows:
        for number in range(MANY):
            words = f"andré n{number:05}" if number % 2 else ""
            rows.execute(
                "INSERT INTO message (dialog_id, sender, text, words, created_at) VALUES (?, 'user', ?, ?, 0)",
                (dialog_id, f"André n{number:05}", words),
            )
        if not Server.database_of:
            rows.execute(dialect_of(database_at(f"sqlite:///{server.data_dir}/replyx.db")).INDEX_NEW)
        rows.execute("DELETE FROM dialog_words")
        rows.execute("DELETE FROM installation WHERE key IN (?, ?)", (MESSAGES_FACT, DIALOGS_FACT))


def facts(server: Server) -> dict[str, str]:
    """How far the index is."""
    with stored(server.data_dir) as rows:
        found = rows.execute("SELECT key, value FROM installation WHERE key LIKE ?", ("search%",)).fetchall()
    return {str(key): str(value) for key, value in found}


def found(boris: httpx.Client, q: str) -> int:
    """How many messages are found."""
    return len(as_json(boris.get("/api/search", params={"q": q, "limit": 200}))["items"])


def say(http: httpx.Client, anna: Visitor, text: str) -> None:
    """Send as the visitor."""
    anna.say(http, text)


def test_the_index_is_written_anew_over_kills_while_people_write_and_search(tmp_path: Path, database: str) -> None:
    server = Server(tmp_path / "data", flags=["--rate-limits", "off"])
    with server, server.client() as http, operator(server) as boris:
        anna = guest(http)
        say(http, anna, "Erste Nachricht von Zoë")
        ticket = {"subject": "Łódź", "description": "d"}
        assert http.post("/api/support/tickets", json=ticket).status_code == 201
        eventually(lambda: set(facts(server).values()) == {f"{RULE}:0"}, "a new database has nothing to write anew")
    written_by_an_older_version(server, anna.dialog_id)
    with server:
        reached = []
        for number in range(4):
            with server.client() as http, operator(server) as boris:
                say(http, anna, f"Während {number}")
                assert found(boris, "wahrend") == number + 1, "what is written meanwhile is found at once"
                assert found(boris, "zoe") == 1, "and what was found before"
            eventually(lambda: MESSAGES_FACT in facts(server), "a piece was written")
            server.kill()
            reached.append(int(facts(server)[MESSAGES_FACT].partition(":")[2]))
            assert old_words_from(server, reached[-1]) == 0, "a piece and the place that was reached are one commit"
            server.start()
        assert reached == sorted(reached, reverse=True), "nothing is begun again"
        eventually(lambda: set(facts(server).values()) == {f"{RULE}:0"}, "the index is written", patience_s=60)
        with server.client() as http, operator(server) as boris:
            assert found(boris, "andre") == 200
            for number in (0, 1, AT_ONCE, MANY // 2, MANY - 1):
                assert found(boris, f"andre n{number:05}") == 1
            assert [found(boris, q) for q in ("lodz", "zoe")] == [1, 1]
            assert found(boris, "wahrend") == 4
    assert old_words_from(server, 0) == 0
    check_index(server)


def old_words_from(server: Server, first: int) -> int:
    """How many messages from this id on have no words of today's rule."""
    sql = "SELECT COUNT(*) FROM message WHERE id >= ? AND text LIKE ? AND words NOT LIKE ?"
    with stored(server.data_dir) as rows:
        return int(rows.execute(sql, (first, "André n%", "andre n%")).fetchone()[0])


def check_index(server: Server) -> None:
    """On SQLite the index is a table of its own, which must hold just the words that the rows have."""
    if Server.database_of:
        return
    with stored(server.data_dir) as rows:
        for table in ("message_search", "dialog_search"):
            rows.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")

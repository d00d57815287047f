"""When a ticket's target is near or missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.tickets.ticket import change, new, types, url
from tests.scenario import EventStream, Json, as_json, operator
from tests.server import Server
from tests.stored import stored


class TestTargets:
    """A target's minutes are made to have passed while the server was down: it finds that out when it starts."""

    @pytest.fixture
    def late(self, tmp_path: Path) -> Iterator[Callable[[int], tuple[Server, Json, str]]]:
        """Starts a server that was down for so many minutes behind the opening of an urgent ticket."""
        data = tmp_path / "data"
        running = Server(data)

        def start(minutes: int) -> tuple[Server, Json, str]:
            running.start()
            with running.client() as http, operator(running) as maria:
                ticket = new(http, priority="URGENT")
                cursor = as_json(maria.get("/api/dialogs"))["cursor"]
            running.kill()
            with stored(data) as database:
                moved = minutes * 60_000
                database.execute("UPDATE dialog SET created_at = created_at - ?", (moved,))
                database.execute(
                    "UPDATE ticket SET running_since = running_since - ?, look_at = look_at - ?", (moved,) * 2
                )
            running.start()
            return running, ticket, cursor

        yield start
        running.stop()

    @pytest.mark.parametrize(("minutes", "mark"), [(13, "due_soon"), (60, "breached")])
    def test_a_mark_is_an_event_of_the_inbox_and_survives_a_restart(
        self, late: Callable[[int], tuple[Server, Json, str]], minutes: int, mark: str
    ) -> None:
        server, ticket, cursor = late(minutes)
        with operator(server) as maria:
            authorization = {"Authorization": maria.headers["Authorization"], "Last-Event-ID": cursor}
            with EventStream(server, "/api/inbox/events", headers=authorization) as stream:
                told = [event.data for event in stream.until(lambda data: data["type"] == "ticket:updated")]
            assert types(told) == ["dialog:updated", "ticket:updated"]
            assert told[0]["dialog"]["ticket"]["sla"] == told[1]["ticket"]["sla"] == mark
            assert [(each["field"], each["after"], each["actor"]) for each in told[1]["changes"]] == [
                ("responseSla", mark, "SYSTEM")
            ]
            listed = as_json(maria.get("/api/dialogs"))["items"]
            assert listed[0]["ticket"]["sla"] == mark  # and the ticket is on top of the inbox
            server.restart_after_kill()
            assert as_json(maria.get(url(ticket)))["sla"] == mark
            change(maria, ticket, assignee=1)  # whatever the watch had found would stand before this
            history = as_json(maria.get(url(ticket, "/changes")))["items"]
        assert [each["field"] for each in history] == ["responseSla", "assignee"]

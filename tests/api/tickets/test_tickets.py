"""Tickets over HTTP: who may open, read and change them, and what operators hear of it in the one inbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.tickets.ticket import TICKETS, change, new, types, url
from tests.scenario import Json, as_json, bad_field, hearing, operator, problem
from tests.server import Server


class TestOpening:
    def test_a_new_ticket_is_open_and_of_medium_priority(self, http: httpx.Client) -> None:
        ticket = new(http, subject="  Пальто ", userId="anna")
        assert re.fullmatch(r"[A-Za-z0-9_-]{22,64}", ticket["id"])
        assert ticket["createdAt"].endswith("Z")
        assert {
            key: ticket[key] for key in ("subject", "description", "status", "priority", "assignedAgent", "sla")
        } == {
            "subject": "Пальто",
            "description": "Не пришло.",
            "status": "OPEN",
            "priority": "MEDIUM",
            "assignedAgent": None,
            "sla": None,
        }
        assert (ticket["userId"], ticket["firstResponseAt"], ticket["resolvedAt"]) == ("anna", None, None)
        assert ticket["createdAt"] < ticket["responseDueAt"] < ticket["resolutionDueAt"]
        assert as_json(http.get(url(ticket))) == ticket

    def test_title_stands_for_subject(self, http: httpx.Client) -> None:
        answer = http.post(TICKETS, json={"title": "Пальто", "description": ""})
        assert (answer.status_code, as_json(answer)["subject"]) == (201, "Пальто")

    def test_ids_do_not_repeat_or_count(self, http: httpx.Client) -> None:
        ids = {new(http)["id"] for _ in range(20)}
        assert len(ids) == 20
        assert len({each[:4] for each in ids}) == 20

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"description": "x"}, "subject"),
            ({"subject": "  ", "description": "x"}, "subject"),
            ({"subject": "x" * 201, "description": "x"}, "subject"),
            ({"subject": "x"}, "description"),
            ({"subject": "x", "description": "x" * 10_001}, "description"),
            ({"subject": "x", "description": "a\0b"}, "description"),
            ({"subject": 1, "description": "x"}, "subject"),
            ({"subject": "x", "description": "x", "priority": "EXTREME"}, "priority"),
            ({"subject": "x", "description": "x", "userId": "x" * 65}, "userId"),
        ],
    )
    def test_a_wrong_field_is_named(self, http: httpx.Client, body: Json, field: str) -> None:
        bad_field(http.post(TICKETS, json=body), field)

    def test_a_page_of_a_configured_origin_may_open_one_and_a_foreign_page_may_not(self, tmp_path: Path) -> None:
        with (
            Server(tmp_path / "data", env={"CORS_ORIGINS": "https://help.example"}) as running,
            running.client() as client,
        ):
            body = {"subject": "x", "description": "x"}
            allowed = client.post(TICKETS, json=body, headers={"Origin": "https://help.example"})
            assert allowed.status_code == 201
            assert allowed.headers["access-control-allow-origin"] == "https://help.example"
            problem(client.post(TICKETS, json=body, headers={"Origin": "https://evil.example"}), 403, "origin_refused")

    def test_one_address_opens_only_so_many(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as running, running.client() as client:
            answers = [client.post(TICKETS, json={"subject": "x", "description": "x"}) for _ in range(100)]
        refused = next(answer for answer in answers if answer.status_code != 201)
        problem(refused, 429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1


class TestReading:
    def test_an_id_that_is_none_is_not_found(self, http: httpx.Client, boris: httpx.Client) -> None:
        for path in ("clx123", "1", "x" * 24):
            problem(http.get(f"{TICKETS}/{path}"), 404, "ticket_not_found")
            problem(http.get(f"{TICKETS}/{path}/messages"), 404, "ticket_not_found")
            problem(http.post(f"{TICKETS}/{path}/messages", json={"content": "x"}), 404, "ticket_not_found")
            problem(boris.patch(f"{TICKETS}/{path}", json={"status": "OPEN"}), 404, "ticket_not_found")
            problem(boris.get(f"{TICKETS}/{path}/changes"), 404, "ticket_not_found")
        problem(http.get(f"{TICKETS}/not.url.safe"), 404, "not_found")

    def test_the_list_the_changes_and_the_history_are_for_operators(self, http: httpx.Client, server: Server) -> None:
        ticket = new(http)
        problem(http.get(TICKETS), 401, "credential_missing")
        problem(http.patch(url(ticket), json={"status": "CLOSED"}), 401, "credential_missing")
        problem(http.get(url(ticket, "/changes")), 401, "credential_missing")
        with operator(server, "user@example.com") as anna:
            problem(anna.get(TICKETS), 403, "forbidden")
            problem(anna.patch(url(ticket), json={"status": "CLOSED"}), 403, "forbidden")
        assert as_json(http.get(url(ticket)))["status"] == "OPEN"

    def test_a_visitor_of_a_widget_sees_no_ticket(self, http: httpx.Client) -> None:
        ticket = new(http)
        query = {"assistant_id": "3", "guest_id": "test"}
        path = f"/api/widget/dialogs/{ticket['dialogId']}/messages"
        problem(http.get(path, params=query), 404, "dialog_not_found")
        assert http.get("/api/widget/dialogs/1/messages", params=query).status_code == 200

    def test_the_list_is_newest_first_and_continues_in_both_directions(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        mine = [new(http, priority="LOW")["id"] for _ in range(5)]

        def page(**query: Any) -> Json:
            return as_json(boris.get(TICKETS, params={"limit": 2, "priority": "LOW", **query}))

        first = page()
        assert [item["id"] for item in first["items"]] == mine[:-3:-1]
        assert first["next"] == mine[3]
        assert first["cursor"]
        second = page(before=first["next"])
        assert [item["id"] for item in second["items"]] == [mine[2], mine[1]]
        back = page(after=mine[2])
        assert [item["id"] for item in back["items"]] == [mine[4], mine[3]]
        assert back["next"] is None
        problem(boris.get(TICKETS, params={"before": "nobody"}), 404, "ticket_not_found")
        bad_field(boris.get(TICKETS, params={"before": mine[0], "after": mine[1]}), "after")

    def test_the_list_is_filtered_by_every_mixture_of_status_priority_and_assignee(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        urgent = new(http, priority="URGENT")
        other = new(http, priority="URGENT")
        change(boris, urgent, status="WAITING", assignee=2)
        change(boris, new(http), status="WAITING")

        def ids(**query: str) -> set[str]:
            return {item["id"] for item in as_json(boris.get(TICKETS, params={"limit": 200, **query}))["items"]}

        assert ids(status="WAITING", priority="URGENT", assignee="2") == {urgent["id"]}
        assert urgent["id"] in ids(assignee="2")
        assert urgent["id"] not in ids(assignee="none")
        assert other["id"] in ids(assignee="none", priority="URGENT")
        assert ids(assignee="1", status="WAITING") == set()
        for query in ({"status": "open"}, {"priority": "1"}, {"assignee": "me"}):
            bad_field(boris.get(TICKETS, params=query), next(iter(query)))


class TestChanging:
    def test_who_changed_what_and_when_stands_in_the_history_and_in_one_event(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        with hearing(server, boris, ticket["dialogId"]) as heard:
            changed = change(boris, ticket, status="IN_PROGRESS", priority="HIGH", assignee=1)
        assert (changed["status"], changed["priority"], changed["assignedAgent"]["id"]) == ("IN_PROGRESS", "HIGH", 1)
        assert changed["updatedAt"] > ticket["updatedAt"]
        assert changed["resolutionDueAt"] < ticket["resolutionDueAt"]
        assert types(heard) == ["dialog:updated", "ticket:updated"]
        assert heard[1]["ticket"] == changed
        dialog = heard[0]["dialog"]
        assert (dialog["ticket"]["status"], dialog["ticket"]["priority"], dialog["assignee"]["id"]) == (
            "IN_PROGRESS",
            "HIGH",
            1,
        )
        history = as_json(boris.get(url(ticket, "/changes")))["items"]
        assert history == heard[1]["changes"]
        assert [(line["field"], line["before"], line["after"]) for line in history] == [
            ("status", "OPEN", "IN_PROGRESS"),
            ("priority", "MEDIUM", "HIGH"),
            ("assignee", None, "Мария"),
        ]
        assert {(line["actor"], line["account"]["name"]) for line in history} == {("AGENT", "Борис")}
        assert all(line["createdAt"].endswith("Z") for line in history)

    def test_what_is_not_named_stays_and_repeating_a_change_tells_nobody(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http, priority="LOW")
        assigned = change(boris, ticket, assignee=2)
        with hearing(server, boris, ticket["dialogId"]) as heard:
            assert change(boris, ticket, assignee=2) == assigned
            assert change(boris, ticket) == assigned
        assert heard == []
        assert change(boris, ticket, assignee=None)["assignedAgent"] is None

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"status": "DONE"}, "status"),
            ({"status": None}, "status"),
            ({"priority": "low"}, "priority"),
            ({"assignee": "Борис"}, "assignee"),
        ],
    )
    def test_a_wrong_value_changes_nothing(
        self, http: httpx.Client, boris: httpx.Client, body: Json, field: str
    ) -> None:
        ticket = new(http)
        bad_field(boris.patch(url(ticket), json={"priority": "HIGH", **body}), field)
        assert as_json(http.get(url(ticket))) == ticket

    def test_only_an_operator_can_be_the_assignee(self, http: httpx.Client, boris: httpx.Client) -> None:
        ticket = new(http)
        for nobody in (999, 3):  # 3 is a user
            problem(boris.patch(url(ticket), json={"status": "CLOSED", "assignee": nobody}), 404, "account_not_found")
        assert as_json(http.get(url(ticket)))["status"] == "OPEN"

    @pytest.mark.parametrize(
        ("action", "body", "expected"),
        [
            ("close", {}, {"status": "CLOSED"}),
            ("takeover", {}, {"assignee": 2}),
            ("assign", {"account_id": 1}, {"assignee": 1}),
        ],
    )
    def test_what_is_done_to_the_dialog_in_the_inbox_is_done_to_the_ticket(
        self, http: httpx.Client, boris: httpx.Client, action: str, body: Json, expected: Json
    ) -> None:
        ticket = new(http)
        assert boris.post(f"/api/dialogs/{ticket['dialogId']}/{action}", json=body).status_code == 200
        after = as_json(boris.get(url(ticket)))
        assert after["status"] == expected.get("status", "OPEN")
        assert (after["assignedAgent"] or {}).get("id") == expected.get("assignee")
        assert len(as_json(boris.get(url(ticket, "/changes")))["items"]) == 1
        undo = {"close": "reopen"}.get(action, "release")
        assert boris.post(f"/api/dialogs/{ticket['dialogId']}/{undo}", json={}).status_code == 200
        undone = as_json(http.get(url(ticket)))
        assert (undone["status"], undone["assignedAgent"]) == ("OPEN", None)

    def test_resolved_in_the_inbox_stays_resolved_when_it_is_closed_there(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        ticket = new(http)
        change(boris, ticket, status="RESOLVED")
        dialog = as_json(boris.post(f"/api/dialogs/{ticket['dialogId']}/close", json={}))["dialog"]
        assert (dialog["status"], dialog["ticket"]["status"]) == ("closed", "RESOLVED")

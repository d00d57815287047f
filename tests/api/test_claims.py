"""Two operators at once: one wins, the other is told who was first, and nobody is displaced unawares."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.scenario import Json, Visitor, as_json, bad_field, guest, hearing, problem
from tests.server import Server

RACES = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens dialogs of its own."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def ids(maria: httpx.Client, boris: httpx.Client) -> dict[str, int]:
    """The accounts of both operators."""
    return {
        name: int(as_json(each.get("/api/v1/auth/me"))["id"]) for name, each in (("maria", maria), ("boris", boris))
    }


def act(person: httpx.Client, dialog_id: int, action: str, **body: object) -> httpx.Response:
    """What an operator does to a dialog."""
    return person.post(f"/api/dialogs/{dialog_id}/{action}", json=body)


def dialog_of(answer: httpx.Response) -> Json:
    """The dialog after a change that was not refused."""
    assert answer.status_code == 200, answer.text
    dialog: Json = as_json(answer)["dialog"]
    return dialog


def new_ticket(http: httpx.Client) -> Json:
    """An open ticket that nobody has."""
    return as_json(http.post("/api/support/tickets", json={"subject": "Пальто", "description": "Не пришло."}))


def is_taken(answer: httpx.Response, account_id: int, name: str) -> None:
    """The answer says who was first."""
    document = problem(answer, 409, "taken")
    assert document["holder"] == {"id": account_id, "name": name}
    assert name in document["detail"]


class TestHavingIt:
    @pytest.mark.parametrize("action", ["takeover", "assign", "release", "close", "reopen"])
    def test_what_another_has_is_taken_only_by_one_who_says_so(
        self,
        server: Server,
        boris: httpx.Client,
        maria: httpx.Client,
        ids: dict[str, int],
        anna: Visitor,
        action: str,
    ) -> None:
        body: Json = {"account_id": ids["boris"]} if action == "assign" else {}
        if action == "reopen":
            act(maria, anna.dialog_id, "close")
        dialog_of(act(maria, anna.dialog_id, "takeover"))
        with hearing(server, boris, anna.dialog_id) as heard:
            is_taken(act(boris, anna.dialog_id, action, **body), ids["maria"], "Мария")
            is_taken(act(boris, anna.dialog_id, action, **body, displace=ids["boris"]), ids["maria"], "Мария")
        assert heard == []
        for displace in ("yes", 1.5, None, -1):
            bad_field(act(boris, anna.dialog_id, action, **body, displace=displace), "displace")
        after = dialog_of(act(boris, anna.dialog_id, action, **body, displace=ids["maria"]))
        if action in ("takeover", "assign"):
            assert after["assignee"]["name"] == "Борис"
            assert dialog_of(act(maria, anna.dialog_id, action, account_id=ids["maria"], displace=True))

    def test_who_has_it_and_who_assigned_it_may_go_on(
        self, maria: httpx.Client, boris: httpx.Client, ids: dict[str, int], anna: Visitor
    ) -> None:
        dialog_of(act(maria, anna.dialog_id, "assign", account_id=ids["boris"]))
        dialog_of(act(boris, anna.dialog_id, "takeover"))
        dialog_of(act(maria, anna.dialog_id, "assign", account_id=ids["maria"]))
        is_taken(act(boris, anna.dialog_id, "takeover"), ids["maria"], "Мария")
        dialog_of(act(maria, anna.dialog_id, "assign", account_id=ids["boris"]))
        dialog_of(act(boris, anna.dialog_id, "assign", account_id=ids["maria"]))
        dialog_of(act(maria, anna.dialog_id, "close"))

    def test_a_disabled_account_has_nothing(
        self, server: Server, maria: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        email = f"olga-{anna.dialog_id}@example.com"
        account = {"email": email, "name": "Ольга", "password": "password", "role": "manager"}
        olga_id = as_json(maria.post("/api/v1/accounts", json=account))["id"]
        with server.client(headers={"Authorization": f"Bearer {server.login(email)}"}) as olga:
            dialog_of(act(olga, anna.dialog_id, "takeover"))
        is_taken(act(boris, anna.dialog_id, "takeover"), olga_id, "Ольга")
        assert maria.patch(f"/api/v1/accounts/{olga_id}", json={"active": False}).is_success
        assert dialog_of(act(boris, anna.dialog_id, "takeover"))["assignee"]["name"] == "Борис"

    def test_a_body_is_not_needed(self, boris: httpx.Client, anna: Visitor) -> None:
        for action in ("takeover", "release", "close", "reopen"):
            assert boris.post(f"/api/dialogs/{anna.dialog_id}/{action}").status_code == 200
            bare = {"Content-Type": "application/x-www-form-urlencoded"}
            assert boris.post(f"/api/dialogs/{anna.dialog_id}/{action}", headers=bare).status_code == 200


class TestTickets:
    def test_an_assignee_keeps_the_ticket_and_nobody_from_its_status(
        self, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, ids: dict[str, int]
    ) -> None:
        url = f"/api/support/tickets/{new_ticket(http)['id']}"
        assert maria.patch(url, json={"assignee": ids["maria"]}).status_code == 200
        is_taken(boris.patch(url, json={"assignee": ids["boris"], "status": "CLOSED"}), ids["maria"], "Мария")
        is_taken(boris.patch(url, json={"assignee": None}), ids["maria"], "Мария")
        changed = as_json(boris.patch(url, json={"status": "IN_PROGRESS"}))
        assert (changed["status"], changed["assignedAgent"]["name"]) == ("IN_PROGRESS", "Мария")
        assert boris.patch(url, json={"assignee": ids["boris"], "displace": True}).status_code == 200

    def test_what_another_has_just_changed_is_kept_from_one_who_cannot_have_seen_it(
        self, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, ids: dict[str, int]
    ) -> None:
        url = f"/api/support/tickets/{new_ticket(http)['id']}"
        assert maria.patch(url, json={"priority": "HIGH"}).status_code == 200
        assert maria.patch(url, json={"priority": "URGENT"}).status_code == 200
        is_taken(boris.patch(url, json={"priority": "LOW"}), ids["maria"], "Мария")
        assert as_json(http.get(url))["priority"] == "URGENT"
        assert as_json(boris.patch(url, json={"priority": "LOW", "displace": ids["maria"]}))["priority"] == "LOW"


class TestRaces:
    @pytest.mark.parametrize(
        "ask",
        ["takeover", "assign", "close", "reopen", "ticket assignee", "ticket status", "ticket closed as a dialog"],
    )
    def test_of_two_who_press_at_once_one_wins_and_the_other_knows(
        self, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, ids: dict[str, int], ask: str
    ) -> None:
        together = Barrier(2)
        names = {"maria": "Мария", "boris": "Борис"}

        def press(name: str, person: httpx.Client, ticket: Json, dialog_id: int) -> httpx.Response:
            together.wait()
            if ask == "ticket closed as a dialog":
                return act(person, ticket["dialogId"], "close" if name == "maria" else "reopen")
            if ask.startswith("ticket"):
                status = {"maria": "RESOLVED", "boris": "WAITING"}[name]
                body: Json = {"assignee": ids[name]} if ask == "ticket assignee" else {"status": status}
                return person.patch(f"/api/support/tickets/{ticket['id']}", json=body)
            return act(person, dialog_id, ask, **({"account_id": ids[name]} if ask == "assign" else {}))

        with ThreadPoolExecutor(2) as pool:
            for _ in range(RACES):
                ticket, dialog_id = new_ticket(http), guest(http).dialog_id
                pressed = {
                    name: pool.submit(press, name, person, ticket, dialog_id)
                    for name, person in (("maria", maria), ("boris", boris))
                }
                answers = {name: each.result() for name, each in pressed.items()}
                winners = [name for name, answer in answers.items() if answer.status_code == 200]
                assert len(winners) == 1, [answer.text for answer in answers.values()]
                loser = next(name for name in answers if name not in winners)
                is_taken(answers[loser], ids[winners[0]], names[winners[0]])

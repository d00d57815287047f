"""Who answers: bots speak only in their turn, an operator's key makes them quiet, an operator's message ends it."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event as Flag

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Json,
    Visitor,
    as_json,
    bad_field,
    frame,
    frame_of,
    guest,
    hearing,
    problem,
    socket_of,
    token_of,
)
from tests.server import Server

TAKEOVERS = 100 * int(os.environ.get("REPLYX_ROUNDS", "1"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens a dialog of its own, and the race sends more than a client may."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def bot(server: Server, maria: httpx.Client) -> Iterator[httpx.Client]:
    """A bot's account."""
    account = {"email": "bot@example.com", "password": "password", "role": "bot"}
    assert maria.post("/api/v1/accounts", json=account).status_code == 201
    with server.client(headers={"Authorization": f"Bearer {server.login('bot@example.com')}"}) as client:
        yield client


def say(person: httpx.Client, dialog_id: int, text: str = "Добрый день", **fields: object) -> httpx.Response:
    """Send as somebody who is logged in."""
    return person.post(f"/api/dialogs/{dialog_id}/messages", json={"text": text, **fields})


def do(person: httpx.Client, dialog_id: int, action: str, **body: object) -> Json:
    """The dialog after an operator's action."""
    answer = person.post(f"/api/dialogs/{dialog_id}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    dialog: Json = as_json(answer)["dialog"]
    return dialog


def begin_to_type(person: httpx.Client, dialog_id: int) -> None:
    """The first key."""
    assert person.post(f"/api/dialogs/{dialog_id}/typing", json={"typing": True}).status_code == 204


def dialog_of(person: httpx.Client, dialog_id: int) -> Json:
    """The dialog as staff see it."""
    dialog: Json = as_json(person.get(f"/api/dialogs/{dialog_id}"))["dialog"]
    return dialog


def seconds(dialog: Json, before: str, after: str) -> float:
    """From one time of a dialog to another."""
    moments = [datetime.fromisoformat(dialog[name]) for name in (before, after)]
    return (moments[1] - moments[0]).total_seconds()


class TestBots:
    def test_a_bot_speaks_while_the_assistant_handles_the_dialog_and_not_after_a_takeover(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        assert say(bot, anna.dialog_id).status_code == 201
        do(boris, anna.dialog_id, "takeover")
        with hearing(server, boris, anna.dialog_id) as heard:
            problem(say(bot, anna.dialog_id), 409, "not_your_turn")
        assert heard == []
        do(boris, anna.dialog_id, "release")
        assert say(bot, anna.dialog_id).status_code == 201

    def test_a_refused_bot_is_told_on_its_socket_and_stays(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        with socket_of(server, f"/ws/dialogs/{anna.dialog_id}?token={token_of(bot)}") as socket:
            assert frame(socket)["type"] == "connected"
            socket.send(json.dumps({"type": "message", "text": "раз", "client_id": "b1"}))
            assert frame_of(socket, "ack")["duplicate"] is False
            do(boris, anna.dialog_id, "takeover")
            for asked in ({"type": "message", "text": "два", "client_id": "b2"}, {"type": "typing_start"}):
                socket.send(json.dumps(asked))
                refusal = frame_of(socket, "error")
                assert (refusal["code"], refusal["client_id"]) == ("not_your_turn", asked.get("client_id"))
            socket.send('{"type": "typing_stop"}')
            socket.send('{"type": "ping"}')
            assert frame_of(socket, "pong")

    def test_what_a_bot_sent_before_may_be_repeated_after_a_takeover(
        self, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        first = as_json(say(bot, anna.dialog_id, client_id="b1"))
        do(boris, anna.dialog_id, "takeover")
        again = say(bot, anna.dialog_id, client_id="b1")
        assert (again.status_code, as_json(again)) == (200, {**first, "duplicate": True})
        problem(say(bot, anna.dialog_id, client_id="b2"), 409, "not_your_turn")

    def test_a_bot_that_names_its_turn_is_refused_in_the_next_one(
        self, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        turn = dialog_of(bot, anna.dialog_id)["turn"]
        assert say(bot, anna.dialog_id, turn=turn).status_code == 201
        do(boris, anna.dialog_id, "takeover")
        now = do(boris, anna.dialog_id, "release")["turn"]
        for past in (turn, turn + 1, now + 1):
            problem(say(bot, anna.dialog_id, turn=past), 409, "not_your_turn")
        assert say(bot, anna.dialog_id, turn=now).status_code == 201
        for wrong in (-1, "1", 1.5, 2**31):
            bad_field(say(bot, anna.dialog_id, turn=wrong), "turn")

    def test_a_bots_typing_out_of_turn_reaches_nobody(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        begin_to_type(bot, anna.dialog_id)
        do(boris, anna.dialog_id, "takeover")
        with hearing(server, boris, anna.dialog_id) as heard:
            answer = bot.post(f"/api/dialogs/{anna.dialog_id}/typing", json={"typing": True})
            problem(answer, 409, "not_your_turn")
        assert heard == []

    def test_a_bots_answer_leaves_the_visitors_question_unread(
        self, server: Server, http: httpx.Client, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        anna.say(http, "Есть 42 размер?")
        say(bot, anna.dialog_id)
        read = bot.post(f"/api/dialogs/{anna.dialog_id}/read", json={})
        dialog = dialog_of(boris, anna.dialog_id)
        assert read.status_code == 200
        assert (dialog["unread"], dialog["read_up_to"]["manager"]) == (1, 0)
        do(boris, anna.dialog_id, "read")
        assert dialog_of(boris, anna.dialog_id)["unread"] == 0


class TestTurns:
    def test_an_operators_message_takes_the_dialog_over_before_it_is_heard(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        before = dialog_of(boris, anna.dialog_id)
        with hearing(server, boris, anna.dialog_id) as heard:
            say(boris, anna.dialog_id, "Добрый день")
            say(boris, anna.dialog_id, "Есть")
        assert [event["type"] for event in heard] == ["dialog:updated", "message:new", "message:new"]
        taken = heard[0]["dialog"]
        assert (taken["handler"], taken["assignee"]["name"], taken["turn"]) == ("manager", "Борис", before["turn"] + 1)
        assert dialog_of(boris, anna.dialog_id)["turn"] == taken["turn"]
        problem(say(bot, anna.dialog_id), 409, "not_your_turn")

    def test_writing_in_anothers_dialog_leaves_it_to_the_other(
        self, maria: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        do(boris, anna.dialog_id, "takeover")
        assert say(maria, anna.dialog_id).status_code == 201
        assert dialog_of(boris, anna.dialog_id)["assignee"]["name"] == "Борис"

    def test_an_operators_message_opens_and_takes_over_in_one_event(
        self, server: Server, boris: httpx.Client, anna: Visitor
    ) -> None:
        do(boris, anna.dialog_id, "close")
        with hearing(server, boris, anna.dialog_id) as heard:
            say(boris, anna.dialog_id)
        assert [event["type"] for event in heard] == ["dialog:updated", "message:new"]
        assert (heard[0]["dialog"]["status"], heard[0]["dialog"]["handler"]) == ("open", "manager")

    def test_every_change_of_who_speaks_is_a_turn_and_nothing_else_is(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        turns = [dialog_of(boris, anna.dialog_id)["turn"]]
        steps = ("takeover", "takeover", "release", "release", "close", "close", "reopen", "read")
        for step in steps:
            turns.append(do(boris, anna.dialog_id, step)["turn"])
        anna.say(http, "Ау")
        turns.append(dialog_of(boris, anna.dialog_id)["turn"])
        raised = [after - before for before, after in itertools.pairwise(turns)]
        assert dict(zip(enumerate(steps), raised[:-1], strict=True)) == {
            (0, "takeover"): 1,
            (1, "takeover"): 0,
            (2, "release"): 1,
            (3, "release"): 0,
            (4, "close"): 1,
            (5, "close"): 0,
            (6, "reopen"): 0,
            (7, "read"): 0,
        }
        assert raised[-1] == 0, "a visitor's message interrupts nothing that is stored whole"


class TestPauses:
    def test_an_operators_first_key_makes_the_assistant_quiet_for_a_minute(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        before = dialog_of(boris, anna.dialog_id)
        with hearing(server, boris, anna.dialog_id) as heard:
            begin_to_type(boris, anna.dialog_id)
            begin_to_type(boris, anna.dialog_id)
        assert [event["type"] for event in heard] == ["dialog:updated", "typing_start", "typing_start"]
        paused = heard[0]["dialog"]
        assert (paused["handler"], paused["assignee"], paused["paused_by"]) == ("assistant", None, "Борис")
        assert paused["turn"] == before["turn"] + 1
        assert seconds(paused, "updated_at", "paused_until") == 60
        refused = say(bot, anna.dialog_id)
        problem(refused, 409, "not_your_turn")
        assert 0 < int(refused.headers["Retry-After"]) <= 60

    @pytest.mark.parametrize("way", ["release", "message", "close"])
    def test_a_pause_ends_when_the_dialog_is_given_back_taken_over_or_closed(
        self, boris: httpx.Client, bot: httpx.Client, anna: Visitor, way: str
    ) -> None:
        begin_to_type(boris, anna.dialog_id)
        turn = dialog_of(boris, anna.dialog_id)["turn"]
        if way == "message":
            say(boris, anna.dialog_id)
        else:
            do(boris, anna.dialog_id, way)
        after = dialog_of(boris, anna.dialog_id)
        assert (after["paused_until"], after["paused_by"], after["turn"]) == (None, None, turn + 1)
        assert say(bot, anna.dialog_id).status_code == (409 if way == "message" else 201)

    def test_the_key_counts_on_a_socket_too(
        self, server: Server, boris: httpx.Client, bot: httpx.Client, anna: Visitor
    ) -> None:
        with socket_of(server, f"/ws/dialogs/{anna.dialog_id}?token={token_of(boris)}") as socket:
            socket.send('{"type": "typing_start"}')
            heard = frame_of(socket, "dialog:updated")["dialog"]
            if heard["paused_by"] is None:  # of two processes this one may still have to hear of the dialog's opening
                heard = frame_of(socket, "dialog:updated")["dialog"]
            assert heard["paused_by"] == "Борис"
        problem(say(bot, anna.dialog_id), 409, "not_your_turn")

    def test_a_visitor_hears_who_writes_and_nothing_of_the_pause(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", anna.query) as stream:
            begin_to_type(boris, anna.dialog_id)
            assert stream.next().data["type"] == "typing_start"
            do(boris, anna.dialog_id, "release")
            do(boris, anna.dialog_id, "takeover")
            assert stream.next().data["dialog"]["handler"] == "manager"

    def test_a_key_in_a_dialog_that_an_operator_handles_changes_nothing(
        self, server: Server, boris: httpx.Client, anna: Visitor
    ) -> None:
        do(boris, anna.dialog_id, "takeover")
        with hearing(server, boris, anna.dialog_id) as heard:
            begin_to_type(boris, anna.dialog_id)
        assert [event["type"] for event in heard] == ["typing_start"]


class TestRace:
    def test_nothing_of_a_bot_follows_a_takeover_however_they_meet(
        self, server: Server, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, bot: httpx.Client
    ) -> None:
        """Two bots post without pause while operators take over, by the button, a key or a message, and give back."""
        dialog_id = guest(http).dialog_id
        over = Flag()

        def post(name: str) -> list[int]:
            with server.client(headers=dict(bot.headers)) as client:
                return [say(client, dialog_id, name).status_code for _ in iter(over.is_set, True)]

        quiet: Json | None = None
        spoke = refused = takeovers = 0
        headers = {"Authorization": boris.headers["Authorization"]}
        with EventStream(server, f"/api/dialogs/{dialog_id}/events", headers=headers) as stream:
            with ThreadPoolExecutor(2) as pool:
                posting = [pool.submit(post, name) for name in ("раз", "два")]
                try:
                    for number in range(TAKEOVERS):
                        kind = number % 4
                        if kind == 1:
                            begin_to_type(boris, dialog_id)
                        elif kind == 2:
                            say(boris, dialog_id, "Отвечу сам")
                        else:
                            do(boris, dialog_id, "takeover")
                        do(boris, dialog_id, "release")
                finally:
                    over.set()
                refused = sum(status == 409 for each in posting for status in each.result())
            last = as_json(say(boris, dialog_id, "конец"))["message"]["id"]
            events = stream.until(lambda data: data["type"] == "message:new" and data["message"]["id"] == last)
        for event in events:
            data = event.data
            if data["type"] == "dialog:updated":
                dialog = data["dialog"]
                held = dialog["handler"] == "manager" or dialog["paused_until"] is not None
                takeovers += held and quiet is None
                quiet = dialog if held else None
            elif data["type"] == "message:new" and data["message"]["sender"] == "assistant":
                assert quiet is None, f"a bot spoke behind the event of a takeover: {quiet}, {data}"
                spoke += 1
        assert takeovers == TAKEOVERS + 1
        assert spoke > 0
        assert refused > 0, "the bots and the operator have not met"


def test_bots_in_a_ticket_speak_whoever_has_it_unless_they_name_a_turn_that_is_over(
    server: Server, http: httpx.Client, boris: httpx.Client, bot: httpx.Client
) -> None:
    """A ticket has no assistant that it could be given back to."""
    ticket = as_json(http.post("/api/support/tickets", json={"subject": "Пальто", "description": "Не пришло."}))
    url = f"/api/support/tickets/{ticket['id']}/messages"
    turn = dialog_of(boris, ticket["dialogId"])["turn"]

    def post(**fields: object) -> httpx.Response:
        return bot.post(url, json={"content": "Посылка в пути", "senderType": "BOT", **fields})

    assert post(turn=turn).status_code == 201
    do(boris, ticket["dialogId"], "close")
    assert post().status_code == 201
    problem(post(turn=turn), 409, "not_your_turn")
    assert post(turn=turn + 1).status_code == 201

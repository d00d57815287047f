"""The assistant that answers from its sources: what it says, exactly once, and that it is silent after a takeover."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.scenario import Json, Visitor, as_json, bad_field, eventually, guest, hearing, operator, problem
from tests.server import ROOT, Server, replyx

ANSWERS = 4  # the demo's assistant that answers by itself
OWN = f"/api/assistants/{ANSWERS}"


@pytest.fixture(scope="module", autouse=True)
def knows(maria: httpx.Client) -> None:
    """The demo's sources have been read."""
    wait_until_it_knows(maria)


def wait_until_it_knows(maria: httpx.Client) -> None:
    """Wait until both of the demo's sources are in force."""

    def look() -> bool:
        found = as_json(maria.get(f"{OWN}/sources"))["items"]
        return [each["state"] for each in found] == ["ready", "ready"]

    eventually(look, "the demo's sources were read", 60)


def ask(person: httpx.Client, question: str) -> Json:
    """A dry run."""
    answer = person.post(f"{OWN}/ask", json={"question": question})
    assert answer.status_code == 200, answer.text
    return as_json(answer)


def history(http: httpx.Client, visitor: Visitor) -> list[Json]:
    """What was said in the visitor's dialog."""
    items: list[Json] = as_json(http.get(visitor.url(), params=dict(visitor.query)))["items"]
    return items


def said(http: httpx.Client, visitor: Visitor, count: int) -> list[Json]:
    """The history, as soon as it has so many messages."""

    def look() -> list[Json] | None:
        found = history(http, visitor)
        return found if len(found) >= count else None

    found = eventually(look, f"{count} messages", 30)
    assert len(found) == count, found
    return found


def dialog_of(boris: httpx.Client, visitor: Visitor) -> Json:
    """The dialog as operators see it."""
    found: Json = as_json(boris.get(f"/api/dialogs/{visitor.dialog_id}"))["dialog"]
    return found


class TestAsking:
    @pytest.mark.parametrize(
        ("question", "outcome", "best"),
        [
            ("сколько стоит доставка", "quote", ("Стоимость доставки", 0.694)),
            ("посудмойка", "quote", None),
            ("хочу вернуть вазу", "offer", None),
            ("kr350 weight", "quote", ('"After the snow" mug, article KR-350', None)),
            ("Возврат", "quote", ("Возврат", 1.0)),
            ("позовите человека", "person", None),
            ("какая завтра погода", "nothing", None),
            ("???", "nothing", None),
        ],
    )
    def test_a_dry_run_says_what_would_be_said_and_how_sure_that_is(
        self, boris: httpx.Client, question: str, outcome: str, best: tuple[str, float | None] | None
    ) -> None:
        found = ask(boris, question)
        assert found["outcome"] == outcome, found
        assert found["quote_from"] == 0.45
        if best is not None:
            title, confidence = best
            assert found["passages"][0]["passage"]["title"] == title
            assert confidence in (None, found["passages"][0]["confidence"])
        assert bool(found["suggestions"]) == (outcome == "offer")

    def test_every_database_ranks_alike(self, boris: httpx.Client) -> None:
        found = ask(boris, "сколько дней идёт доставка и сколько стоит курьер")["passages"]
        assert [(each["passage"]["title"], each["score"]) for each in found][:4] == RANKED

    def test_whoever_is_no_operator_may_not_ask(self, http: httpx.Client, maria: httpx.Client) -> None:
        problem(http.post(f"{OWN}/ask", json={"question": "x"}), 401)
        problem(maria.post("/api/assistants/99/ask", json={"question": "x"}), 404, "assistant_not_found")
        bad_field(maria.post(f"{OWN}/ask", json={"question": ""}), "question")

    def test_a_question_that_was_tied_to_a_passage_leads_there_also_from_its_next_version(
        self, maria: httpx.Client, boris: httpx.Client
    ) -> None:
        odd = "а голубиной почтой шлёте?"
        assert ask(boris, odd)["outcome"] != "quote"
        passage = ask(boris, "Стоимость доставки")["passages"][0]["passage"]
        leads_there = f"{OWN}/passages/{passage['id']}/questions"
        tied = boris.post(leads_there, json={"text": odd})
        assert tied.status_code == 201, tied.text
        assert as_json(boris.post(leads_there, json={"text": odd.upper()})) == tied.json()
        assert ask(boris, "А голубиной почтой шлёте")["passages"][0]["passage"]["id"] == passage["id"]

        source = as_json(maria.get(f"{OWN}/sources/{passage['source_id']}"))
        changed = {"text": source["text"].replace("Курьер стоит 390", "Курьер стоит 400")}
        maria.patch(f"{OWN}/sources/{source['id']}", json=changed)
        wait_until_it_knows(maria)
        again = ask(boris, odd)
        assert again["outcome"] == "quote"
        assert "400" in again["passages"][0]["passage"]["text"]
        problem(boris.post(leads_there, json={"text": "x"}), 404, "passage_not_found")

        (question,) = as_json(boris.get(f"{OWN}/questions"))["items"]
        assert (question["text"], question["title"]) == (odd, "Стоимость доставки")
        assert boris.delete(f"{OWN}/questions/{question['id']}").status_code == 204
        problem(boris.delete(f"{OWN}/questions/{question['id']}"), 404, "question_not_found")
        assert ask(boris, odd)["outcome"] != "quote"


class TestAnswering:
    def test_a_burst_is_answered_once_from_the_source_and_nobody_has_read_it(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        anna = guest(http, ANSWERS)
        anna.say(http, "сколько стоит")
        anna.say(http, "доставка курьером?")
        *_, answer = said(http, anna, 3)
        assert answer["sender"] == "assistant"
        assert answer["text"].startswith("Курьер стоит")
        assert answer["sources"] == [{"title": "Стоимость доставки", "url": None, "dated": None}]
        assert answer["suggestions"] == ["Позвать человека"]
        dialog = dialog_of(boris, anna)
        assert (dialog["handler"], dialog["unread"]) == ("assistant", 2)
        assert "sources" not in history(http, anna)[0]

    def test_what_is_not_sure_is_offered_and_a_heading_that_is_pressed_is_quoted(self, http: httpx.Client) -> None:
        anna = guest(http, ANSWERS)
        anna.say(http, "хочу вернуть вазу")
        *_, offer = said(http, anna, 2)
        assert offer["suggestions"] == ["Когда вернутся деньги", "Возврат", "Позвать человека"]
        assert "sources" not in offer
        anna.say(http, "Возврат")
        *_, answer = said(http, anna, 4)
        assert answer["text"].startswith("Вернуть посуду можно в течение 14 дней")

    def test_who_asks_for_a_person_gets_one_and_the_assistant_is_silent_from_then_on(
        self, server: Server, http: httpx.Client, boris: httpx.Client
    ) -> None:
        anna = guest(http, ANSWERS)
        with hearing(server, boris, anna.dialog_id) as heard:
            anna.say(http, "I want to talk to a human")
            *_, sentence = said(http, anna, 2)
        assert sentence["sender"] == "system"
        assert sentence["text"].startswith("We are handing this over to a person")
        events = [(each["type"], (each.get("dialog") or {}).get("handler")) for each in heard]
        assert events == [("message:new", None), ("dialog:updated", "manager"), ("message:new", None)]
        dialog = dialog_of(boris, anna)
        assert (dialog["handler"], dialog["assignee"]) == ("manager", None)
        anna.say(http, "how much is delivery")
        other = guest(http, ANSWERS)
        other.say(http, "how much is delivery")
        said(http, other, 2)  # asked later, answered: so the first had its time
        assert len(history(http, anna)) == 3

    def test_a_question_that_nothing_is_known_of_goes_to_a_person(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        anna = guest(http, ANSWERS)
        anna.say(http, "посоветуйте хороший фильм")
        *_, sentence = said(http, anna, 2)
        assert (sentence["sender"], dialog_of(boris, anna)["handler"]) == ("system", "manager")

    def test_nobody_is_answered_who_was_taken_over_or_only_says_thanks_or_has_an_assistant_of_another_kind(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        taken, thankful, elsewhere, last = (guest(http, each) for each in (ANSWERS, ANSWERS, 3, ANSWERS))
        taken.say(http, "how much is delivery")
        assert boris.post(f"/api/dialogs/{taken.dialog_id}/takeover").status_code == 200
        thankful.say(http, "thank you!")
        elsewhere.say(http, "how much is delivery")
        last.say(http, "how much is delivery")
        said(http, last, 2)
        assert [len(history(http, each)) for each in (taken, thankful, elsewhere)] == [1, 1, 1]
        boris.post(f"/api/dialogs/{taken.dialog_id}/release")
        taken.say(http, "is it dishwasher safe")
        assert said(http, taken, 3)[-1]["sender"] == "assistant"

    def test_an_operators_message_is_no_question_and_takes_the_one_that_waits_away(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        anna, last = guest(http, ANSWERS), guest(http, ANSWERS)
        anna.say(http, "how much is delivery")
        boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Four euro. How much is delivery?"})
        last.say(http, "how much is delivery")
        said(http, last, 2)
        assert [each["sender"] for each in history(http, anna)] == ["user", "manager"]

    def test_what_was_asked_before_the_assistant_answered_by_itself_is_not_answered(
        self, http: httpx.Client, maria: httpx.Client
    ) -> None:
        made = as_json(maria.post("/api/assistants", json={"name": "Late"}))
        path = f"/api/assistants/{made['id']}"
        assert (made["mode"], made["quote_percent"]) == ("bot", 60)
        maria.post(f"{path}/sources", json={"kind": "faq", "title": "Where are you?", "text": "In Riga."})
        anna = guest(http, made["id"])
        anna.say(http, "Where are you?")
        assert as_json(maria.patch(path, json={"mode": "retrieval"}))["mode"] == "retrieval"
        anna.say(http, "Where are you?")
        found = said(http, anna, 3)
        assert [each["sender"] for each in found] == ["user", "user", "assistant"]
        bad_field(maria.patch(path, json={"mode": "magic"}), "mode")
        bad_field(maria.patch(path, json={"quote_percent": 0}), "quote_percent")


class TestGaps:
    def test_what_was_not_answered_is_kept_together_and_an_answer_closes_it(
        self, http: httpx.Client, maria: httpx.Client, boris: httpx.Client
    ) -> None:
        for text in ("do you sell porcelain dolls", "you sell dolls of porcelain?", "рецепт клюквенного морса"):
            visitor = guest(http, ANSWERS)
            visitor.say(http, text)
            said(http, visitor, 2)
        gaps = {each["text"]: each for each in as_json(boris.get(f"{OWN}/gaps"))["items"]}
        dolls = gaps["you sell dolls of porcelain?"]
        assert (dolls["times"], dolls["also"]) == (2, ["do you sell porcelain dolls"])
        problem(boris.post(f"{OWN}/gaps/{dolls['id']}/answer", json={"text": "No."}), 403, "forbidden")
        answer = {"title": "Do you sell porcelain dolls?", "text": "No, only tableware."}
        made = maria.post(f"{OWN}/gaps/{dolls['id']}/answer", json=answer)
        assert (made.status_code, as_json(made)["kind"]) == (201, "faq")
        eventually(lambda: ask(boris, "do you sell porcelain dolls")["outcome"] == "quote", "the answer was read")
        problem(maria.post(f"{OWN}/gaps/{dolls['id']}/answer", json=answer), 404, "gap_not_found")

        recipe = gaps["рецепт клюквенного морса"]
        passage = ask(boris, "Возврат")["passages"][0]["passage"]
        tied = boris.post(f"{OWN}/gaps/{recipe['id']}/passage", json={"passage_id": passage["id"]})
        assert tied.status_code == 204
        assert ask(boris, "Рецепт клюквенного морса?")["passages"][0]["passage"]["id"] == passage["id"]
        left = [each["text"] for each in as_json(boris.get(f"{OWN}/gaps"))["items"]]
        assert not {"you sell dolls of porcelain?", "рецепт клюквенного морса"} & set(left)
        problem(boris.delete(f"{OWN}/gaps/{recipe['id']}"), 404, "gap_not_found")
        assert maria.delete(f"{OWN}/sources/{as_json(made)['id']}").status_code == 204


class TestEvaluating:
    def test_the_command_says_how_the_demos_assistant_does_and_fails_where_that_is_too_bad(
        self, server: Server, tmp_path: Path
    ) -> None:
        cases = ROOT / "tests" / "api" / "knowledge_questions.csv"
        arguments = ("evaluate", "--assistant", str(ANSWERS), "--json", "--cases")
        ran = replyx(server.data_dir, *arguments, str(cases), "--fail-under", "0.85")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found = json.loads(ran.stdout)
        now = found["now"]
        assert (found["cases"], found["answerable"]) == (120, 90)
        assert sum(now[each] for each in ("right", "wrong", "rightly_refused", "wrongly_refused")) == 120
        assert now["wrong"] <= 0.05 * (now["right"] + now["wrong"])
        assert now["right"] >= 45
        assert found["calibrated"]["right"] >= now["right"]
        assert replyx(server.data_dir, *arguments, str(cases), "--fail-under", "0.99").returncode == 1
        bad = tmp_path / "bad.csv"
        bad.write_text("a,b\n1,2\n")
        assert "question and expected" in replyx(server.data_dir, *arguments, str(bad)).stderr


class TestDying:
    @pytest.fixture
    def two(self, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
        """Two processes on one database, which know nothing of each other."""
        with Server(tmp_path / "data") as first, Server(tmp_path / "data") as second:
            yield first, second

    def test_kill_9_loses_no_question_and_two_processes_answer_none_twice(self, two: tuple[Server, Server]) -> None:
        first, second = two
        with operator(second) as maria:
            wait_until_it_knows(maria)
        with first.client() as http, second.client() as other:
            visitors = [guest(http, ANSWERS) for _ in range(12)]
            for number, visitor in enumerate(visitors):
                visitor.say(http if number % 2 else other, "how much is delivery")
            first.kill()
            for visitor in visitors[:4]:
                visitor.say(other, "is it dishwasher safe")
            for number, visitor in enumerate(visitors):
                found = eventually(
                    lambda visitor=visitor: (  # type: ignore[misc]
                        (seen := history(other, visitor))[-1]["sender"] == "assistant" and seen
                    ),
                    "an answer",
                    60,
                )
                asked = 2 if number < 4 else 1
                assert sum(each["sender"] == "user" for each in found) == asked
            closing = guest(other, ANSWERS)
            closing.say(other, "how much is delivery")
            said(other, closing, 2)
            for visitor in visitors:
                answers = [each for each in history(other, visitor) if each["sender"] == "assistant"]
                delivery = [each for each in answers if "4 euro" in each["text"]]
                assert len(delivery) <= 1, answers
                assert len({each["client_id"] for each in answers}) == len(answers) <= 2


RANKED = [
    ("Стоимость доставки", 15.93),
    ("Delivery cost", 9.711),
    ("Доставка в другие страны", 7.385),
    ("Сроки доставки", 7.306),
]

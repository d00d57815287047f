"""Each form of the release does what the README promises, in an environment that has nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.api.test_sources import pdf, texts, upload
from tests.browser.people import Stage
from tests.redis_server import RedisServer
from tests.server import ROOT, Server
from tests.ship.forms import Form

PASSPHRASE = "three-old-boots-in-a-row"


@pytest.fixture
def redis(redis_server: Path, tmp_path: Path) -> RedisServer:
    return RedisServer(redis_server, tmp_path)


def test_the_demo_is_a_shop_with_a_chat_that_an_operator_answers(form: Form, stage: Stage) -> None:
    with Server(form.data / "demo") as server:
        visitor = stage.visitor(f"{server.url}/demo-site/")
        visitor.open_chat()
        visitor.say("Есть ли ботинки 42 размера?")
        operator = stage.operator(server.url)
        operator.open_dialog("Есть ли ботинки")
        operator.say("Есть, последняя пара")
        visitor.shows("Есть ли ботинки 42 размера?", "Есть, последняя пара")
        stage.server_goes_away()
        # a file that unpacks itself is two processes, and only the one that serves nothing can be killed by its number
        if form.one_process:
            server.kill()
        else:
            server.stop()
        server.start()
        visitor.is_live()
        visitor.say("Беру")
        operator.is_live()
        operator.shows("Есть ли ботинки 42 размера?", "Есть, последняя пара", "Беру")
        assert server.stop() == 0


def test_the_page_of_a_ticket_has_its_client(form: Form, stage: Stage) -> None:
    with Server(form.data / "ticket") as server:
        assert httpx.get(f"{server.url}/socket.io/socket.io.js").status_code == 200
        page, _ = stage.page("ticket")
        page.goto(f"{server.url}/demo/")
        page.get_by_test_id("new-ticket").click()
        page.get_by_label(re.compile("Тема|Subject")).fill("Не пришла посылка")
        page.get_by_label(re.compile("Описание|Description")).fill("Ждём с понедельника")
        page.get_by_test_id("create").click()
        expect(page.get_by_test_id("fact-status")).to_be_visible()
        expect(page.get_by_test_id("notice")).to_be_hidden()


def test_the_first_start_asks_for_its_code_and_makes_an_admin(form: Form) -> None:
    with Server(form.data / "first", demo=False) as server:
        [code] = re.findall(r"one-time code (\S+)", server.log)
        with server.client() as http:
            account = {
                "code": code,
                "email": "anna@example.com",
                "name": "Anna",
                "password": "three-old-boots-in-a-row",
            }
            assert http.post("/api/v1/setup", json=account).status_code == 201
        server.login("anna@example.com", PASSPHRASE)
    listed = form.run("account", "list", "--data-dir", str(form.data / "first"))
    assert "anna@example.com" in listed


def test_what_was_said_is_in_the_backup_that_is_put_back(form: Form) -> None:
    data = form.data / "kept"
    with Server(data) as server, server.client(headers={"Authorization": f"Bearer {server.login()}"}) as http:
        assert http.post("/api/dialogs/1/messages", json={"text": "До копии"}).status_code == 201
        form.run("backup", str(form.data / "copy"), "--data-dir", str(data))
        assert http.post("/api/dialogs/1/messages", json={"text": "После копии"}).status_code == 201
    form.run("restore", str(form.data / "copy"), "--data-dir", str(data))
    with Server(data) as server, server.client(headers={"Authorization": f"Bearer {server.login()}"}) as http:
        texts = [message["text"] for message in http.get("/api/dialogs/1/messages").json()["items"]]
    assert "До копии" in texts
    assert "После копии" not in texts


def test_two_workers_are_one_server(form: Form, redis: RedisServer) -> None:
    with redis, Server(form.data / "workers", env={"REDIS_URL": redis.url}, flags=["--workers", "2"]) as server:
        token = server.login()
        with server.client(headers={"Authorization": f"Bearer {token}"}) as http:
            for number in range(10):
                assert http.post("/api/dialogs/1/messages", json={"text": f"{number}"}).status_code == 201
            page = http.get("/api/dialogs/1/messages").json()
        assert [message["text"] for message in page["items"]][-10:] == [str(number) for number in range(10)]
        assert len(set(re.findall(r"worker (\d+) started in", server.log))) == 2
        assert server.stop() == 0


def test_a_document_that_somebody_else_made_is_read_beside_the_server(form: Form) -> None:
    with Server(form.data / "knowledge") as server:
        token = server.login()
        with server.client(headers={"Authorization": f"Bearer {token}"}) as maria:
            made = upload(maria, "pdf", pdf("Warranty lasts two years."), "Manual")
            assert texts(maria, made) == [("Manual", "Warranty lasts two years.")]


def test_the_doctor_looks_at_what_the_server_keeps(form: Form) -> None:
    data = form.data / "doctor"
    with Server(data):
        command = [*form.program(), "doctor", "--inside", "--json", "--data-dir", str(data)]
        done = subprocess.run(command, cwd=form.data, env={}, capture_output=True, text=True, timeout=60, check=False)
    verdicts = {each["code"]: each["verdict"] for each in json.loads(done.stdout)}
    assert verdicts["database_whole"] == verdicts["data_dir"] == "good"
    # where nothing else is, there are neither authorities nor time zones, and the doctor says so
    bad = {code for code, verdict in verdicts.items() if verdict == "bad"}
    assert bad <= {"certificates_missing", "zones_missing"}


def test_the_bill_of_materials_names_what_is_inside() -> None:
    [bill] = (ROOT / "dist").glob("*.cdx.json")
    names = {each["name"] for each in json.loads(bill.read_text(encoding="utf-8"))["components"]}
    assert {"tornado", "msgspec", "peewee", "psycopg"} <= names

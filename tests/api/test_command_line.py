"""The command line beside a running server, before its first start, and where there is no installation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from replyx import __version__, cli
from replyx.database.migrations import MIGRATIONS
from tests.scenario import EventStream, Visitor, as_json, closed_with, eventually, frame, socket_of
from tests.server import Server, replyx

PASSWORD = "a long password"


class TestCommandLine:
    """Each command beside the running server, which must see its effect without a restart."""

    def test_an_account_that_was_added_can_log_in(self, server: Server) -> None:
        added = replyx(
            server.data_dir, "account", "add", "cli@example.com", "--role", "manager", stdin="a long password\n"
        )
        assert added.returncode == 0, added.stderr
        server.login("cli@example.com", "a long password")
        assert "cli@example.com manager active" in replyx(server.data_dir, "account", "list").stdout
        again = replyx(server.data_dir, "account", "add", "cli@example.com", stdin="a long password\n")
        assert (again.returncode, "cli@example.com" in again.stderr) == (1, True)
        weak = replyx(server.data_dir, "account", "add", "weak@example.com", stdin="short\n")
        assert (weak.returncode, "Traceback" in weak.stderr) == (1, False)

    def test_a_widget_that_was_added_works(self, server: Server, http: httpx.Client) -> None:
        added = replyx(server.data_dir, "widget", "add", "--assistant", "3", "--domain", "cli.example")
        assert added.returncode == 0, added.stderr
        found = re.search(r"token=([^&]+)&assistant_id=3&", added.stdout)
        assert found, added.stdout
        check = {"token": found[1], "domain": "cli.example"}
        eventually(lambda: as_json(http.get("/api/widgets/check", params=check))["valid"], "the widget")
        assert http.post("/api/site/session", params={"site_token": found[1]}, json={}).status_code == 200
        unknown = replyx(server.data_dir, "widget", "add", "--assistant", "999")
        assert (unknown.returncode, "999" in unknown.stderr) == (1, True)
        bad = replyx(server.data_dir, "widget", "add", "--assistant", "3", "--domain", "a b")
        assert (bad.returncode, "Traceback" in bad.stderr) == (1, False)

    def test_a_token_is_an_access_token_that_works(self, server: Server, http: httpx.Client) -> None:
        printed = replyx(server.data_dir, "token", "Admin@example.com")
        assert printed.returncode == 0, printed.stderr
        me = http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {printed.stdout.strip()}"})
        assert as_json(me)["email"] == "admin@example.com"
        assert replyx(server.data_dir, "token", "nobody@example.com").returncode == 1

    def test_changes_from_outside_do_not_disturb_the_order_of_events(
        self, server: Server, http: httpx.Client, anna: Visitor
    ) -> None:
        """The command line writes to the same log, so the server finds ids there that it did not give."""
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", anna.query) as stream:
            first = anna.say(http, "до")["message"]["id"]
            assert replyx(server.data_dir, "widget", "add", "--assistant", "3").returncode == 0
            second = anna.say(http, "после")["message"]["id"]
            new = [stream.until(lambda data: data["type"] == "message:new")[-1].data["message"]["id"] for _ in range(2)]
        assert new == [first, second]

    @pytest.mark.parametrize(
        "arguments", [["account"], ["widget", "add"], ["token"], ["account", "add", "x", "--role", "king"]]
    )
    def test_a_wrong_command_explains_itself(self, tmp_path: Path, arguments: list[str]) -> None:
        ran = replyx(tmp_path / "data", *arguments)
        assert ran.returncode == 2
        assert ran.stderr.startswith("usage:")


class TestHelp:
    def test_the_help_names_every_command_and_each_command_explains_itself(self, tmp_path: Path) -> None:
        text = replyx(tmp_path / "data", "--help").stdout
        for name in (cli.SERVE, *cli.COMMANDS):
            assert re.search(rf"^    {name} ", text, re.MULTILINE), name
        for words, action in cli.each_command():
            told = replyx(tmp_path / "data", *words.split(), "--help")
            assert told.returncode == 0
            assert told.stdout.startswith(f"usage: replyx {words} ")
            assert " ".join(action.help.split()) in " ".join(told.stdout.split())
        assert not (tmp_path / "data").exists()

    def test_the_version_names_what_data_depends_on(self, tmp_path: Path) -> None:
        told = replyx(tmp_path / "data", "--version").stdout
        numbers = rf"\(Python 3\.\d+\.\d+\S*, SQLite \d+\.\d+\S*, schema {len(MIGRATIONS)}\)"
        assert re.fullmatch(rf"replyx {re.escape(__version__)} {numbers}\n", told)

    @pytest.mark.parametrize("flags", [["--colour", "init"], ["--port", "0", "--colour", "red"], ["--colour=red"]])
    def test_an_unknown_flag_before_a_command_is_named(self, tmp_path: Path, flags: list[str]) -> None:
        ran = replyx(tmp_path / "data", *flags)
        assert (ran.returncode, "--colour" in ran.stderr) == (2, True)
        assert not (tmp_path / "data").exists()

    def test_serve_is_what_no_command_is(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data", flags=["serve"]) as server, server.client() as http:
            assert http.get("/health").status_code == 200


class TestAccounts:
    def test_a_new_password_ends_the_sessions_and_the_sockets_of_the_old_one(self, server: Server) -> None:
        replyx(server.data_dir, "account", "add", "olga@example.com", "--role", "admin", stdin=f"{PASSWORD}\n")
        token = server.login("olga@example.com", PASSWORD)
        with socket_of(server, f"/ws/admin?token={token}") as socket:
            assert frame(socket)["event"] == "connected"
            changed = replyx(server.data_dir, "account", "password", "Olga@example.com", stdin="another long one\n")
            assert changed.returncode == 0, changed.stderr
            assert changed.stdout.endswith("olga@example.com (admin, active); its sessions have ended\n")
            assert closed_with(socket) == 4401
        with server.client() as http:
            assert http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
            body = {"email": "olga@example.com", "password": PASSWORD}
            assert http.post("/api/v1/auth/login", json=body).status_code == 401
        server.login("olga@example.com", "another long one")

    def test_an_account_is_disabled_enabled_and_given_another_role(self, server: Server) -> None:
        def one(*words: str) -> tuple[int, str]:
            ran = replyx(server.data_dir, "account", words[0], "petr@example.com", *words[1:], stdin=f"{PASSWORD}\n")
            return ran.returncode, ran.stdout + ran.stderr

        def may_log_in() -> bool:
            body = {"email": "petr@example.com", "password": PASSWORD}
            with server.client() as http:
                return http.post("/api/v1/auth/login", json=body).status_code == 200

        assert one("add")[0] == 0
        assert may_log_in()
        assert "(manager, disabled)" in one("disable")[1]
        assert not may_log_in()
        assert "(manager, active)" in one("enable")[1]
        assert "(shop, active)" in one("role", "shop")[1]
        assert may_log_in()
        assert one("role", "king")[0] == 2
        listed = json.loads(replyx(server.data_dir, "account", "list", "--json").stdout)
        petr = next(each for each in listed if each["email"] == "petr@example.com")
        assert (petr["role"], petr["active"], "password_hash" in petr) == ("shop", True, False)

    @pytest.mark.parametrize("words", [["password"], ["disable"], ["enable"], ["role", "user"]])
    def test_an_account_that_is_not_there_is_told(self, server: Server, words: list[str]) -> None:
        ran = replyx(server.data_dir, "account", words[0], "nobody@example.com", *words[1:], stdin=f"{PASSWORD}\n")
        assert (ran.returncode, "nobody@example.com" in ran.stderr) == (1, True)

    def test_the_only_admin_cannot_be_taken_away_and_gets_a_new_password(self, tmp_path: Path) -> None:
        """Whoever has lost the only admin's password has the machine, and needs no more."""
        data = tmp_path / "data"
        code = replyx(data, "init").stdout.split()[-1]
        replyx(data, "init", "--code", code, "--email", "anna@example.com", stdin=f"{PASSWORD}\n")
        for words in (["disable"], ["role", "manager"]):
            refused = replyx(data, "account", words[0], "anna@example.com", *words[1:])
            assert (refused.returncode, "only admin" in refused.stderr) == (1, True)
        assert "anna@example.com admin active" in replyx(data, "account", "list").stdout
        changed = replyx(data, "account", "password", "anna@example.com", stdin="found again 1\n")
        assert changed.returncode == 0, changed.stderr
        with Server(data, demo=False) as server:
            server.login("anna@example.com", "found again 1")


class TestSettingUp:
    def test_all_of_an_installation_can_be_made_without_a_browser(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        code = replyx(data, "init").stdout.split()[-1]
        replyx(data, "init", "--code", code, "--email", "anna@example.com", stdin=f"{PASSWORD}\n")
        added = replyx(data, "assistant", "add", "Помощник", "--greeting", "Здравствуйте")
        assert added.stdout == "assistant 1: Помощник\n", added.stderr
        assert json.loads(replyx(data, "assistant", "list", "--json").stdout)[0]["greeting"] == "Здравствуйте"
        refused = replyx(data, "assistant", "add", "x" * 101)
        assert (refused.returncode, "100" in refused.stderr, "Traceback" in refused.stderr) == (2, True, False)
        address = "https://chat.example"
        widget = replyx(data, "widget", "add", "--assistant", "1", "--domain", "shop.example", "--public-url", address)
        token = re.search(rf'src="{address}/widget\.js\?token=([^&]+)&', widget.stdout)
        assert token, widget.stdout + widget.stderr
        with Server(data, demo=False) as server, server.client() as http:
            checked = http.get("/api/widgets/check", params={"token": token[1], "domain": "shop.example"})
            assert as_json(checked)["reason"] == "ok"

    def test_an_embed_code_names_the_address_that_the_server_ran_with(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with Server(data):
            pass
        here = replyx(data, "widget", "add", "--assistant", "3")
        assert "http://localhost:" in here.stdout
        assert "only this machine" in here.stderr
        public = tmp_path / "public"
        with Server(public, demo=False, env={"PUBLIC_URL": "https://chat.example"}):
            pass
        replyx(public, "assistant", "add", "Помощник")
        remembered = replyx(public, "widget", "add", "--assistant", "1")
        assert ('src="https://chat.example/widget.js' in remembered.stdout, remembered.stderr) == (True, "")
        told = replyx(data, "widget", "add", "--assistant", "3", "--public-url", "https://new.example")
        assert 'src="https://new.example/widget.js' in told.stdout

    @pytest.mark.parametrize(
        "words",
        [
            "account list",
            "account add anna@example.com",
            "account password anna@example.com",
            "assistant add Anna",
            "assistant list",
            "widget add --assistant 1",
            "token anna@example.com",
            "secrets show",
            "secrets rotate",
            "move --to sqlite:///other.db",
        ],
    )
    def test_only_init_and_the_server_begin_an_installation(self, tmp_path: Path, words: str) -> None:
        ran = replyx(tmp_path / "data", *words.split(), stdin=f"{PASSWORD}\n")
        assert (ran.returncode, "there is no " in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)
        assert not (tmp_path / "data").exists()


class TestSecrets:
    def test_a_new_key_leaves_embed_codes_and_sessions_as_they_are_until_the_old_ones_are_forgotten(
        self, tmp_path: Path
    ) -> None:
        """Embed codes live for years in pages of other people."""
        data = tmp_path / "data"

        def checked(server: Server, token: str) -> object:
            with server.client() as http:
                return as_json(http.get("/api/widgets/check", params={"token": token, "domain": "localhost"}))["reason"]

        def new_code() -> str:
            found = re.search(r"token=([^&]+)&", replyx(data, "widget", "add", "--assistant", "3").stdout)
            assert found
            return found[1]

        with Server(data) as server:
            login, code = server.login(), new_code()
            shown = replyx(data, "secrets", "show").stdout
            for _ in range(3):
                assert replyx(data, "secrets", "rotate").returncode == 0
            assert checked(server, code) == "ok"
        with Server(data) as server, server.client(headers={"Authorization": f"Bearer {login}"}) as admin:
            assert checked(server, code) == "ok"
            assert admin.get("/api/v1/auth/me").status_code == 200
            newer = new_code()
            assert checked(server, newer) == "ok"
            told = replyx(data, "secrets", "show").stdout
            assert len(told.splitlines()) == len(shown.splitlines()) + 3
            for secret in json.loads((data / "secrets.json").read_text())["jwt_keys"]:
                assert secret["secret"] not in told
            assert replyx(data, "secrets", "rotate", "--forget").returncode == 0
        with Server(data) as server, server.client(headers={"Authorization": f"Bearer {login}"}) as admin:
            assert checked(server, code) == checked(server, newer) == "malformed"
            assert admin.get("/api/v1/auth/me").status_code == 401
            assert checked(server, new_code()) == "ok"

    def test_keys_of_the_environment_are_replaced_there(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data"):
            pass
        keys = "first-key-that-is-long-enough-for-it,other-key-that-is-long-enough-for-it"
        shown = replyx(tmp_path / "data", "secrets", "show", JWT_SECRET=keys).stdout
        assert "JWT_SECRET" in shown
        assert len(shown.splitlines()) == 3
        refused = replyx(tmp_path / "data", "secrets", "rotate", JWT_SECRET=keys)
        assert (refused.returncode, "'new,old'" in refused.stderr) == (2, True)

"""The panel's session in a cookie, and the first run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from tests.scenario import EventStream, Visitor, as_json, bad_field, problem
from tests.server import PASSWORD, Server, replyx

BORIS = {"email": "manager@example.com", "password": PASSWORD}
CODE = re.compile(r"one-time code:? ([A-Z0-9-]{19})", re.IGNORECASE)


@pytest.fixture
def panel(server: Server) -> Iterator[httpx.Client]:
    """A browser that is logged in to the panel."""
    with server.client() as browser:
        assert browser.get("/admin").status_code == 200
        assert browser.post("/admin/session", json=BORIS).status_code == 200
        yield browser


def xsrf(browser: httpx.Client) -> dict[str, str]:
    """What the panel's script adds to each change."""
    return {"X-XSRFToken": browser.cookies["_xsrf"]}


class TestCookie:
    def test_scripts_cannot_read_the_session_and_other_sites_cannot_send_it(self, http: httpx.Client) -> None:
        answer = http.post("/admin/session", json=BORIS)
        assert as_json(answer)["user"]["email"] == BORIS["email"]
        assert "token" not in answer.text
        set_cookies = answer.headers.get_list("set-cookie")
        cookies = {name: morsel for each in set_cookies for name, morsel in SimpleCookie(each).items()}
        session, token = cookies["replyx_session"], cookies["_xsrf"]
        assert session["httponly"]
        assert not token["httponly"], "the panel's script must read it"
        assert {session["samesite"], token["samesite"]} == {"Strict"}
        assert session["path"] == "/"
        http.cookies.clear()

    def test_behind_https_the_cookies_are_secure(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        data = tmp_path_factory.mktemp("server") / "data"
        with Server(data, env={"TRUSTED_PROXIES": "127.0.0.1"}) as proxied, proxied.client() as browser:
            answer = browser.post("/admin/session", json=BORIS, headers={"X-Forwarded-Proto": "https"})
            assert {("Secure" in each) for each in answer.headers.get_list("set-cookie")} == {True}

    def test_a_wrong_pair_sets_no_cookie(self, http: httpx.Client) -> None:
        answer = http.post("/admin/session", json=BORIS | {"password": "wrong-password"})
        problem(answer, 401, "login_failed")
        assert "set-cookie" not in answer.headers

    def test_it_reads_what_the_operator_may_read(self, server: Server, panel: httpx.Client) -> None:
        assert as_json(panel.get("/api/v1/auth/me"))["email"] == BORIS["email"]
        assert panel.get("/api/dialogs").status_code == 200
        cookie = f"replyx_session={panel.cookies['replyx_session']}"
        with EventStream(server, "/api/inbox/events", headers={"Cookie": cookie}) as stream:
            assert stream.retry == 5000

    @pytest.mark.parametrize(
        "headers", [{}, {"X-XSRFToken": ""}, {"X-XSRFToken": "guess"}, {"X-XSRFToken": "é".encode("latin-1")}]
    )
    def test_no_change_without_the_xsrf_token(
        self, panel: httpx.Client, anna: Visitor, headers: dict[str, str]
    ) -> None:
        url = f"/api/dialogs/{anna.dialog_id}"
        for method, path, body in (
            ("POST", f"{url}/messages", {"text": "x"}),
            ("POST", f"{url}/close", {}),
            ("POST", "/api/widgets", {"assistant_id": 3}),
            ("PATCH", "/api/assistants/1", {"name": "x"}),
            ("DELETE", "/api/assistants/1", None),
            ("DELETE", "/admin/session", None),
        ):
            answer = panel.request(method, path, json=body, headers=headers)
            problem(answer, 403, "xsrf_refused")
        assert as_json(panel.get(f"{url}/messages"))["items"] == []

    def test_an_xsrf_token_without_its_cookie_is_worth_nothing(self, server: Server, panel: httpx.Client) -> None:
        with server.client(cookies={"replyx_session": panel.cookies["replyx_session"]}) as browser:
            problem(browser.delete("/admin/session", headers=xsrf(panel)), 403, "xsrf_refused")
            browser.cookies["_xsrf"] = ""
            problem(browser.delete("/admin/session", headers={"X-XSRFToken": ""}), 403, "xsrf_refused")

    def test_with_it_changes_are_made(self, panel: httpx.Client, anna: Visitor) -> None:
        url = f"/api/dialogs/{anna.dialog_id}/messages"
        assert panel.post(url, json={"text": "x"}, headers=xsrf(panel)).status_code == 201

    def test_a_filter_by_assistant_is_not_taken_for_a_visitors_credential(self, panel: httpx.Client) -> None:
        answer = panel.get("/api/widgets", params={"assistant_id": 3})
        assert answer.status_code == 200, answer.text

    @pytest.mark.parametrize("extra", [{"assistant_id": "3"}, {"guest_id": "x"}, {"site_token": "x"}, {"token": ""}])
    def test_a_visitors_parameter_beside_the_cookie_does_not_replace_the_xsrf_token(
        self, panel: httpx.Client, anna: Visitor, extra: dict[str, str]
    ) -> None:
        for path, body in ((f"/api/dialogs/{anna.dialog_id}/close", {}), ("/api/assistants", {"name": "x"})):
            answer = panel.post(path, params=extra, json=body)
            assert answer.status_code in (401, 403), answer.text
            problem(answer, answer.status_code)

    def test_only_operators_log_in_to_the_panel(self, http: httpx.Client) -> None:
        answer = http.post("/admin/session", json=BORIS | {"email": "user@example.com"})
        assert answer.status_code in (401, 403)
        problem(answer, answer.status_code)
        assert "set-cookie" not in answer.headers

    def test_logging_out_ends_the_session_itself(self, server: Server, panel: httpx.Client) -> None:
        session = panel.cookies["replyx_session"]
        assert panel.delete("/admin/session", headers=xsrf(panel)).status_code == 204
        assert "replyx_session" not in panel.cookies
        with server.client(cookies={"replyx_session": session}) as thief:
            problem(thief.get("/api/v1/auth/me"), 401, "credential_invalid")

    def test_the_page_forbids_what_it_does_not_need(self, http: httpx.Client) -> None:
        answer = http.get("/admin")
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


ADMIN = {"email": "first@example.com", "password": "a long password", "name": "Первая"}


class TestFirstRun:
    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Iterator[Server]:
        """A server that nobody has set up."""
        with Server(tmp_path / "data", demo=False) as running:
            yield running

    @staticmethod
    def code_of(text: str) -> str:
        """The one-time code that was printed."""
        found = CODE.search(text)
        assert found, text
        return found[1]

    def test_the_code_from_the_log_makes_the_first_admin_once(self, fresh: Server) -> None:
        code = self.code_of(fresh.log)
        with fresh.client() as browser:
            assert as_json(browser.get("/api/v1/setup")) == {"needed": True}
            problem(browser.post("/api/v1/setup", json=ADMIN | {"code": "AAAA-BBBB-CCCC-DDDD"}), 403, "forbidden")
            bad = browser.post("/api/v1/setup", json=ADMIN | {"code": code, "password": "short"})
            assert problem(bad, 422, "invalid")["errors"][0]["field"] == "password"
            made = browser.post("/api/v1/setup", json=ADMIN | {"code": code.lower().replace("-", " ")})
            assert made.status_code == 201, made.text
            assert as_json(made)["user"]["role"] == "admin"
            assert as_json(browser.get("/api/v1/auth/me"))["email"] == ADMIN["email"]
            assert as_json(browser.get("/api/v1/setup")) == {"needed": False}
            second = ADMIN | {"code": code, "email": "second@example.com"}
            problem(browser.post("/api/v1/setup", json=second), 409, "setup_done")
        fresh.login(ADMIN["email"], ADMIN["password"])
        assert fresh.stop() == 0
        fresh.lines.clear()
        fresh.start()
        assert CODE.search(fresh.log) is None, "a server with an account prints no code"
        fresh.login(ADMIN["email"], ADMIN["password"])

    def test_there_is_no_default_account(self, fresh: Server) -> None:
        with fresh.client() as http:
            for email in ("admin@example.com", "admin", "root"):
                login = {"email": email, "password": PASSWORD}
                problem(http.post("/api/v1/auth/login", json=login), 401, "login_failed")

    def test_guessing_the_code_ends_in_a_pause(self, fresh: Server) -> None:
        with fresh.client() as http:
            for _ in range(20):
                answer = http.post("/api/v1/setup", json=ADMIN | {"code": "AAAA-BBBB-CCCC-DDDD"})
                if answer.status_code == 429:
                    break
            problem(answer, 429, "too_many_requests")
            assert int(answer.headers["retry-after"]) >= 1

    def test_missing_fields_are_named(self, fresh: Server) -> None:
        with fresh.client() as http:
            for field in ("email", "password"):
                body = {name: value for name, value in (ADMIN | {"code": "x"}).items() if name != field}
                bad_field(http.post("/api/v1/setup", json=body), field)

    def test_init_makes_the_first_admin_of_a_running_server(self, fresh: Server) -> None:
        code = self.code_of(fresh.log)
        password = ADMIN["password"] + "\n"
        refused = replyx(
            fresh.data_dir, "init", "--code", "AAAA-BBBB-CCCC-DDDD", "--email", "a@example.com", stdin=password
        )
        assert refused.returncode == 1
        assert "one-time code" in refused.stderr
        made = replyx(fresh.data_dir, "init", "--code", code, "--email", ADMIN["email"], stdin=password)
        assert made.returncode == 0, made.stderr
        fresh.login(ADMIN["email"], ADMIN["password"])
        again = replyx(fresh.data_dir, "init", "--code", code, "--email", "b@example.com", stdin=password)
        assert again.returncode == 1

    def test_init_prepares_a_directory_before_the_first_start(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        code = self.code_of(replyx(data, "init").stdout)
        made = replyx(data, "init", "--code", code, "--email", ADMIN["email"], stdin=ADMIN["password"] + "\n")
        assert made.returncode == 0, made.stderr
        with Server(data, demo=False) as running:
            assert CODE.search(running.log) is None
            running.login(ADMIN["email"], ADMIN["password"])

"""The route table walked: every address states who may call, keeps everybody else out, and is described as it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis

from handlers.access import Access
from handlers.base import Operation, Route
from handlers.openapi import METHODS, SECURITY, access_of
from handlers.routes import ROUTES
from handlers.sockets import SocketHandler
from tests.scenario import (
    Json,
    Visitor,
    as_json,
    closed_with,
    frame,
    guest,
    new_widget,
    problem,
    site_visitor,
    socket_of,
)
from tests.server import PASSWORD, ROOT, Server

# Whoever adds a line here opens an address to the world.
OPEN = {
    "GET /",
    "GET /admin",
    "GET /chat/{widget_id}",
    "GET /demo-site/",
    "GET /demo/",
    "GET /webapp/",
    "GET /docs",
    "GET /docs/errors",
    "GET /openapi.json",
    "GET /health",
    "GET /healthz",
    "GET /ready",
    "GET /readyz",
    "GET /api/sse/health",
    "GET /ws/stats",
    "GET /api/v1/setup",
    "POST /api/v1/setup",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/register",
    "POST /admin/session",
    "POST /webapp/session",
    # nobody, unless a cookie says who
    "GET /webapp/session",
    # the old subscription's secret is the credential
    "PUT /api/v1/push/subscriptions",
    # approved products, and what the events tell every client of the platform
    "GET /api/v1/products",
    "GET /api/v1/products/{product_id}",
    "GET /api/v1/settings",
    "GET /api/widgets/check",
    "POST /api/site/session",
    "POST /api/widget/dialogs",
    # a ticket's id is itself the right to speak in it
    "POST /api/support/tickets",
    "GET /api/support/tickets/{ticket_id:token}",
    "GET /api/support/tickets/{ticket_id:token}/messages",
    "POST /api/support/tickets/{ticket_id:token}/messages",
}
BODY = {"text": "x", "typing": True, "account_id": None, "name": "x", "assistant_id": 3}


class Call(NamedTuple):
    """One operation of one route, and who may do it."""

    method: str
    route: Route
    declared: Operation
    access: Access

    def __str__(self) -> str:
        return f"{self.method} {self.route.path}"


def calls() -> list[Call]:
    """Every operation over HTTP."""
    found = []
    for route in ROUTES:
        for method in METHODS:
            declared: Operation | None = getattr(getattr(route.handler, method), "operation", None)
            if declared is not None:
                found.append(Call(method.upper(), route, declared, access_of(route, declared)))
    return found


CALLS = calls()
CLOSED = [call for call in CALLS if call.access not in (Access.PUBLIC, Access.WIDGET)]
# Without what never ends, ends the session, or deletes what other calls need.
OPERATORS = [
    call
    for call in CLOSED
    if call.access not in (Access.SITE, Access.GUEST, Access.SHOP, Access.USER, Access.INTERNAL, Access.MONITOR)
    and call.method != "DELETE"
    and not call.route.path.endswith(("/events", "/logout", "/password"))
]
SOCKETS = [route for route in ROUTES if issubclass(route.handler, SocketHandler) and route.access is not Access.PUBLIC]


def concrete(path: str, number: int = 1) -> str:
    """A path with its variables filled in."""
    return re.sub(r"\{\w+\}", str(number), re.sub(r"\{\w+:token\}", "A" * 22, path))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The walk makes more calls than one address may in a minute."""
    env = {"METRICS_TOKEN": "m" * 32}
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"], env=env) as running:
        yield running


class Caller(NamedTuple):
    """Somebody, and the dialog of another that he tries."""

    query: Mapping[str, str]
    dialog_id: int


@pytest.fixture(scope="module")
def callers(server: Server, http: httpx.Client, maria: httpx.Client) -> dict[str, Caller]:
    """One of each kind. The visitors are strangers to the dialog."""
    maria.post("/api/v1/accounts", json={"email": "bot@example.com", "password": PASSWORD, "role": "bot"})
    anna, stranger = guest(http), guest(http)
    shopper: Visitor = site_visitor(http, new_widget(maria)["token"])
    accounts = {role: {"token": server.login(f"{role}@example.com")} for role in ("user", "shop", "bot")}
    queries: dict[str, Mapping[str, str]] = {
        "nobody": {},
        **accounts,
        "stranger": stranger.query,
        "shopper": shopper.query,
        "forger": {"token": "eyJhbGciOiJub25lIn0.e30."},
    }
    return {name: Caller(query, anna.dialog_id) for name, query in queries.items()}


ENTITLED = {
    Access.ACCOUNT: {"user", "shop", "bot"},
    Access.OPERATOR: set(),
    Access.ADMIN: set(),
    Access.SHOP: {"shop"},
    Access.USER: {"user"},
    Access.STAFF: {"bot"},
    Access.INTERNAL: set(),
    Access.MONITOR: set(),
    Access.SITE: set(),  # the shopper has a dialog, but not this one
    Access.GUEST: set(),
    Access.PARTICIPANT: {"bot"},
}


class TestAccess:
    def test_what_is_open_to_everyone_is_listed_here(self) -> None:
        assert {str(call) for call in CALLS} - {str(call) for call in CLOSED} <= OPEN

    def test_every_route_states_its_access(self) -> None:
        assert len(ROUTES) > 30
        assert all(isinstance(route.access, Access) for route in ROUTES)
        assert len({route.path for route in ROUTES}) == len(ROUTES)
        assert SOCKETS, "the walk below would pass over an empty table"
        described = {call.route.path for call in CALLS} | {route.path for route in SOCKETS}
        assert {route.path for route in ROUTES if not route.path.startswith(("/ws", "/socket.io"))} <= described

    @pytest.mark.parametrize("call", CLOSED, ids=str)
    def test_whoever_is_not_entitled_is_refused(
        self, http: httpx.Client, callers: dict[str, Caller], call: Call
    ) -> None:
        for name, caller in callers.items():
            if name in ENTITLED[call.access]:
                continue
            path = concrete(call.route.path, caller.dialog_id)
            answer = http.request(
                call.method, path, params=dict(caller.query), json=None if call.method == "GET" else BODY
            )
            assert answer.status_code in (401, 403, 404), f"{name}: {answer.status_code} {answer.text}"
            problem(answer, answer.status_code)

    @pytest.mark.parametrize("call", OPERATORS, ids=str)
    def test_an_operator_is_not_refused_where_operators_may(self, maria: httpx.Client, call: Call) -> None:
        """The negative test above could otherwise pass because nobody is ever let in."""
        answer = maria.request(call.method, concrete(call.route.path, 1), json=None if call.method == "GET" else BODY)
        assert answer.status_code not in (401, 403, 405), answer.text

    @pytest.mark.parametrize("route", SOCKETS, ids=lambda route: route.path)
    def test_whoever_is_not_entitled_gets_no_socket(
        self, server: Server, callers: dict[str, Caller], route: Route
    ) -> None:
        for name, caller in callers.items():
            if name in ENTITLED[route.access]:
                continue
            path = f"{concrete(route.path, caller.dialog_id)}?{httpx.QueryParams(dict(caller.query))}"
            with socket_of(server, path) as connection:
                assert "error" in frame(connection).values(), name
                assert closed_with(connection) in (4401, 4403, 4404), name

    def test_nothing_of_all_that_left_a_trace(self, maria: httpx.Client, callers: dict[str, Caller]) -> None:
        dialog_id = callers["nobody"].dialog_id
        dialog = as_json(maria.get(f"/api/dialogs/{dialog_id}"))["dialog"]
        assert (dialog["last_message"], dialog["status"], dialog["handler"]) == (None, "open", "assistant")
        assert dialog["assignee"] is None


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> Json:
    """What the server says of itself."""
    answer = http.get("/openapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    return as_json(answer)


class TestDocument:
    def test_it_is_openapi_3_1(self, document: Json) -> None:
        assert document["openapi"].startswith("3.1")
        schemathesis.openapi.from_dict(document).validate()

    def test_every_operation_is_in_it(self, document: Json) -> None:
        for call in CALLS:
            path = re.sub(r":\w+\}", "}", call.route.path)
            described = document["paths"][path][call.method.lower()]
            assert described["summary"] == call.declared.summary
            assert described["security"] == SECURITY[call.access]
            assert {str(status) for status in call.declared.answers} <= described["responses"].keys()
            in_path = {each["name"] for each in described["parameters"] if each["in"] == "path"}
            assert in_path == set(re.findall(r"\{(\w+)\}", path))
            if call.declared.body is not None:
                assert described["requestBody"]["content"].keys() == {"application/json"}
                assert described["requestBody"]["x-max-bytes"] == call.route.body.most
                assert str(call.route.body.most) in described["requestBody"]["description"]

    def test_its_names_are_unique_and_its_references_lead_somewhere(self, document: Json) -> None:
        operations = [each for methods in document["paths"].values() for each in methods.values()]
        ids = [each["operationId"] for each in operations]
        assert sorted(ids) == sorted(set(ids)), "OpenAPI 3.1, 4.8.10.1: unique among all operations"
        for reference in references(document):
            found: Any = document
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]
            assert found
        schemes = {name for each in operations for choice in each["security"] for name in choice}
        assert schemes <= document["components"]["securitySchemes"].keys()

    def test_the_pages_show_every_address_and_every_problem(self, http: httpx.Client, document: Json) -> None:
        docs = http.get("/docs")
        assert docs.status_code == 200
        for path in document["paths"]:
            assert path in docs.text
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", docs.text), "it needs the internet"
        page = http.get("/docs/errors").text
        for code in ("dialog_not_found", "wrong_endpoint", "sender_not_allowed", "body_too_large", "cursor_malformed"):
            assert f'id="{code}"' in page, "where the type of a problem leads"


def references(value: object) -> Iterator[str]:
    """Every ``$ref`` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


ENDLESS_OR_FINAL = r"/events$|/auth/(logout|password)$|^/admin/session$"


@pytest.mark.parametrize("who", ["nobody", "admin"])
def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path, who: str) -> None:
    """schemathesis calls every operation with valid and invalid data, the same at each run."""
    phases = "coverage,fuzzing" if who == "admin" else "coverage"  # nobody is refused before anything is read
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--url", server.url,
        "--phases", phases, "--max-examples", "2", "--generation-deterministic", "--no-shrink",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--exclude-path-regex", ENDLESS_OR_FINAL, "--warnings", "off", "--no-color", "--suppress-health-check", "all",
    ]  # fmt: skip
    if who == "admin":
        command += ["--header", f"Authorization: Bearer {server.login()}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-20_000:]
    assert not [line for line in server.lines if "Traceback" in line]


class TestLayers:
    """What stands where; see docs/architecture.md."""

    CORE = sorted((ROOT / "replyx").rglob("*.py"))
    EDGE = sorted((ROOT / "handlers").rglob("*.py"))
    SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA)\b", re.DOTALL)

    @staticmethod
    def imported(path: Path) -> set[str]:
        """The top-level packages that a module imports."""
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
        return {name.split(".")[0] for name in found}

    def test_the_core_knows_no_handler(self) -> None:
        assert len(self.CORE) > 30
        assert [path.name for path in self.CORE if self.imported(path) & {"handlers", "run", "tests"}] == []
        assert "replyx" in self.imported(ROOT / "handlers" / "dialogs.py"), "or the test sees no import at all"

    def test_no_handler_contains_sql(self) -> None:
        def texts(path: Path) -> Iterator[str]:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value

        assert [path.name for path in self.EDGE if any(self.SQL.search(text) for text in texts(path))] == []
        dialect = ROOT / "replyx" / "database" / "sqlite.py"
        assert any(self.SQL.search(text) for text in texts(dialect)), "or it finds none anywhere"

    def test_no_handler_touches_the_database(self) -> None:
        assert [path.name for path in self.EDGE if self.imported(path) & {"peewee", "sqlite3", "psycopg"}] == []

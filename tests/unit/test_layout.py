"""The shape of the project: what imports what, how big files are, and that everything public says what it promises."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from replyx import __version__

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "replyx").rglob("*.py"))
EDGE = sorted((ROOT / "handlers").rglob("*.py"))
SOURCES = [*CORE, *EDGE, ROOT / "run.py"]

MOST_LINES = 400
FOREIGN_TO_THE_CORE = ("handlers", "tornado.web", "tornado.websocket", "tornado.httpserver", "tornado.template")
# Speaks to a server as any client does; nothing of the core knows it.
CLIENTS = {
    "replyx/cli/listen.py": {
        "tornado.websocket",
        "tornado.websocket.WebSocketClientConnection",
        "tornado.websocket.websocket_connect",
    }
}
# What each package may import, from the lowest up; whoever adds an arrow decides about the map of the house.
# "." are the modules of ``replyx`` itself.
PACKAGES = {
    "schemas": {"."},
    "database": {".", "schemas"},
    "delivery": {".", "database", "schemas"},
    "wire": {".", "delivery", "schemas"},
    "socketio": {".", "delivery", "wire"},
    "redis": {".", "delivery"},
    "conversations": {".", "database", "delivery", "schemas", "socketio"},
    "shop": {".", "database", "delivery", "schemas"},
    "outside": {".", "database", "delivery", "schemas"},
    "process": {".", "delivery"},
    "doctor": {".", "database", "delivery", "redis"},
}
TOP_LEVEL = (
    *("run.py", "replyx", "handlers", "static", "templates", "tests", "setup.cfg", "pyproject.toml", "docs"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "Dockerfile", "compose.yaml"),
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Defined = Function | ast.ClassDef


def name_of(path: Path) -> str:
    """The path as it is written in the project."""
    return path.relative_to(ROOT).as_posix()


def imported(source: str) -> set[str]:
    """Every module that a source names in an import, at any depth; of ``from a import b`` both ``a`` and ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def foreign(modules: set[str]) -> set[str]:
    """Those of ``modules`` that the core must not know."""
    return {each for each in modules if any(each == bad or each.startswith(f"{bad}.") for bad in FOREIGN_TO_THE_CORE)}


def undocumented(source: str) -> list[str]:
    """The public modules, classes, functions and methods of a source that promise nothing.

    Three things speak for themselves: a method whose ``@operation`` has a summary, with the class that holds nothing
    else; a problem with a ``title``; a model's ``Meta``.
    """
    tree = ast.parse(source)
    silent = [] if ast.get_docstring(tree) else ["the module"]
    return silent + [name for name, node in public(tree, "") if not ast.get_docstring(node) and not speaks(node)]


def public(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, Defined]]:
    """Every public definition below ``parent``, functions inside functions left out."""
    for node in parent.body:
        if isinstance(node, Defined) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")


def speaks(node: Defined) -> bool:
    """Whether a definition without a docstring says otherwise what it is."""
    if not isinstance(node, ast.ClassDef):
        return has_summary(node)
    methods = [each for each in node.body if isinstance(each, Function)]
    return node.name == "Meta" or has_title(node) or (bool(methods) and all(map(has_summary, methods)))


def has_summary(function: Function) -> bool:
    """Whether the function is declared with ``@operation("summary", …)``."""
    calls = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    return any(isinstance(c.func, ast.Name) and c.func.id == "operation" and bool(c.args) for c in calls)


def has_title(node: ast.ClassDef) -> bool:
    """Whether the class assigns ``status, code, title``."""
    targets = [target for each in node.body if isinstance(each, ast.Assign) for target in each.targets]
    return "title" in {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def test_the_core_never_imports_the_edge() -> None:
    assert foreign({"handlers.routes", "tornado.web", "tornado.iostream"}) == {"handlers.routes", "tornado.web"}
    found = {name_of(path): foreign(imported(path.read_text(encoding="utf-8"))) for path in CORE}
    assert {name: modules for name, modules in found.items() if modules} == CLIENTS


def package_of(module: str) -> str | None:
    """The package of ``replyx`` that a module's name is in, ``.`` for none of them."""
    first, *rest = module.split(".")
    if first != "replyx" or not rest:
        return None
    return rest[0] if (ROOT / "replyx" / rest[0]).is_dir() else "."


def packages_imported(path: Path) -> set[str]:
    """The other packages of ``replyx`` that a file imports; of a name that is both, the longer counts."""
    mine = package_of(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    return {package for package in map(package_of, imported(path.read_text(encoding="utf-8"))) if package} - {mine}


def test_a_package_imports_only_what_lies_below_it() -> None:
    lower: set[str] = {"."}
    for package, allowed in PACKAGES.items():
        assert allowed <= lower, f"{package} would import upwards"
        lower.add(package)
    found = {name_of(path): packages_imported(path) for path in CORE}
    assert "database" in found["replyx/delivery/store.py"], "the search finds imports no more"
    upwards = {
        name: imports - PACKAGES[package]
        for name, imports in found.items()
        if (package := name.split("/")[1]) in PACKAGES and imports - PACKAGES[package]
    }
    assert upwards == {}


def rows_by_number(source: str) -> list[int]:
    """The lines that read rows without a record: they fetch by themselves, use what a statement returns, or count."""
    tree = ast.parse(source)
    called = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("fetchone", "fetchall", "fetchmany"))
        or (isinstance(node, ast.Call) and is_named(node.func, "execute") and id(node) not in called)
        or (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ("row", "rows"))
    )


def is_named(function: ast.expr, name: str) -> bool:
    """Whether a call is one of a method of that name."""
    return isinstance(function, ast.Attribute) and function.attr == name


def test_rows_are_read_by_name() -> None:
    planted = (
        "tx.execute(sql)\nfor row in tx.execute(sql):\n    row[0]\nx = tx.execute(sql).rowcount\nfetched.fetchone()\n"
    )
    assert rows_by_number(planted) == [2, 3, 4, 5]
    found = {name_of(path): rows_by_number(path.read_text(encoding="utf-8")) for path in SOURCES}
    elsewhere = {name for name, lines in found.items() if lines and not name.startswith("replyx/database/")}
    assert elsewhere == set()


def of_the_log(source: str) -> set[str]:
    """What a source has to do with the log's own tables: statements on them, and their models."""
    statements = re.findall(r"\b(?:FROM|INTO|UPDATE|JOIN|TABLE)\s+event(?:_topic)?\b", source, re.IGNORECASE)
    models = {"replyx.database.models.Event", "replyx.database.models.EventTopic"} & imported(source)
    return {*statements, *models, *re.findall(r"\bmodels\.Event(?:Topic)?\b", source)}


def test_the_log_alone_reads_and_writes_its_tables() -> None:
    """Whoever else wants events follows the log (``replyx/delivery/followers.py``) or subscribes."""
    assert of_the_log("'SELECT id FROM event WHERE 1; DELETE FROM event_topic; UPDATE eventual'") == {
        "FROM event",
        "FROM event_topic",
    }
    assert of_the_log("from replyx.database.models import Event, Eventual") == {"replyx.database.models.Event"}
    assert of_the_log("value(models.EventTopic.topic)") == {"models.EventTopic"}
    found = {name_of(path): of_the_log(path.read_text(encoding="utf-8")) for path in SOURCES}
    others = {name for name, statements in found.items() if statements and "/migrations/" not in name}
    assert others == {"replyx/delivery/eventlog.py"}


def of_one_kind(source: str) -> set[str]:
    """The modules and names of tickets that a source imports. Their credential is one of those that everybody knows."""
    return {name for name in imported(source) if "ticket" in name.lower()} - {"replyx.auth.TicketActor"}


def test_what_all_dialogs_go_through_knows_no_kind_of_them() -> None:
    """What is particular to tickets is given to it (``replyx/conversations/dialog_rules.py``)."""
    planted = "from replyx.auth import TicketActor\nfrom replyx.schemas.tickets import Ticket"
    assert of_one_kind(planted) == {"replyx.schemas.tickets", "replyx.schemas.tickets.Ticket"}
    common = ("dialogs", "dialog_changes", "dialog_rules", "messages", "operators", "visitors")
    paths = [ROOT / f"replyx/conversations/{name}.py" for name in common]
    paths += [path for path in CORE if "delivery" in path.parts]
    assert {name_of(path): of_one_kind(path.read_text(encoding="utf-8")) for path in paths} == {
        name_of(path): set() for path in paths
    }


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_the_top_level_is_where_people_look_for_it(name: str) -> None:
    assert (ROOT / name).exists()


def test_no_file_outgrows_its_readers() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert len(lines) > 40, "the search finds the sources no more"
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_the_search_finds_a_planted_definition_without_a_docstring() -> None:
    planted = (
        "class A:\n    def b(self): ...\n    def _c(self): ...\n@operation('does it')\ndef d(): ...\ndef e(): 'Says.'\n"
    )
    assert undocumented(planted) == ["the module", "A", "A.b"]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_everything_public_says_what_it_promises(path: Path) -> None:
    assert undocumented(path.read_text(encoding="utf-8")) == []


def test_the_package_and_its_metadata_have_one_version() -> None:
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    assert declared["metadata"]["version"] == __version__

"""The documentation and the code say the same: what can be compared is compared here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from handlers import dialog_sockets, manners, routes, sockets
from handlers.dialog_sockets import Ack, Connected, ErrorFrame, Frame, Pong
from handlers.http_outgoing import SLOWEST_TAKING_BYTES_PER_S
from handlers.http_parser import HttpLimits
from handlers.streams import RETURN_WITHIN_MS
from replyx import errors
from replyx.delivery.streams import SOCKET_SLOTS, SSE_SLOTS
from replyx.errors import Problem
from replyx.limits import RULES
from replyx.paging import Paging
from replyx.schemas import events
from replyx.settings import SETTINGS
from tests import docs_pages
from tests.docs_pages import ROOT, written
from tests.server import Server

PAGES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BENCH_WRITES = "docs/performance.md"
TICKED = "`{}`"

CLIENT_FRAMES: tuple[type[msgspec.Struct], ...] = get_args(Frame)
SERVER_FRAMES = (Connected, Ack, Pong, ErrorFrame)
EVENTS: tuple[type[msgspec.Struct], ...] = events.DURABLE + events.EPHEMERAL


def tag(struct: type[msgspec.Struct]) -> str:
    """The ``type`` by which a client knows the struct."""
    return str(struct.__struct_config__.tag)


def headings(page: str) -> list[tuple[int, str]]:
    """Level and text of every heading, code blocks left out."""
    text = re.sub(r"^( *)```.*?^\1```$", "", written(page), flags=re.MULTILINE | re.DOTALL)
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", text, flags=re.MULTILINE)]


def section(page: str, title: str, level: int) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(
        rf"^#{{{level}}} {re.escape(title)}$(.*?)(?=^#{{1,{level}}} |\Z)", written(page), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{page} has no heading {'#' * level} {title}"
    return found[1]


def titles_under(page: str, parent: str, level: int) -> set[str]:
    """The headings of ``level`` that stand under the heading ``parent``."""
    found: set[str] = set()
    inside = False
    for depth, title in headings(page):
        if depth < level:
            inside = title == parent
        elif inside and depth == level:
            found.add(title)
    return found


def anchors(page: str) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(page)}


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language, their indentation taken off."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", written(page), flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def problem_kinds() -> list[type[Problem]]:
    """Every problem that there is, the base with its code ``internal_error`` among them."""
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]


def curl_calls() -> Iterator[tuple[str, str, str]]:
    """Page, method and path of every curl command in the documentation."""
    for page in PAGES:
        for body in (*blocks(page, "sh"), *blocks(page, "bash")):
            for line in body.replace("\\\n", " ").splitlines():
                found = re.search(r"curl .*?(?:http://localhost:8000|\$BASE)(/[^\"\s?]*)", line)
                if found is None:
                    continue
                given = re.search(r"-X ([A-Z]+)", line)
                method = given[1] if given else "POST" if " -d " in line else "GET"
                yield page, method, re.sub(r"\$\w+", "1", found[1])


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, parts in docs_pages.MADE.items() for name in parts])
def test_a_part_that_is_made_from_the_code_is_what_the_code_says(page: str, name: str) -> None:
    found = docs_pages.made_part(name).search(written(page))
    assert found is not None
    assert found[1] == docs_pages.MADE[page][name]() + "\n", "run: python -m tests.docs_pages"


def test_the_pages_have_the_limits_and_languages_of_the_server() -> None:
    assert docs_pages.LIMITS_MODULE.read_text("utf-8") == docs_pages.limits_module(), "run: python -m tests.docs_pages"


def test_the_tables_of_settings_and_limits_have_a_row_for_each() -> None:
    text = written("docs/operating.md")
    assert [each.env for each in SETTINGS if f"| `{each.env}` | `{each.flag}` |" not in text] == []
    assert [rule.name for rule in RULES if f"| `{rule.name}` | {rule.burst} |" not in text] == []


def test_every_problem_code_has_a_heading_with_its_status_and_no_heading_is_left_over() -> None:
    documented = [title for depth, title in headings("docs/errors.md") if depth == 2]
    assert sorted(documented) == sorted({kind.code for kind in problem_kinds()})
    for kind in problem_kinds():
        assert f"Status {kind.status}." in section("docs/errors.md", kind.code, 2)


def test_every_event_has_a_heading_and_no_heading_is_left_over() -> None:
    assert titles_under("docs/api.md", "Events", 3) == {tag(event) for event in EVENTS} | {"resync"}


def test_every_frame_has_a_heading_and_no_heading_is_left_over() -> None:
    client = {title.removesuffix(" (client)") for title in titles_under("docs/api.md", "Client frames", 4)}
    assert client == {tag(frame) for frame in CLIENT_FRAMES}
    assert titles_under("docs/api.md", "Server frames", 4) == {tag(frame) for frame in SERVER_FRAMES}


def examples() -> list[tuple[str, int, type[msgspec.Struct]]]:
    """Heading, level and struct of everything that has an example."""
    shared = {tag(event) for event in EVENTS}
    found: list[tuple[str, int, type[msgspec.Struct]]] = [(tag(event), 3, event) for event in EVENTS]
    found += [(tag(f) + (" (client)" if tag(f) in shared else ""), 4, f) for f in CLIENT_FRAMES]
    return found + [(tag(frame), 4, frame) for frame in SERVER_FRAMES]


@pytest.mark.parametrize(("title", "level", "struct"), examples())
def test_the_example_of_an_event_or_frame_is_one_and_shows_all_its_fields(
    title: str, level: int, struct: type[msgspec.Struct]
) -> None:
    found = re.search(r"```json\n(.*?)```", section("docs/api.md", title, level), re.DOTALL)
    assert found is not None
    shown = msgspec.json.decode(found[1], type=struct, strict=True)
    members: dict[str, Any] = json.loads(found[1])
    left_out = {"sender"} if struct is dialog_sockets.SendFrame else set()
    left_out |= {each.name for each in msgspec.structs.fields(struct) if each.default is msgspec.UNSET}
    assert set(members) | left_out == {"type", *shown.__struct_fields__}


def test_an_event_is_called_durable_where_it_is() -> None:
    for event in EVENTS:
        word = "Durable" if event in events.DURABLE else "Ephemeral"
        assert section("docs/api.md", tag(event), 3).strip().startswith(word)


def test_the_reasons_of_a_resync_are_those_of_the_hub() -> None:
    given = re.findall(r"self\._resync\(subscription, (.+)\)", written("replyx/delivery/hub.py"))
    reasons = {reason for call in given for reason in re.findall(r'"(\w+)"', call)}
    assert reasons >= {"epoch", "ahead", "retention"}, "the search finds none any more"
    assert set(re.findall(r"^\| `(\w+)` \|", section("docs/api.md", "Cursors", 2), re.MULTILINE)) == reasons


def test_the_limits_of_a_request_are_the_ones_in_force() -> None:
    limits, table = HttpLimits(), section("docs/api.md", "Limits", 2)
    for what, most in (
        ("body of a request", f"{limits.body_bytes} bytes, fewer"),
        ("address with its query", f"{limits.uri_bytes} bytes"),
        ("address and headers together", f"{limits.header_bytes} bytes"),
        ("time for the headers", f"{limits.header_timeout_s:g} s"),
        ("pause in a body", f"{limits.body_timeout_s:g} s"),
        ("pause in taking an answer", f"{limits.send_timeout_s:g} s, and {SLOWEST_TAKING_BYTES_PER_S} bytes"),
        ("time to the first byte of a connection", f"{limits.first_byte_timeout_s:g} s"),
        ("idle connection between requests", f"{limits.idle_timeout_s:g} s"),
        ("connections of one process", f"{limits.connections}, or"),
        ("WebSocket message", f"{sockets.FRAME_BYTES} bytes"),
        ("refused frames on one socket", f"{manners.BAD_FRAMES} |"),
    ):
        assert f"| {what} | {most}" in table


def test_the_times_of_heartbeats_and_pages_are_the_ones_in_force() -> None:
    text = written("docs/api.md")
    assert f"A comment comes every {SSE_SLOTS} s." in text
    assert f"The server pings every {SOCKET_SLOTS} s" in text
    assert f"up to {RETURN_WITHIN_MS // 1000} s, and closes" in text
    assert f"{Paging().limit} when it is left out" in text


@pytest.mark.parametrize(("page", "method", "path"), list(curl_calls()))
def test_every_curl_command_calls_a_route_that_exists(page: str, method: str, path: str) -> None:
    matching = [route for route in routes.ROUTES if re.fullmatch(routes.pattern(route.path), path)]
    assert matching, f"{page}: no route takes {path}"
    assert hasattr(getattr(matching[0].handler, method.lower()), "operation"), f"{page}: {path} takes no {method}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")])
def test_the_examples_of_a_page_run_one_after_the_other_on_a_demo(page: str, server: Server, tmp_path: Path) -> None:
    strict = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'
    script = strict + "\n".join(blocks(page, "sh"))
    script = script.replace("http://localhost:8000", server.url)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_documentation_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", written(page)):
        path, _, fragment = target.partition("#")
        linked = str((ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT)) if path else page
        if linked == BENCH_WRITES:
            continue
        assert (ROOT / linked).is_file(), f"{page} links to {target}"
        assert not fragment or fragment in anchors(linked), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_for_readers_of_the_project_alone(page: str) -> None:
    text = written(page)
    assert re.search(r"/work\b|/tmp\b|pypi\.org", text) is None
    signs = set(re.findall(r"[\U0001F300-\U0001FAFF\u2600-\u27BF]", text))
    assert signs <= {"📨"}, "no emojis but the words that the browser's console logs"


def test_the_newest_version_of_the_changelog_is_the_version_of_the_package() -> None:
    newest = next(title for depth, title in headings("CHANGELOG.md") if depth == 2)
    declared = re.search(r"^version = (\S+)$", written("setup.cfg"), re.MULTILINE)
    assert declared is not None
    assert newest.split(" ")[0] == declared[1]


def test_the_readme_names_the_two_commands_and_what_they_stand_for() -> None:
    text, makefile = written("README.md"), written("Makefile")
    variables = {f"$({name})": value for name, value in re.findall(r"^(\w+) :?\??= ?(.*)$", makefile, re.MULTILINE)}
    for target in ("run", "test"):
        assert f"`make {target}`" in text
        recipe = re.search(rf"^{target}: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert recipe is not None
        for line in recipe[1].strip().splitlines():
            by_hand = line
            while named := re.search(r"\$\(\w+\)", by_hand):
                by_hand = by_hand.replace(named[0], variables[named[0]])
            assert TICKED.format(by_hand.strip()) in text

"""The log: one line per record, whatever is in it, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replyx.process import logs, redaction

ROOT = Path(__file__).parents[3]
SECRET = "s3cr3t-Value_of.some~kind"
TOKEN = jwt.encode({"sub": "1"}, "k" * 32, algorithm="HS256")

log = logging.getLogger("replyx.test")


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undoes what ``configure`` changes in this process."""
    for switch in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, switch, getattr(logging, switch))
    for module in (sys, threading):
        monkeypatch.setattr(module, "excepthook", module.excepthook)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def lines(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[[], list[str]]:
    """Reads what has been written to stdout so far, line by line."""
    written = bytearray()

    def read() -> list[str]:
        written.extend(capsysbinary.readouterr().out)
        return written.decode().split("\n")[:-1]

    return read


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environ}, capture_output=True, check=False
    )


# Each holds SECRET or TOKEN in a place where ReplyX or a library of its could put it into a log.
LEAKS = [
    f"GET /api/dialogs/1/events?token={SECRET}",
    f"GET /api/dialogs/1/events?a=1&token={SECRET}&b=2",
    f"GET /api/site/dialogs/1/messages?site_token={SECRET}",
    f"GET /api/dialogs/1/events?assistant_id=3&guest_id={SECRET}",
    f"GET /ws/user?TOKEN={SECRET}",
    f"/chat?next=%2Fws%3Ftoken%3D{SECRET}",
    f"/chat?next=%252Fws%253Ftoken%253D{SECRET}",
    f"access_token={SECRET}",
    f"refreshToken={SECRET}",
    f"password={SECRET}",
    f"api_key={SECRET}",
    f"setup_code={SECRET}",
    f"ticketId={SECRET}",
    f"GET /api/support/tickets/{SECRET.replace('.', '-').replace('~', '-')}",
    f"Authorization: Bearer {SECRET}",
    f"authorization: bearer {SECRET}",
    f"'Authorization': 'Bearer {SECRET}'",
    f"Authorization: Basic {SECRET}",
    f"x-internal-secret: {SECRET}",
    f"X-XSRFToken: {SECRET}",
    f"[('x-internal-secret', '{SECRET}')]",
    f"(b'x-internal-secret', b'{SECRET}')",
    f"Cookie: a=b; replyx_session={SECRET}; _xsrf={SECRET}",
    f"Set-Cookie: replyx_session={SECRET}; HttpOnly",
    f'{{"access_token": "{SECRET}", "user": 1}}',
    f'{{"password":"{SECRET}"}}',
    f"{{'guest_id': '{SECRET}'}}",
    f"{{'guestId': {SECRET}}}",
    f'"{{\\"password\\": \\"{SECRET}\\"}}"',
    f"the request began with token='{SECRET[:20]}",
    f"Login(email='anna@example.com', password='{SECRET}')",
    f'Login(password="it\'s {SECRET}")',
    f"postgresql://replyx:{SECRET}@db.example/replyx",
    f"postgresql://replyx:p@{SECRET}@db.example/replyx",
    f"redis://:{SECRET}@cache:6379/0",
    f"the token {TOKEN} has expired",
    f"{TOKEN}",
    f"/ws/dialogs/1/{TOKEN[:40]}",
    f"/redirect?to=%2Fx%3Fticket%3D{TOKEN}",
]


def shows_secret(text: str) -> bool:
    """Whether a recognisable part of SECRET or TOKEN is in ``text``."""
    return SECRET[:6] in text or TOKEN[:12] in text


@pytest.mark.parametrize("leak", LEAKS)
def test_a_secret_is_masked(leak: str) -> None:
    assert shows_secret(leak)
    shown = redaction.redact(leak)
    assert redaction.MASK in shown
    assert not shows_secret(shown)
    assert redaction.redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/dialogs/1/messages?limit=50&before=12",
        "GET /api/sse?last_event_id=E-10&cursor=E-10",
        "publish_dialog_event dialog_id=1 id=123 type=message:new tokens=5 sessions=3",
        "the token has expired",
        "token_type=bearer",
        "keyjournalist keyJob",
        "listening on http://127.0.0.1:8000",
        "[WIDGET→ADMIN] Ваше сообщение получено 👋",
        "anna@example.com opened https://shop.example/cart",
        "GET /api/support/tickets?status=OPEN",
        "",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redaction.redact(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    assert redaction.redact(f"GET /x?token={SECRET}&limit=5 from ::1") == "GET /x?token=***&limit=5 from ::1"
    assert redaction.redact(f"redis://:{SECRET}@cache:6379/0 is away") == "redis://:***@cache:6379/0 is away"
    assert redaction.redact(f"a Bearer {SECRET}, b") == "a Bearer ***, b"


@given(
    before=st.text(max_size=30),
    name=st.sampled_from(["token", "site_token", "guest_id", "PASSWORD", "internal-secret", "apiKey", "jwt", "_xsrf"]),
    separator=st.sampled_from(["=", "%3D", "%3d", "%253D", ": ", "': '", '":"', "', '"]),
    after=st.text(max_size=30),
)
@example(before="x", name="token", separator="=", after="")
def test_a_secret_is_masked_whatever_stands_around_it(before: str, name: str, separator: str, after: str) -> None:
    assert SECRET not in redaction.redact(f"{before} {name}{separator}{SECRET}{after}")


def test_no_record_can_carry_a_secret_past_the_filter(lines: Callable[[], list[str]]) -> None:
    """Message, arguments, fields, exception, its cause, stack."""
    logs.configure("debug")
    log.info(f"token={SECRET}")
    log.info("calling %s for %s", f"/x?site_token={SECRET}", {"password": SECRET})
    log.info("fields", extra={"url": f"/x?token={SECRET}", "guest_id": SECRET, "headers": {"x-token": SECRET}})
    try:
        try:
            raise KeyError(f"guest_id={SECRET}")
        except KeyError as error:
            raise RuntimeError(f"Authorization: Bearer {SECRET}") from error
    except RuntimeError:
        log.exception("it failed")
    log.warning("stack", stack_info=True, extra={"token": 12345678})
    shown = "\n".join(lines())
    assert len(lines()) == 5
    assert "RuntimeError" in shown  # the exception is there, without what it must not say
    assert "KeyError" in shown
    assert not shows_secret(shown)
    assert "12345678" not in shown


def test_a_record_whose_arguments_do_not_fit_is_still_a_line_and_still_redacted() -> None:
    code = f"import logging; from replyx.process import logs; logs.configure(); logging.error('token={SECRET} %d', 'x')"
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"token=*** %d (its arguments cannot be filled in: TypeError(" in done.stdout


def test_the_filter_is_what_keeps_the_secret_back(lines: Callable[[], list[str]]) -> None:
    logs.configure()
    for handler in logging.getLogger().handlers:
        handler.filters.clear()
    log.info("token=%s", SECRET)
    assert SECRET in "".join(lines())


def test_a_record_is_one_line_of_text_with_its_fields_at_the_end(lines: Callable[[], list[str]]) -> None:
    logs.configure()
    log.info("[WIDGET→ADMIN] sent to %s", "Борис 👋", extra={"dialog_id": 1, "page": "a b", "visitor": None})
    [line] = lines()
    time, rest = line.split(" ", 1)
    assert rest == 'INFO    replyx.test [WIDGET→ADMIN] sent to Борис 👋 dialog_id=1 page="a b" visitor=None'
    assert datetime.fromisoformat(time).utcoffset() is not None
    assert time.endswith("Z")


def test_a_record_is_one_json_object(lines: Callable[[], list[str]]) -> None:
    logs.configure(format="json")
    try:
        raise ValueError("Привет")
    except ValueError:
        log.exception("a\nb 👋", extra={"dialog_id": 1, "path": Path("x")})
    [line] = lines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry.pop("exception").endswith("\nValueError: Привет")
    assert entry == {
        "level": "ERROR",
        "logger": "replyx.test",
        "message": "a\nb 👋",
        "dialog_id": 1,
        "path": "x",
    }
    assert "👋" in line  # grep for it works


@pytest.mark.parametrize("format", ["text", "json"])
def test_nobody_can_forge_a_line_or_steer_the_terminal(lines: Callable[[], list[str]], format: str) -> None:
    logs.configure(format=format)
    log.info("name %s", "x\n2025-09-06T18:30:00.000Z INFO replyx forged\r\x1b[2Jz\x85", extra={"page": "\n\x1b"})
    [line] = lines()
    assert "\x1b" not in line
    assert "\r" not in line


@given(message=st.text(alphabet=st.characters(), max_size=50))
@example(message="\udc80 a lone surrogate, as in a path that is not UTF-8")
@pytest.mark.parametrize("format", ["text", "json"])
def test_every_text_can_be_logged_and_is_one_line(message: str, format: str) -> None:
    raw = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
        logs.configure(format=format)
        log.info("%s", message)
        assert raw.getvalue().count(b"\n") == 1
        raw.getvalue().decode()


def test_the_level_decides_what_is_logged(lines: Callable[[], list[str]]) -> None:
    logs.configure("warning")
    log.info("quiet")
    log.warning("loud")
    assert [line.split()[-1] for line in lines()] == ["loud"]


def test_the_file_holds_the_same_lines_and_is_opened_anew_when_rotated(
    lines: Callable[[], list[str]], tmp_path: Path
) -> None:
    file = tmp_path / "logs" / "replyx.log"
    logs.configure(file=file)
    log.info("Привет 👋 token=%s", SECRET)
    assert file.read_text(encoding="utf-8").split("\n")[:-1] == lines()
    file.rename(tmp_path / "old.log")
    log.info("after the rotation")
    assert file.read_text(encoding="utf-8").split("\n")[:-1] == lines()[1:]


def test_a_file_that_cannot_be_opened_is_an_error_and_leaves_the_log_as_it_was(
    lines: Callable[[], list[str]], tmp_path: Path
) -> None:
    logs.configure()
    with pytest.raises(OSError, match="directory"):
        logs.configure(file=tmp_path)
    log.info("still here")
    assert len(lines()) == 1


def test_configuring_again_does_not_double_the_lines(lines: Callable[[], list[str]], tmp_path: Path) -> None:
    logs.configure(file=tmp_path / "a.log")
    logs.configure()
    log.info("once")
    assert len(lines()) == 1
    assert (tmp_path / "a.log").read_text() == ""


def test_warnings_and_uncaught_exceptions_become_lines_without_secrets(lines: Callable[[], list[str]]) -> None:
    logs.configure()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"token={SECRET}", stacklevel=1)

    def fail() -> None:
        raise RuntimeError(f"token={SECRET}")

    thread = threading.Thread(target=fail, name="writer")
    thread.start()
    thread.join()
    shown = lines()
    assert len(shown) == 2
    assert "Uncaught exception in thread writer" in shown[1]
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
    ],
)
def test_russian_and_emoji_come_out_as_utf8_whatever_the_locale_says(environ: dict[str, str]) -> None:
    admin, hello = ascii("📨 [АДМИН SSE]"), ascii("Привет")  # the command line has to survive the locale too
    code = f"import logging; from replyx.process import logs; logs.configure(); logging.error({admin}); print({hello})"
    done = run_python(code, **environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "📨 [АДМИН SSE]".encode() in done.stdout
    assert "Привет".encode() in done.stdout


def test_an_error_that_ends_the_process_is_a_line_on_stdout_and_no_traceback_with_a_secret() -> None:
    code = f"from replyx.process import logs; logs.configure(); raise RuntimeError('token={SECRET}')"
    done = run_python(code)
    assert done.returncode == 1
    assert done.stderr == b""
    assert b"RuntimeError: token=***" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_every_line_is_out_before_the_next_statement_runs() -> None:
    start = "import logging, os; from replyx.process import logs; logs.configure()"
    code = f"{start}; logging.error('last words'); os._exit(0)"
    assert b"last words" in run_python(code).stdout


def test_a_request_is_one_line_without_its_query(lines: Callable[[], list[str]]) -> None:
    logs.configure(format="json")
    logs.request_line(
        request_id="r1", method="GET", path=f"/api/x?q={SECRET}", status=200, ms=1.26, remote_ip="127.0.0.1"
    )
    logs.request_line(request_id="r2", method="POST", path="/api/y", status=503, ms=0, remote_ip="::1")
    first, second = (json.loads(line) for line in lines())
    del first["time"]
    assert first == {
        "level": "INFO",
        "logger": "replyx.access",
        "message": "request",
        "request_id": "r1",
        "method": "GET",
        "path": "/api/x",
        "status": 200,
        "ms": 1.3,
        "remote_ip": "127.0.0.1",
    }
    assert (second["level"], second["status"]) == ("ERROR", 503)

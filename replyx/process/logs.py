"""The server's log: one line per record, as text or JSON, with no secret in it.

Everything goes through the standard :mod:`logging`, so a library's records come out in the same form. A
record loses its secrets in :class:`Redaction` before any handler formats it: in its message, its arguments,
its extra fields, its exception and its stack. Extra fields (``extra={"dialog_id": 1}``) become members of the
JSON object, or ``dialog_id=1`` at the end of a text line.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from replyx.process.log_file import LogFile
from replyx.process.redaction import MASK, cut, cut_exception, is_secret_name, redact

PATH_CHARS = 200

_ACCESS = logging.getLogger("replyx.access")
_OWN_ATTRIBUTES = len(vars(logging.makeLogRecord({})))  # a record's dict begins with these, extra fields follow
_ADDED_ATTRIBUTES = ("message", "asctime")  # by other formatters

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Redaction(logging.Filter):
    """Rewrites a record so that nothing which formats it afterwards can meet a secret or a long text.

    Lets every record pass. The exception and the stack become text, since their objects would bring the secret back.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact ``record`` in place; a second time changes nothing."""
        record.msg, record.args = redact(cut(_message(record))), None
        if record.exc_info:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(cut_exception(record.exc_text))
        if record.stack_info:
            record.stack_info = redact(cut_exception(record.stack_info))
        for name, value in _fields(record).items():
            setattr(record, name, _redacted_field(name, value))
        return True


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments filled in; a wrong format string loses neither the line nor the caller."""
    try:
        return record.getMessage()
    except Exception as error:  # whatever an argument's __str__ raises
        return f"{record.msg} (its arguments cannot be filled in: {error!r})"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as ``extra``."""
    attributes = vars(record)
    if len(attributes) == _OWN_ATTRIBUTES:
        return {}
    added = itertools.islice(attributes.items(), _OWN_ATTRIBUTES, None)
    return {name: value for name, value in added if name not in _ADDED_ATTRIBUTES}


@functools.lru_cache(maxsize=256)  # fields have few names, and a search for one takes 1 us
def _is_secret_name(name: str) -> bool:
    return is_secret_name(name)


def _redacted_field(name: str, value: object) -> object:
    if value is not None and _is_secret_name(name):
        return MASK
    return value if value is None or isinstance(value, bool | int | float) else redact(cut(str(value)))


def _time(record: logging.LogRecord) -> str:
    """When ``record`` was made: RFC 3339, UTC, milliseconds."""
    seconds, rest = divmod(record.created, 1)
    return f"{_to_the_second(int(seconds))}.{int(rest * 1000):03d}Z"


@functools.lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _one_line(text: str) -> str:
    """``text`` with control characters escaped: no visitor can forge a line or move an operator's cursor."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _quoted(value: object) -> str:
    """``value`` as it stands, or in quotes where its end could not be seen."""
    text = str(value)
    plain = text and " " not in text and '"' not in text and "=" not in text
    return text if plain else json.dumps(text, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """``2025-09-06T18:30:00.000Z INFO replyx.hub message field=1``; a traceback follows with its line ends escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line: time, level, logger, message, extra fields."""
        parts = [_time(record), f"{record.levelname:<7}", record.name, record.getMessage()]
        parts += [f"{name}={_quoted(value)}" for name, value in _fields(record).items()]
        parts += [text for text in (_exception(self, record), record.stack_info) if text]
        return _one_line(" ".join(parts))


class JsonFormatter(logging.Formatter):
    """A JSON object: ``time``, ``level``, ``logger``, ``message``, the extra fields, ``exception``, ``stack``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line that holds a JSON object."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in _fields(record).items() if name not in line}
        line |= {
            name: text for name, text in (("exception", _exception(self, record)), ("stack", record.stack_info)) if text
        }
        return json.dumps(line, ensure_ascii=False, default=str)


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    return record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else None)


def configure(
    level: str = "info", format: str = "text", file: Path | None = None, file_bytes: int = 0, keep: int = 1
) -> None:
    """Send every record of this process to stdout and, where ``file`` is given, the same line to its end.

    A file of more than ``file_bytes`` is followed by another, and ``keep`` old ones stay (:class:`LogFile`).

    ``level`` and ``format`` are those of the settings ``LOG_LEVEL`` and ``LOG_FORMAT``. Each line is flushed at once
    and is UTF-8 whatever the locale says. A ``file`` that log rotation moved away is opened anew. Warnings and
    uncaught exceptions, of threads too, become records. May be called again, and then replaces what it did before.
    Raises ``OSError`` when ``file`` cannot be opened; the log is then as it was.
    """
    handlers: list[logging.Handler] = []
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(LogFile(file, file_bytes, keep))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    handlers.insert(0, logging.StreamHandler(sys.stdout))
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.name == __name__]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.set_name(__name__)
        handler.addFilter(Redaction())
        handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
        root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("peewee").setLevel(max(root.level, logging.INFO))  # it would log statements with their values
    _skip_what_no_line_shows()
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def reopen() -> None:
    """Open the log's file anew, where there is one: somebody has moved it. Raises ``OSError``."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogFile):
            handler.reopen()


def _skip_what_no_line_shows() -> None:
    """Spare each record the search for its caller, thread, process and task (logging HOWTO, "Optimization")."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("replyx").critical("Uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or args.exc_type is SystemExit:
        return
    name = args.thread.name if args.thread else "unknown"
    logging.getLogger("replyx").critical(
        "Uncaught exception in thread %s", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
    )


def request_line(*, request_id: str, method: str, path: str, status: int, ms: float, remote_ip: str) -> None:
    """Log the one line of a finished HTTP request: its answer's ``status`` and how many milliseconds it took.

    ``path`` may carry a query; it is cut off. A 5xx is an error, anything else information.
    """
    level = logging.ERROR if status >= 500 else logging.INFO
    if not _ACCESS.isEnabledFor(level):
        return
    fields = {
        "method": method,
        "path": cut(path.partition("?")[0], PATH_CHARS),
        "status": status,
        "ms": round(ms, 1),
        "remote_ip": remote_ip,
        "request_id": request_id,
    }
    _ACCESS.log(level, "request", extra=fields)

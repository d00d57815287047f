"""What a proxy that is set up in half does to requests: said in the answer, and once in the log."""

from __future__ import annotations

import logging

from tornado.httputil import HTTPHeaders

from replyx.errors import FieldError, OriginRefused
from replyx.faults import Fault

FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto")
MOST_LINES = 64  # in the life of a process: what is said hangs on what strangers send

log = logging.getLogger("replyx.proxies")

_said: set[str] = set()


def advise(header: str, fault: Fault, **params: str) -> FieldError:
    """What is wrong with the ``header`` that a proxy passed on, or did not, and what to set."""
    error = FieldError.of(header, fault, **{name: value[:100] for name, value in params.items()})
    say_once(f"a proxy before this server is not set up for it: {header} {error.detail}")
    return error


def origin_refused(origin: str, own: str) -> OriginRefused:
    """The refusal of a page of ``origin``, which may be the server's own page behind a proxy that hides its address."""
    return _refused(origin, FieldError.of("Origin", Fault.ORIGIN_UNKNOWN, origin=origin[:100], own=own))


def widget_refused(origin: str) -> OriginRefused:
    """The same where a widget's domains decide."""
    return _refused(origin, FieldError.of("Origin", Fault.PAGE_NOT_OF_WIDGET, origin=origin[:100]))


def _refused(origin: str, error: FieldError) -> OriginRefused:
    say_once(f"a page was refused: {error.field} {error.detail}", key=f"origin {origin}")
    return OriginRefused(f"Calls from {origin[:100]} are not allowed here: {error.detail}.", errors=[error])


def say_once(words: str, *, key: str = "") -> None:
    """A line of the log that nobody needs twice; of one ``key`` the first stands for all."""
    key = key or words
    if key not in _said and len(_said) < MOST_LINES:
        _said.add(key)
        log.warning("%s", words)


def say_distrusted(peer: str, headers: HTTPHeaders) -> None:
    """Say of a ``peer`` that speaks as a proxy does, and is none of ``TRUSTED_PROXIES``, what to set."""
    sent = [name for name in FORWARDED if name in headers]
    if sent:
        say_once(
            f"{peer} sends {' and '.join(sent)} and is not believed: if it is your proxy, set TRUSTED_PROXIES={peer}"
            " (with those that are set), or all who come through it share one address in the rate limits",
            key=f"distrusted {peer}",
        )

"""What a proxy that is set up in half does to requests: said in the answer, and once in the log."""

from __future__ import annotations

import functools
import logging

from replyx.errors import FieldError
from replyx.faults import Fault

log = logging.getLogger("replyx.proxies")


def advise(header: str, fault: Fault, **params: str) -> FieldError:
    """What is wrong with the ``header`` that a proxy passed on, or did not, and what to set."""
    error = FieldError.of(header, fault, **{name: value[:100] for name, value in params.items()})
    _log_once(f"{header} {error.detail}")
    return error


@functools.lru_cache(maxsize=64)
def _log_once(advice: str) -> None:
    log.warning("a proxy before this server is not set up for it: %s", advice)

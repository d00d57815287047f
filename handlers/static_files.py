"""Files under ``static/`` over HTTP: compressed, and kept by browsers for good under the addresses of a shelf."""

from __future__ import annotations

from typing import Any

import msgspec
from tornado.web import HTTPError, RequestHandler

from handlers.pages import ANY_SERVER, CSP
from handlers.shelf import Shelf
from replyx.errors import InternalError, MethodNotAllowed, NotFound, Problem

# Browsers keep what has such an address for a year without asking (RFC 9111, 5.2.2.1; RFC 8246).
FOR_GOOD = "public, max-age=31536000, immutable"


def takes_gzip(accepted: str) -> bool:
    """Whether an ``Accept-Encoding`` allows gzip (RFC 9110, 12.5.3)."""
    weights = {}
    for part in accepted.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, weight = parameter.partition("=")
        weights[coding.strip()] = weight.strip() if name.strip() == "q" else "1"
    return weights.get("gzip", weights.get("*", "0")).strip("0.") != ""


class StaticFiles(RequestHandler):
    """A file of a shelf. Under an address without its digest it is asked for anew at every use."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, shelf: Shelf) -> None:
        """``shelf`` is where the file is looked for."""
        self.shelf = shelf

    def set_default_headers(self) -> None:
        """Any page may load our files: a widget's host page has to."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Access-Control-Allow-Origin", "*")

    def get(self, name: str) -> None:
        """The file, or 304 when the browser has it."""
        asked = self.get_query_argument("v", None)
        try:
            found = self.shelf.find(name, asked)
        except KeyError:
            raise HTTPError(404) from None
        packed = found.packed if takes_gzip(self.request.headers.get("Accept-Encoding", "")) else None
        self.set_header("Content-Type", found.media_type)
        self.set_header("Cache-Control", FOR_GOOD if asked == found.digest else "no-cache")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        if found.packed is not None:
            self.set_header("Vary", "Accept-Encoding")
        if name.endswith(".html"):
            # Under our origin only our own scripts run, whatever server the demo is told to talk to.
            self.set_header("Content-Security-Policy", CSP.format(connect=ANY_SERVER, ancestors="'none'"))
        self.set_header("Etag", f'"{found.digest}{"-gzip" if packed else ""}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        if packed is not None:
            self.set_header("Content-Encoding", "gzip")
        self.finish(found.body if packed is None else packed)

    head = get

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Refusals of files are problems too; what lies outside of the shelf is simply not there."""
        problem: Problem = NotFound(f"There is no file at {self.request.path[:200]}.")
        if status_code == 405:
            problem = MethodNotAllowed("Files take GET and HEAD.")
            self.set_header("Allow", "GET, HEAD")
        elif status_code >= 500:
            problem = InternalError("The file could not be read.")
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/problem+json")
        self.finish(msgspec.json.encode(problem.document()))

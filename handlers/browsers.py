"""What a browser's call needs beside its credential: an origin that may call, and proof that nobody forged it."""

from __future__ import annotations

import hmac
import re

from tornado.web import RequestHandler

from handlers.access import Access
from handlers.cookies import XSRF, cookie_of
from handlers.proxies import origin_refused
from replyx.auth import Actor, VisitorActor
from replyx.errors import XsrfRefused
from replyx.services import Services

VISITOR_ACCESS = frozenset({Access.WIDGET, Access.SITE, Access.GUEST, Access.PARTICIPANT})

# What every page may send, in lower case as browsers ask for it.
ALLOWED_HEADERS = ("authorization", "content-type", "idempotency-key", "last-event-id", "x-xsrftoken")
HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
MOST_HEADERS = 50


class BrowserHandler(RequestHandler):
    """Checks where a page's call comes from, and says what the page may read."""

    services: Services
    access: Access
    allowed_origin: str | None = None

    def check_origin_of(self, actor: Actor | None, *, certain: bool) -> None:
        """Refuse a browser on a foreign page.

        Before the actor is known only a route that no widget uses can refuse; a visitor's own domains are known
        with the actor.
        """
        origin = self.request.headers.get("Origin")
        if origin is None:
            return
        domains = actor.domains if isinstance(actor, VisitorActor) else ()
        if self.origin_allowed(origin, domains):
            self.allow_origin(origin)
        elif certain:
            raise origin_refused(origin, self.services.base_url)

    def origin_allowed(self, origin: str, domains: tuple[str, ...]) -> bool:
        """Whether a page of ``origin`` may call: our own, a configured one, or one of the widget's domains."""
        request = self.request
        return self.services.origins.allows(origin, request.headers.get("Host", ""), request.protocol, domains)

    def allow_origin(self, origin: str) -> None:
        """Let the page of ``origin`` read the answer (Fetch standard, CORS protocol)."""
        self.allowed_origin = origin
        self.set_header("Access-Control-Allow-Origin", origin)
        self.set_header("Vary", "Origin")
        self.set_header("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")

    def check_xsrf(self) -> None:
        """A request that the browser signed with a cookie must prove that our own page sent it."""
        cookie = cookie_of(self.request, XSRF)
        header = self.request.headers.get("X-XSRFToken", "")
        if not cookie or not hmac.compare_digest(cookie.encode(), header.encode()):
            raise XsrfRefused("Send the value of the cookie _xsrf (__Host-_xsrf) as the header X-XSRFToken.")

    async def options(self, *path: str, **tokens: str) -> None:
        """Answer a preflight (Fetch standard). It reveals nothing; the call itself is checked.

        Whatever headers a page means to send are allowed: polyfills and libraries add some of their own, and none is
        a proof of anything here but for those that hold a secret, which a page would have to know.
        """
        origin = self.request.headers.get("Origin", "")
        if self.access in VISITOR_ACCESS or self.origin_allowed(origin, ()):
            self.allow_origin(origin or "*")
            self.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
            asked = self.request.headers.get("Access-Control-Request-Headers", "")
            names = dict.fromkeys([*ALLOWED_HEADERS, *HEADER_NAME.findall(asked.lower())[:MOST_HEADERS]])
            self.set_header("Access-Control-Allow-Headers", ", ".join(names))
            self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    def show_refusal_to_page(self) -> None:
        """Let the page of a visitor's client read why it was refused; no cookie takes part, so it learns no more."""
        origin = self.request.headers.get("Origin")
        if origin is not None and self.access in VISITOR_ACCESS:
            self.allow_origin(origin)

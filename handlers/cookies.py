"""The cookies of the panel and the shop page: what they are called, and how they are set.

Where ``PUBLIC_URL`` is https they are ``Secure``, whatever a proxy says of the scheme, and their names begin with
``__Host-``: then no other server of the same domain can set one (RFC 6265bis, 4.1.3.2). A browser that brings one of
before keeps its session; the next cookies that are set take the place of the old ones.
"""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

SESSION = "replyx_session"
XSRF = "_xsrf"
DEVICE = "replyx_device"  # of a browser that somebody logged in with: it outlives the session
PREFIX = "__Host-"


def cookie_of(request: HTTPServerRequest, name: str) -> str | None:
    """The value of a cookie that came along, None without one."""
    morsel = request.cookies.get(PREFIX + name) or request.cookies.get(name)
    return morsel.value if morsel is not None else None


def set_cookie(handler: RequestHandler, base_url: str, name: str, value: str, max_age: int | None = None) -> None:
    """Set a cookie for every page of the server at ``base_url``; scripts can read :data:`XSRF` alone.

    ``max_age`` is in seconds; without it the cookie ends with the browser's session.
    """
    public = base_url.startswith("https:")
    if public and name in handler.request.cookies:
        handler.clear_cookie(name, path="/")
    handler.set_cookie(
        PREFIX + name if public else name,
        value,
        max_age=max_age,
        httponly=name != XSRF,
        samesite="Strict",
        secure=public or handler.request.protocol == "https",
        path="/",
    )


def clear_cookies(handler: RequestHandler) -> None:
    """Take the session and its token away."""
    for name in (SESSION, XSRF):
        handler.clear_cookie(name, path="/")
        if PREFIX + name in handler.request.cookies:
            hidden = name != XSRF
            handler.clear_cookie(PREFIX + name, path="/", secure=True, samesite="Strict", httponly=hidden)

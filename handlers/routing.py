"""How a request finds its handler: Tornado's list of rules, with an index before it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application

from handlers.access import Access
from handlers.base import USUAL_BODY, Route
from handlers.http_parser import BodyRule
from handlers.misdirected import UnknownHost
from handlers.pages import Page, PageBeside, but_for_its_slash
from replyx.hosts import Hosts

NUMBER = re.compile(r"/[0-9]{1,15}(?=/|$)")


def pattern(path: str) -> str:
    """The regular expression of a route's path."""
    numbers = re.sub(r"\\\{\w+\\\}", "([0-9]{1,15})", re.escape(path))
    return re.sub(r"\\\{(\w+):token\\\}", r"(?P<\1>[A-Za-z0-9_-]{1,64})", numbers)


class RoutedApplication(Application):
    """Tornado's application with an index before its list of rules.

    An address without parts or with numbers only is found at once, whatever its place in the table: a dialog's in 2 µs,
    where the list takes 11. All others, tokens for example, are still matched rule by rule.
    """

    def __init__(
        self, routes: Sequence[Route], shared: dict[str, Any], specs: list[Any], hosts: Hosts, **settings: Any
    ) -> None:
        super().__init__(specs, hosts=hosts, **settings)
        self._known_host = functools.lru_cache(maxsize=256)(hosts.know)
        self._beside = {**shared, "access": Access.PUBLIC}
        self._index = {
            re.sub(r"\{\w+\}", "#", route.path): (route.path.count("{"), route, {**shared, "access": route.access})
            for route in routes
            if ":token}" not in route.path
        }
        self._with_tokens = [(re.compile(pattern(route.path)), route) for route in routes if ":token}" in route.path]

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The delegate that answers ``request``; under a name that is not the server's, no address does."""
        if not self._known_host(request.headers.get("Host", "")):
            return self.get_handler_delegate(request, UnknownHost, self._beside)
        shape, count = NUMBER.subn("/#", request.path)
        found = self._index.get(shape)
        if found is None or found[0] != count:
            beside = self._index.get(but_for_its_slash(shape))
            if beside is not None and beside[0] == count and issubclass(beside[1].handler, Page):
                return self.get_handler_delegate(request, PageBeside, self._beside)
            return super().find_handler(request, **kwargs)
        _, route, options = found
        numbers = [number[1:].encode() for number in NUMBER.findall(request.path)] if count else []
        return self.get_handler_delegate(request, route.handler, options, numbers)

    def body_rule(self, target: str) -> BodyRule:
        """What the route of a request's ``target`` takes of a body."""
        path = target.partition("?")[0]
        shape, count = NUMBER.subn("/#", path)
        found = self._index.get(shape)
        if found is not None and found[0] == count:
            return found[1].body
        return next((route.body for known, route in self._with_tokens if known.fullmatch(path)), USUAL_BODY)

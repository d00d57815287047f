"""Pages for people. Every page forbids inline scripts and styles (CSP); what a script must know is a JSON block."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from handlers.base import Handler, operation
from handlers.cookies import XSRF, cookie_of, set_cookie
from handlers.shelf import Shelf
from replyx.conversations.widgets import WidgetQuery
from replyx.errors import WidgetNotFound
from replyx.origins import Origin, frame_ancestors

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {connect}; img-src 'self' data:;"
    " frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)
ANY_SERVER = "'self' http: https: ws: wss:"  # for the page that may be pointed at another server, whose data it reads


def own_places(*origins: str) -> str:
    """The sources of a ``connect-src`` for pages that call these origins of ours alone, by HTTP and by WebSocket.

    ``'self'`` covers the sockets of its own host in today's browsers and did not in Safari before 15.4. An IPv6 address
    cannot be written here (CSP 3, 2.3.1), and is left to ``'self'``.
    """
    sources = dict.fromkeys(["'self'"])
    for origin in filter(None, map(Origin.parse, origins)):
        if not origin.host.startswith("["):
            place = str(origin).partition("://")[2]
            sources.update(dict.fromkeys((str(origin), f"ws://{place}", f"wss://{place}")))
    return " ".join(sources)


class Page(Handler):
    """Renders a template under the strict policy."""

    def show(self, template: str, ancestors: str = "'none'", **variables: Any) -> None:
        """Answer with ``template``; ``ancestors`` are the places that may frame it.

        In the template ``static(name)`` is the address of a file, ``modules(name)`` those of a script with all that it
        imports.
        """
        self.set_header("Content-Type", "text/html; charset=utf-8")
        connect = own_places(f"{self.request.protocol}://{self.request.host}", self.services.base_url)
        self.set_header("Content-Security-Policy", CSP.format(connect=connect, ancestors=ancestors))
        self.set_header("Cache-Control", "no-cache")
        self.finish(self.render_string(template, static=self.shelf.address, modules=self.shelf.preloads, **variables))

    @property
    def shelf(self) -> Shelf:
        """Where the files of the pages are."""
        found = self.settings["shelf"]
        assert isinstance(found, Shelf)
        return found

    def json_block(self, value: object) -> str:
        """JSON that cannot end the ``script`` element it stands in."""
        return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def but_for_its_slash(path: str) -> str:
    """``path`` with a slash at its end if it has none, else without."""
    return path.removesuffix("/") if path.endswith("/") else path + "/"


class PageBeside(Page):
    """Where a page is not, but for the slash at the end of its address: people do not know which it is."""

    @operation("To the page", answers={301: None})
    async def get(self) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(but_for_its_slash(self.request.path) + query, permanent=True)


class AdminPage(Page):
    @operation("The operators' panel", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        if cookie_of(self.request, XSRF) is None:
            set_cookie(self, self.services.base_url, XSRF, secrets.token_urlsafe(24))
        config = {"base_url": self.services.base_url, "demo": self.services.settings.demo}
        self.show("admin.html", config_json=self.json_block(config))


class ChatPage(Page):
    @operation(
        "A widget's chat, for its iframe", answers={200: str}, problems=(WidgetNotFound,), media_type="text/html"
    )
    async def get(self, widget_id: int) -> None:
        widget = await self.services.widgets.known(widget_id)
        face = await self.services.widgets.face(widget_id)
        fields = {name: getattr(face, name) for name in face.__struct_fields__}
        self.show(
            "chat.html",
            f"'self' {frame_ancestors(widget.domains)}",
            widget=fields,
            config_json=self.json_block({"base_url": self.services.base_url, "widget": fields}),
        )


class DemoSite(Page):
    @operation("A shop's page with the first widget embedded", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        page = await self.services.widgets.list(WidgetQuery(limit=1, after=0))
        if not page.items:
            raise WidgetNotFound("There is no widget yet. Make one in the panel; this page then shows it.")
        embed_code = page.items[0].embed_code.replace("&", "&amp;")
        parts = urlsplit(self.services.base_url)
        ours = f"{self.request.protocol}://{self.request.host}"
        # Whatever name this page was opened under, its widget comes from the same place.
        embed_code = embed_code.replace(f"{parts.scheme}://{parts.netloc}", ours)
        self.show("demo_site.html", embed_code=embed_code)


class TicketDemo(Page):
    @operation("The two-panel demo of a ticket's chat", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        # The same file works on a static host, where its neighbours are relative.
        html = self.shelf.find("demo/index.html").body.decode()
        html = re.sub(r'(?<=")\.\./([^"]+)', lambda found: self.shelf.address(found[1]), html)
        modules = "".join(
            f'<link rel="modulepreload" href="{each}">\n  ' for each in self.shelf.preloads("demo/demo.js")
        )
        html = html.replace("<script", f"{modules}<script", 1)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CSP.format(connect=ANY_SERVER, ancestors="'none'"))
        self.set_header("Cache-Control", "no-cache")
        self.finish(html)


class WebappPage(Page):
    @operation("The page of a shop that follows what bots broadcast", answers={200: str}, media_type="text/html")
    async def get(self) -> None:
        private = sorted(self.services.settings.broadcast_private_types)
        self.show("webapp.html", config_json=self.json_block({"private_types": private}))


class Home(Page):
    @operation("Where things are", answers={302: None})
    async def get(self) -> None:
        self.redirect("/demo-site/" if self.services.settings.demo else "/admin")

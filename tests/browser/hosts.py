"""Pages of customers: served from another loopback port, under names that only the tests' browser knows."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

# The browser is told that everything under .test is this machine (RFC 6761 reserves the name for this).
RESOLVER_RULE = "MAP *.test 127.0.0.1"
NONCE = "c29tZSBub25jZQ"


class HostSite:
    """A customer's site. ``show`` publishes a page; every path that has none is a 404."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, str | None]] = {}
        pages = self._pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                html, policy = pages.get(self.path, ("", None))
                body = html.encode()
                self.send_response(200 if html else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def show(
        self, path: str, embed_code: str, *, host: str = "127.0.0.1", script: str = "", strict_for: str | None = None
    ) -> str:
        """Publish a page with the widget and return its address under ``host``.

        With ``strict_for``, the origin of a ReplyX server, the page's policy forbids all that it can: scripts need
        a nonce, styles are out altogether, and nothing but that origin may be fetched from or framed.
        """
        nonce = f' nonce="{NONCE}"' if strict_for else ""
        policy = (
            f"default-src 'none'; script-src 'nonce-{NONCE}'; connect-src {strict_for}; frame-src {strict_for};"
            " img-src data:; base-uri 'none'; form-action 'none'"
        )
        html = (
            '<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Лавка</title>'
            # A page's own rules must not reach into the widget.
            + ("" if strict_for else "<style>button{display:none}div{color:red}</style>")
            + '<link rel="icon" href="data:,">'
            + f"<script{nonce}>window.before = Object.keys(window); {script}</script></head>"
            + '<body><h1>Лавка</h1><p id="count">0</p><a href="#" id="add">В корзину</a>'
            + f"{embed_code.replace('<script ', f'<script{nonce} ')}<p>Подвал</p></body></html>"
        )
        self._pages[path] = (html, policy if strict_for else None)
        return f"http://{host}:{self._server.server_port}{path}"

    def __enter__(self) -> HostSite:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

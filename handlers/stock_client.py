"""The stock client for pages, at the addresses where Socket.IO servers have it: ``/socket.io/socket.io.js``.

It is not part of ReplyX's sources: a release brings it beside the pages (``packaging/release.py``), in a checkout
``make run`` and ``make test`` fetch it with npm. The server looks there, and in ``node_modules`` of its own folder and
of its data directory, at every request, so it may come at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from handlers.shelf import Shelf
from handlers.static_files import StaticFiles
from replyx.errors import NotFound
from replyx.services import Services

ADDRESS = r"/socket\.io/(socket\.io(?:\.esm)?(?:\.min)?\.js(?:\.map)?)"
DIST = Path("node_modules", "socket.io-client", "dist")
RELEASED = Path("static", "socket.io-client")
MISSING = (
    "The stock Socket.IO client is not installed here. Run: npm install --no-save --prefix DIR socket.io-client@4"
    " where DIR is the folder of run.py (make run does it) or the data directory; the server finds it at once."
)


class StockClient(StaticFiles):
    """Files of the npm package ``socket.io-client``, from the first of ``shelves`` that has them."""

    def initialize(self, shelves: Sequence[Shelf]) -> None:  # type: ignore[override]
        """What is asked of one shelf elsewhere is asked of several."""
        found = next((shelf for shelf in shelves if shelf.is_there), None)
        self.missing = found is None
        super().initialize(found or shelves[0])

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Say what to do where the package is not there."""
        if status_code != 404 or not self.missing:
            super().write_error(status_code, **kwargs)
            return
        problem = NotFound(MISSING)
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/problem+json")
        self.finish(msgspec.json.encode(problem.document()))


def shelves(services: Services) -> list[Shelf]:
    """Where the client may be."""
    root = Path(services.root)
    return [Shelf(each) for each in (root / RELEASED, root / DIST, services.settings.data_dir / DIST)]

"""How the installation stands, for admins: what the server sees of itself and of the request that asks."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from handlers.base import Handler, operation
from handlers.http_exchange import Exchange
from replyx.delivery.store import Snapshot
from replyx.doctor import house
from replyx.doctor.findings import WORDS, Finding, found, verdict_of
from replyx.schemas.languages import Language

# What the panel looks at from the browser, and so has to have words for.
FROM_A_BROWSER = (
    *("public_url", "public_url_other", "host", "host_lost", "scheme", "scheme_lost", "address", "proxy_untrusted"),
    *("secure", "insecure", "websocket", "websocket_failed", "stream", "stream_buffered", "socketio"),
    *("socketio_polling", "socketio_websocket"),
)


class Asked(msgspec.Struct, frozen=True):
    """In which language."""

    locale: Language = "en"


class Seen(msgspec.Struct, frozen=True):
    """The request as it arrived.

    ``peer`` and ``port`` are the socket's other end, ``address`` whom the server takes for the client; ``forwarded_*``
    are the headers, empty where there are none. ``trusted``: they are believed, because ``TRUSTED_PROXIES`` names the
    peer.
    """

    peer: str
    port: int
    address: str
    scheme: str
    host: str
    forwarded_for: str
    forwarded_proto: str
    trusted: bool


class Examined(msgspec.Struct, frozen=True):
    """What was found, and what the server saw; ``epoch`` tells installations apart.

    ``from_a_browser`` are the findings that a page can make by itself, their ``params`` still to be put in.
    """

    epoch: str
    public_url: str
    findings: list[Finding]
    seen: Seen
    from_a_browser: list[Finding]


class Examination(Handler):
    """The doctor's findings from inside; those of the way here are made by whoever came it."""

    @operation(
        "What is wrong with this installation, and with the proxy before it", query=Asked, answers={200: Examined}
    )
    async def get(self, query: Asked) -> object:
        services = self.services

        def look(rows: Snapshot) -> list[Finding]:
            now_ms = int(services.clock() * 1000)
            return [*house.machine(services.settings), *house.contents(rows, services.settings, now_ms)]

        findings = [*await services.store.read(look), *self._running()]
        words = WORDS[query.locale]
        return Examined(
            services.hub.epoch,
            services.base_url,
            [each.put(query.locale) for each in findings],
            self._seen(),
            [Finding(code, verdict_of(code), *words[code], {}) for code in FROM_A_BROWSER],
        )

    def _running(self) -> Iterator[Finding]:
        """What only the process itself knows."""
        if cause := self.services.store.trouble.cause:
            yield found("database_failing", why=cause)
        if not self.services.bus.connected:
            yield found("redis_silent", why="-")

    def _seen(self) -> Seen:
        connection, headers = self.request.connection, self.request.headers
        assert isinstance(connection, Exchange)
        peer = connection.context
        return Seen(
            peer=peer.socket_ip,
            port=peer.socket_port,
            address=peer.remote_ip,
            scheme=peer.protocol,
            host=self.request.host,
            forwarded_for=headers.get("X-Forwarded-For", ""),
            forwarded_proto=headers.get("X-Forwarded-Proto", ""),
            trusted=peer.trusted,
        )

"""What is to be seen by way of the public address, as a visitor's browser comes: through DNS, TLS and every proxy.

It speaks plain HTTP/1.1 through the standard library, a connection a question, because what is asked is what a better
client would hide: which header arrived, and when the first byte came.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from replyx.doctor.findings import Finding, found
from replyx.loopback import is_loopback

ANSWER_S = 6.0
STREAM_S = 3.0  # a server that nobody holds back begins at once
CLOSE_END_DAYS = 14
FORGED = "203.0.113.77"  # of a network that is for documentation (RFC 5737, 3): nobody comes from there
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
BLOCKED = {"address_unknown", "unreachable", "tls_wrong"}  # nothing more can be seen then
ANOTHER = "another_installation"
EXAMINE = "/api/v1/doctor"


@dataclass(frozen=True, slots=True)
class Inside:
    """What is known of the installation that should answer: its epoch, and the directory that holds it."""

    epoch: str
    place: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and from which port of this machine was asked."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    port: int

    @property
    def json(self) -> Any:
        """The body; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Road:
    """The way to ``url``, an origin such as ``https://chat.example``; ``token`` is an admin's, or empty."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        self.url = url
        self._host = parts.hostname or ""
        self._netloc = parts.netloc
        self._scheme = parts.scheme
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._as_admin = {"Authorization": f"Bearer {token}"} if token else {}

    def walk(self, inside: Inside | None) -> Iterator[Finding]:
        """Every finding, in the order in which one would mend them; nothing more where nobody answers at all."""
        yield from (reached := list(self._reach()))
        if BLOCKED & {each.code for each in reached}:
            return
        health = self._get("/health")
        version = health.json.get("version") if isinstance(health.json, dict) else None
        if health.status not in (200, 503) or (version is None and health.status == 200):
            yield found("answers_wrong", url=self.url, status=health.status)
            if health.status >= 500:
                return
        else:
            yield found("answers", url=self.url, version=version or "?")
        yield from (examined := list(self._examined(inside)))
        if any(each.code == ANOTHER for each in examined):
            return
        if self._scheme == "https":
            yield found("secure")
        elif not is_loopback(self._host):
            yield found("insecure")
        yield from self._script()
        yield from self._websocket()
        yield from self._socketio()
        yield self._stream()

    def _reach(self) -> Iterator[Finding]:
        """DNS, the port, the certificate."""
        try:
            socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as failure:
            yield found("address_unknown", host=self._host, why=failure.strerror or failure)
            return
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                if isinstance(connection.sock, ssl.SSLSocket):
                    yield _certificate(connection.sock)
        except ssl.SSLCertVerificationError as failure:
            yield found("tls_wrong", why=failure.verify_message)
        except OSError as failure:
            yield found("unreachable", host=self._host, port=self._port, why=failure.strerror or failure)

    def _examined(self, inside: Inside | None) -> Iterator[Finding]:
        """What the server saw of a request that claims to come from elsewhere."""
        document = self._get("/openapi.json").json
        named = document["servers"][0]["url"] if isinstance(document, dict) and document.get("servers") else ""
        yield (
            found("public_url", url=named)
            if named == self.url
            else found("public_url_other", named=named or "not known", url=self.url)
        )
        if not self._as_admin:
            return
        answer = self._get(EXAMINE, {**self._as_admin, "X-Forwarded-For": FORGED})
        seen = answer.json.get("seen") if isinstance(answer.json, dict) else None
        if answer.status != 200 or seen is None:
            if inside is not None and answer.status == 401:
                yield found(ANOTHER, url=self.url, path=inside.place)
            return
        if inside is not None and answer.json["epoch"] != inside.epoch:
            yield found(ANOTHER, url=self.url, path=inside.place)
            return
        yield from self._headers(seen, answer.port)

    def _headers(self, seen: Mapping[str, Any], port: int) -> Iterator[Finding]:
        peer = seen["peer"]
        yield (
            found("host") if seen["host"] == self._netloc else found("host_lost", seen=seen["host"], sent=self._netloc)
        )
        yield (
            found("scheme", scheme=self._scheme)
            if seen["scheme"] == self._scheme
            else found("scheme_lost", scheme=self._scheme, seen=seen["scheme"], peer=peer)
        )
        yield self._address(seen, port)

    def _address(self, seen: Mapping[str, Any], port: int) -> Finding:
        """Whether the server knows who comes. A request claimed :data:`FORGED`, so a proxy must have added to that."""
        peer, claims = seen["peer"], [each.strip() for each in seen["forwarded_for"].split(",")]
        if seen["port"] == port:
            return found("direct")
        if claims == [""]:
            return found("address_lost", peer=peer)
        if claims[-1] == FORGED:
            return found("address_forged")
        return found("address") if seen["trusted"] else found("proxy_untrusted", peer=peer)

    def _script(self) -> Iterator[Finding]:
        answer = self._get("/widget.js")
        kind = answer.headers.get_content_type()
        if answer.status == 200 and "javascript" in kind:
            yield found("widget_script")
        else:
            yield found("widget_script_wrong", url=self.url, status=answer.status, kind=kind)

    def _websocket(self) -> Iterator[Finding]:
        status = self._handshake("/ws/webapp")
        if status == 101:
            yield found("websocket")
        elif status is None:
            yield found("websocket_silent", seconds=f"{STREAM_S:g}")
        elif status == 426:
            yield found("websocket_dropped")
        else:
            yield found("websocket_refused", status=status)

    def _socketio(self) -> Iterator[Finding]:
        answer = self._get("/socket.io/?EIO=4&transport=polling")
        if answer.status != 200 or not answer.body.startswith(b"0{"):
            yield found("socketio_polling", status=answer.status)
        elif self._handshake("/socket.io/?EIO=4&transport=websocket") == 101:
            yield found("socketio")
        else:
            yield found("socketio_websocket")

    def _stream(self) -> Finding:
        """An event stream's first bytes: what a browser would wait for."""
        if not self._as_admin:
            return found("stream_unseen")
        headers = {**self._as_admin, "Accept": "text/event-stream", "Accept-Encoding": "gzip, deflate, br, zstd"}
        begun = time.monotonic()
        with closing(self._connection(STREAM_S)) as connection:
            try:
                connection.request("GET", "/api/inbox/events", headers=headers)
                answer = connection.getresponse()
                if answer.status != 200:
                    return found("stream_refused", status=answer.status)
                answer.read(1)
            except TimeoutError:
                return found("stream_buffered", seconds=f"{STREAM_S:g}")
            except (OSError, http.client.HTTPException):
                return found("stream_refused", status="no answer")
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            return found("stream_compressed", encoding=encoding)
        return found("stream", ms=round((time.monotonic() - begun) * 1000))

    def _get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One request; what is no HTTP answers as status 0."""
        with closing(self._connection()) as connection:
            try:
                connection.request("GET", path, headers=dict(headers or {}))
                port = connection.sock.getsockname()[1]
                answer = connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read(), port)
            except (OSError, http.client.HTTPException):
                return Answer(0, http.client.HTTPMessage(), b"", 0)

    def _handshake(self, path: str) -> int | None:
        """The status with which a WebSocket's handshake is answered, as a page of the site itself sends it."""
        with closing(self._connection(STREAM_S)) as connection:
            try:
                connection.request("GET", path, headers={**HANDSHAKE, "Origin": self.url})
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return None

    def _connection(self, patience_s: float = ANSWER_S) -> http.client.HTTPConnection:
        if self._scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=patience_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=patience_s)


def _certificate(link: ssl.SSLSocket) -> Finding:
    certificate = link.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = int((ends - time.time()) // 86400)
    return found("tls" if days > CLOSE_END_DAYS else "tls_ending", days=days)

"""A ticket's Socket.IO client among the open streams: what ends it when its credential does."""

from __future__ import annotations

from replyx.auth import AccountActor
from replyx.delivery.streams import SOCKET_SLOTS
from replyx.errors import CloseCode
from replyx.socketio.application import Client


class TicketStream:
    """See :class:`replyx.delivery.streams.Stream`. Its heart is beaten by Engine.IO."""

    kind = "ticket"
    heartbeat_s = SOCKET_SLOTS

    def __init__(self, client: Client, account: AccountActor | None) -> None:
        self._client = client
        self._account = account

    @property
    def grant(self) -> str | None:
        """The session of the account; a ticket's id alone rests on nothing that can end."""
        return None if self._account is None else self._account.grant

    @property
    def expires_at(self) -> float | None:
        """When the token runs out, in seconds since the epoch."""
        return None if self._account is None else self._account.expires_at

    def heartbeat(self) -> None:
        """Nothing: Engine.IO asks for a sign of life itself."""

    def end(self, why: CloseCode) -> None:
        """Show the client out, saying why; or end the whole connection, when it may come back at once."""
        if why.reconnect:
            self._client.disconnect(close=True)
            return
        self._client.send(
            "error", {"code": "credential_invalid", "message": "The token has run out, or its session has ended."}
        )
        self._client.disconnect()

"""An application put together from functions: one object per namespace, one function per event.

::

    application = Namespaces()
    main = application.of("/")

    @main.on("message")
    async def message(client, text):
        client.send("message-back", text)
        return ["stored"]
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from replyx.socketio.application import Client

Handler = Callable[..., Awaitable[Sequence[Any] | None]]
Admit = Callable[[Client, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
Greet = Callable[[Client], None]
Part = Callable[[Client, str], None]

H = TypeVar("H", bound=Handler)


class Namespace:
    """What happens in one namespace. ``admit``, ``greet`` and ``part`` may be set; events without a function pass."""

    def __init__(self) -> None:
        self.admit: Admit | None = None
        self.greet: Greet | None = None
        self.part: Part | None = None
        self.handlers: dict[str, Handler] = {}

    def on(self, event: str) -> Callable[[H], H]:
        """Call the decorated function with the client and the arguments of each ``event``.

        What it returns, a sequence or None, is the acknowledgement for a client that asked for one.
        """

        def register(handler: H) -> H:
            self.handlers[event] = handler
            return handler

        return register


class Namespaces:
    """An :class:`~replyx.socketio.application.Application` of several namespaces."""

    def __init__(self) -> None:
        self._namespaces: dict[str, Namespace] = {}

    def of(self, name: str) -> Namespace:
        """The namespace ``name``, made when it is first asked for."""
        return self._namespaces.setdefault(name, Namespace())

    @property
    def namespaces(self) -> Collection[str]:
        """The names."""
        return self._namespaces.keys()

    async def on_connect(self, client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer of the namespace's own hook; without one everybody is admitted."""
        admit = self._namespaces[client.namespace].admit
        return await admit(client, auth) if admit is not None else None

    def on_connected(self, client: Client) -> None:
        """Tell the namespace that the client has its CONNECT answer."""
        greet = self._namespaces[client.namespace].greet
        if greet is not None:
            greet(client)

    async def on_event(self, client: Client, name: str, args: list[Any]) -> Sequence[Any] | None:
        """What the event's handler acknowledges; an event without one is acknowledged with nothing."""
        handler = self._namespaces[client.namespace].handlers.get(name)
        return await handler(client, *args) if handler is not None else None

    def on_disconnect(self, client: Client, reason: str) -> None:
        """Tell the namespace that the client is gone, and why."""
        part = self._namespaces[client.namespace].part
        if part is not None:
            part(client, reason)

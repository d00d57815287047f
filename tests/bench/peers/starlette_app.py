"""The peer on Starlette and uvicorn: durable sends, and broadcasts to WebSockets and event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.bench.peers.storage import Messages

messages = Messages()
queues: set[asyncio.Queue[str]] = set()
sockets: set[WebSocket] = set()


def store(draft: dict[str, Any]) -> dict[str, Any]:
    """The message of ``draft``, durable."""
    created_at = datetime.now(UTC).isoformat()
    message_id = messages.add(1, draft["text"], draft.get("client_id"), created_at)
    return {
        "id": message_id,
        "sender": "manager",
        "text": draft["text"],
        "timestamp": created_at,
        "client_id": draft.get("client_id"),
    }


async def publish(event: dict[str, Any]) -> None:
    """Send ``event`` to everybody who listens, encoded once."""
    text = json.dumps(event)
    for queue in queues:
        queue.put_nowait(f"data: {text}\n\n")
    for socket in list(sockets):
        await socket.send_text(text)


async def send(request: Request) -> Response:
    """A durable send over HTTP."""
    message = store(await request.json())
    await publish({"type": "message:new", "dialog_id": 1, "message": message})
    return JSONResponse({"message": message, "dialog_id": 1}, status_code=201)


async def broadcast(request: Request) -> Response:
    """An event that is kept nowhere."""
    await publish(await request.json())
    return JSONResponse({"ok": True}, status_code=201)


async def events(request: Request) -> Response:
    """The stream of everything."""
    return StreamingResponse(stream(), media_type="text/event-stream")


async def stream() -> AsyncIterator[str]:
    """One listener's events, for as long as it stays."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)
    try:
        yield ": open\n\n"
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


async def listen(socket: WebSocket) -> None:
    """A WebSocket that hears everything."""
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def talk(socket: WebSocket) -> None:
    """A WebSocket that sends durably and gets an ack for each message."""
    await socket.accept()
    try:
        while True:
            message = store(json.loads(await socket.receive_text()))
            await publish({"type": "message:new", "dialog_id": 1, "message": message})
            ack = {"type": "ack", "client_id": message["client_id"], "message": message}
            await socket.send_text(json.dumps(ack))
    except WebSocketDisconnect:
        return


app = Starlette(
    routes=[
        Route("/messages", send, methods=["POST"]),
        Route("/broadcast", broadcast, methods=["POST"]),
        Route("/events", events),
        WebSocketRoute("/listen", listen),
        WebSocketRoute("/talk", talk),
    ]
)

"""The stock JavaScript parsers read what ReplyX writes, and the reverse, packet by generated packet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from replyx.socketio import engineio_codec as engine
from replyx.socketio.socketio_codec import Decoder, Kind, Packet, encode
from replyx.socketio.socketio_session import frames
from tests.unit.socketio.test_socketio_codec import PACKETS

SCRIPT = Path(__file__).with_name("node_parser.cjs")


class Stock:
    """The parsers in a process."""

    def __init__(self, node: Path, module: Path) -> None:
        self.process = subprocess.Popen(
            [str(node), str(SCRIPT), str(module)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def parse(self, packet: Packet) -> dict[str, Any]:
        """What they read in our encoding of ``packet``, and how they write it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        stock = {"type": int(packet.kind), "nsp": packet.namespace, "data": shown(packet.data), "id": packet.ack_id}
        told = {name: value for name, value in stock.items() if value is not None}
        payload = frames(packet).polling.decode()[:-1]
        self.process.stdin.write(json.dumps({"packet": told, "payload": payload}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def shown(value: Any) -> Any:
    """``value`` with bytes in hexadecimal."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [shown(part) for part in value]
    if isinstance(value, dict):
        return {key: shown(part) for key, part in value.items()}
    return value


@pytest.fixture(scope="module")
def stock(node: Path, modules: Path) -> Iterator[Stock]:
    """The parsers of the newest client."""
    started = Stock(node, modules / "newest")
    yield started
    assert started.process.stdin is not None
    assert started.process.stdout is not None
    started.process.stdin.close()
    started.process.wait(10)
    started.process.stdout.close()


@settings(max_examples=200)
@given(packet=PACKETS)
def test_each_side_reads_what_the_other_writes(stock: Stock, packet: Packet) -> None:
    answer = stock.parse(packet)
    read = answer["read"]
    assert (read["type"], read["nsp"], read.get("id")) == (packet.kind, packet.namespace, packet.ack_id)
    assert read.get("data") == shown(packet.data)
    decoder = Decoder()
    results = [decoder.feed(each.data) for each in engine.decode_payload(answer["written"].encode())]
    assert results[:-1] == [None] * (len(results) - 1)
    assert results[-1] == packet


def test_a_difference_would_be_seen(stock: Stock) -> None:
    told = Packet(Kind.EVENT, "/", ["a", b"\1"])
    assert stock.parse(told)["read"]["data"] == ["a", {"hex": "01"}]
    assert encode(told)[0] != encode(Packet(Kind.EVENT, "/", ["b", b"\1"]))[0]

"""A client's namespaces, packet by packet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.socketio.engineio_codec import BadPacket
from replyx.socketio.socketio_session import (
    MAX_OWED,
    AckReceived,
    ConnectAsked,
    EventReceived,
    Left,
    NamespaceUnknown,
    SocketSession,
)


def member(namespace: str = "/") -> SocketSession:
    """A session in one namespace."""
    session = SocketSession({"/", "/admin"})
    session.receive("0" if namespace == "/" else f"0{namespace},")
    session.accept(namespace, "sid", {})
    return session


def test_a_client_is_in_a_namespace_when_it_was_accepted_and_not_before() -> None:
    session = SocketSession({"/"})
    assert session.receive('0{"token":"x"}') == ConnectAsked("/", {"token": "x"})
    assert session.accept("/", "abc", {"pid": "p"}).text == b'0{"sid":"abc","pid":"p"}'
    assert session.receive('2["a"]') == EventReceived("/", "a", [], None)


def test_a_refused_client_may_ask_again() -> None:
    session = SocketSession({"/"})
    assert session.receive("0/x,") == NamespaceUnknown("/x")
    assert session.refuse("/x", "Invalid namespace").text == b'4/x,{"message":"Invalid namespace"}'
    session.receive("0")
    assert session.refuse("/", "no", {"why": 1}).text == b'4{"message":"no","data":{"why":1}}'
    assert session.receive("0") == ConnectAsked("/", {})


def test_events_and_acknowledgements_go_both_ways() -> None:
    session = member("/admin")
    assert session.receive('2/admin,7["a",1]') == EventReceived("/admin", "a", [1], 7)
    assert session.receive("2/admin,[5]") == EventReceived("/admin", "5", [], None)
    assert session.acknowledge("/admin", 7, ("x", b"\1")).text == b'61-/admin,7["x",{"_placeholder":true,"num":0}]'
    answers: list[Sequence[Any] | None] = []
    assert session.emit("/admin", "q", [1], answers.append).text == b'2/admin,0["q",1]'
    assert session.emit("/admin", "q", [2], None).text == b'2/admin,["q",2]'
    assert session.receive('3/admin,0["yes"]') == AckReceived(answers.append, ["yes"])
    assert session.receive('3/admin,0["yes"]') is None, "a second answer is nobody's"


def test_leaving_gives_back_what_the_client_still_owed() -> None:
    session = member()
    answers: list[Sequence[Any] | None] = []
    session.emit("/", "q", [], answers.append)
    assert session.receive("1") == Left("/", (answers.append,))
    assert session.receive("0") == ConnectAsked("/", {})


def test_what_a_client_sent_before_it_was_shown_out_passes() -> None:
    session = member()
    assert session.show_out("/").text == b"1"
    session.forget("/")
    assert session.receive('2["late"]') is None
    assert session.receive("1") is None
    assert session.receive("30[]") is None
    with pytest.raises(BadPacket):
        session.receive('4{"message":"x"}')
    assert session.receive("0") == ConnectAsked("/", {})


def test_what_a_client_owes_is_bounded() -> None:
    session = member()
    answers: list[Sequence[Any] | None] = []
    for _ in range(MAX_OWED):
        session.emit("/", "q", [], answers.append)
    assert answers == []
    session.emit("/", "q", [], answers.append)
    assert answers == [None]
    assert session.receive("30[]") is None
    assert session.receive("31[]") is not None


@pytest.mark.parametrize("packet", ["0", '4{"message":"x"}', '2/admin,["a"]', "1/admin,", "3/admin,0[]", '2/no,["a"]'])
def test_a_packet_out_of_place_ends_the_connection(packet: str) -> None:
    session = member()
    with pytest.raises(BadPacket):
        session.receive(packet)


@pytest.mark.parametrize("packet", ['2["a"]', "1", "30[]", '4{"message":"x"}'])
def test_nothing_may_come_before_connect_nor_before_its_answer(packet: str) -> None:
    with pytest.raises(BadPacket):
        SocketSession({"/"}).receive(packet)
    session = SocketSession({"/"})
    session.receive("0")
    with pytest.raises(BadPacket):
        session.receive(packet)


MESSAGES = st.sampled_from(
    [
        *[
            "0",
            "0/admin,",
            "0/no,",
            "1",
            "1/admin,",
            '2["a"]',
            '2/admin,1["a"]',
            "30[]",
            "31[]",
            '4{"message":""}',
            "x",
        ],
        *['51-["a",{"_placeholder":true,"num":0}]', b"x", b""],
    ]
)


@given(st.lists(st.tuples(MESSAGES, st.sampled_from(["accept", "refuse", "show out"])), max_size=30))
def test_no_order_of_packets_breaks_the_session(steps: list[tuple[str | bytes, str]]) -> None:
    session = SocketSession({"/", "/admin"})
    inside: set[str] = set()
    for message, choice in steps:
        try:
            asked = session.receive(message)
        except BadPacket:
            return
        if isinstance(asked, ConnectAsked):
            assert asked.namespace not in inside
            if choice == "refuse":
                session.refuse(asked.namespace, "no")
            else:
                session.accept(asked.namespace, "sid", {})
                inside.add(asked.namespace)
        elif isinstance(asked, EventReceived | Left):
            assert asked.namespace in inside
            if isinstance(asked, Left):
                inside.remove(asked.namespace)
            elif choice == "show out":
                session.show_out(asked.namespace)
                session.forget(asked.namespace)
                inside.remove(asked.namespace)

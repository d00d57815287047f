"""What a wrong request is told: codes and sentences of our own, whatever the decoder says."""

from __future__ import annotations

import subprocess
from typing import Annotated, Any, Literal

import msgspec
import pytest

from handlers.decoding import convert, decode
from replyx.errors import FieldError, Invalid, Malformed
from replyx.faults import Fault
from replyx.schemas.dialogs import NO_NUL
from tests.server import ROOT


class Inner(msgspec.Struct):
    """Something inside."""

    count: int


class Asked(msgspec.Struct, kw_only=True):
    """A field for each kind of rule that a request has."""

    name: Annotated[str, msgspec.Meta(min_length=2, max_length=5)]
    text: Annotated[str, msgspec.Meta(pattern=NO_NUL)] = ""
    colour: Annotated[str, msgspec.Meta(pattern="^#[0-9a-f]{6}$")] = "#000000"
    kind: Literal["one", "two"] = "one"
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    price: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.0
    items: Annotated[list[int], msgspec.Meta(min_length=1, max_length=3)] | None = None
    inner: Inner | None = None
    by_id: dict[int, str] = {}
    on: bool | None = None


def refused(body: bytes) -> FieldError:
    """The one error of a refused body."""
    with pytest.raises(Invalid) as refusal:
        decode(body, msgspec.json.Decoder(Asked))
    (error,) = refusal.value.errors
    assert refusal.value.detail == f"{error.field}: {error.detail}"
    return error


@pytest.mark.parametrize(
    ("body", "field", "fault", "params"),
    [
        (b"{}", "name", Fault.REQUIRED, {}),
        (b'{"name": 1}', "name", Fault.WRONG_TYPE, {"expected": "text", "given": "a whole number"}),
        (b'{"name": null}', "name", Fault.WRONG_TYPE, {"expected": "text", "given": "null"}),
        (b'{"name": "abc", "on": "x"}', "on", Fault.WRONG_TYPE, {"expected": "true or false or null", "given": "text"}),
        (b"[]", "body", Fault.WRONG_TYPE, {"expected": "an object", "given": "a list"}),
        (b'{"name": "a"}', "name", Fault.TOO_SHORT, {"min": 2}),
        (b'{"name": "abcdef"}', "name", Fault.TOO_LONG, {"max": 5}),
        (b'{"name": "abc", "text": "\\u0000"}', "text", Fault.CHARACTER_NOT_ALLOWED, {"character": "U+0000"}),
        (b'{"name": "abc", "colour": "red"}', "colour", Fault.WRONG_FORM, {"pattern": "^#[0-9a-f]{6}$"}),
        (b'{"name": "abc", "kind": "six"}', "kind", Fault.NOT_ONE_OF, {"given": "'six'"}),
        (b'{"name": "abc", "limit": 0}', "limit", Fault.TOO_SMALL, {"min": 1}),
        (b'{"name": "abc", "limit": 201}', "limit", Fault.TOO_LARGE, {"max": 200}),
        (b'{"name": "abc", "price": -1}', "price", Fault.TOO_SMALL, {"min": 0}),
        (b'{"name": "abc", "price": 10.5}', "price", Fault.TOO_LARGE, {"max": 10}),
        (b'{"name": "abc", "items": []}', "items", Fault.TOO_FEW, {"min": 1}),
        (b'{"name": "abc", "items": [1,2,3,4]}', "items", Fault.TOO_MANY, {"max": 3}),
        (
            b'{"name": "abc", "items": ["x"]}',
            "items[0]",
            Fault.WRONG_TYPE,
            {"expected": "a whole number", "given": "text"},
        ),
        (b'{"name": "abc", "inner": {}}', "inner.count", Fault.REQUIRED, {}),
        (b'{"name": "abc", "limit": 99999999999999999999999}', "limit", Fault.TOO_LARGE, {"max": 200}),
    ],
)
def test_each_rule_has_a_code(body: bytes, field: str, fault: Fault, params: dict[str, Any]) -> None:
    error = refused(body)
    assert (error.field, error.code, error.params) == (field, fault.code, params)
    assert error.detail == fault.value.format(**params)


@pytest.mark.parametrize(
    "body",
    [b'{"name": "abc", "by_id": {"x": "y"}}', b'{"name": "abc", "by_id": {"1": 2}}', b'{"name": "abc", "on": 7}'],
)
def test_nothing_that_the_decoder_says_reaches_a_client(body: bytes) -> None:
    error = refused(body)
    assert error.code in {fault.code for fault in Fault}
    assert not {"Expected", "Invalid", "Object", "`"} & {*error.detail.replace("`", " ` ").split()}
    assert error.field.split("[")[0].split(".")[0] in {"by_id", "on"}


def test_a_query_is_told_like_a_body() -> None:
    with pytest.raises(Invalid) as refusal:
        convert({"name": "abc", "limit": "many"}, Asked)
    assert refusal.value.errors[0] == FieldError.of("limit", Fault.WRONG_TYPE, expected="a whole number", given="text")


def test_what_is_no_json_is_told_where_it_breaks() -> None:
    with pytest.raises(Malformed) as refusal:
        decode(b'{"name": x}', msgspec.json.Decoder(Asked))
    assert refusal.value.detail == "The body is not JSON: look at byte 9."


def test_texts_of_the_decoder_are_read_in_one_place() -> None:
    command = ["git", "grep", "-lE", r"Expected `|ValidationError", "--", "replyx", "handlers"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert found == ["handlers/decoding.py"]

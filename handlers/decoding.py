"""JSON and query strings to typed structs, with every refusal naming the field that is wrong."""

from __future__ import annotations

import functools
import json
import re
from codecs import BOM_UTF8
from typing import Any, TypeVar

import msgspec

from replyx.errors import FieldError, Invalid, Malformed
from replyx.faults import Fault
from replyx.schemas.dialogs import NO_NUL
from replyx.schemas.texts import cut

S = TypeVar("S", bound=msgspec.Struct)
D = TypeVar("D")


@functools.cache
def decoder_of(shape: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """The decoder of a request's struct, made once."""
    return msgspec.json.Decoder(shape)


def without_mark(data: bytes) -> bytes:
    """``data`` without a byte order mark, which some clients put before their JSON (RFC 8259, 8.1)."""
    return data.removeprefix(BOM_UTF8)


def convert(given: object, shape: type[S], *, strict: bool = False) -> S:
    """The fields of a query string as ``shape``; ``strict`` for JSON that was read already. Raises :class:`Invalid`."""
    try:
        return msgspec.convert(given, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(errors=[field_error(str(error))]) from None


def decode(data: bytes, decoder: msgspec.json.Decoder[D]) -> D:
    """JSON ``data`` as the decoder's type; raises as :meth:`Handler.body`."""
    try:
        return decoder.decode(without_mark(data))
    except msgspec.ValidationError as error:
        raise Invalid(errors=[field_error(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        half = half_of_pair(data)
        if half is not None:
            wrong = FieldError.of("body", Fault.CHARACTER_NOT_ALLOWED, character=half)
            raise Malformed(f"The body holds half a character: {half} stands alone.", errors=[wrong]) from None
        byte = re.search(r"\(byte (\d+)\)", str(error))
        raise Malformed(f"The body is not JSON{f': look at byte {byte[1]}' if byte else ''}.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None


def half_of_pair(data: bytes) -> str | None:
    """The surrogate that stands alone in JSON ``data`` (RFC 8259, 8.2), such as ``U+D83D``; None where none does.

    Scripts send it where they have cut a text between two UTF-16 units.
    """
    try:
        json.dumps(json.loads(data), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f"U+{ord(error.object[error.start]):04X}"
    except (ValueError, RecursionError):
        return None
    return None


# msgspec says what was wrong in text alone (its ValidationError has no members). It is read here and nowhere else;
# what a client sees are codes and sentences of our own, and a text that is not known is WRONG_VALUE.

_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?(?P<field>.*)`\Z", re.DOTALL)
_SENTENCES: tuple[tuple[re.Pattern[str], Fault], ...] = tuple(
    (re.compile(pattern, re.DOTALL), fault)
    for pattern, fault in (
        (r"Object missing required field `(?P<name>.*)`", Fault.REQUIRED),
        (r"Expected `(?P<expected>[^`]*)`, got `(?P<given>[^`]*)`", Fault.WRONG_TYPE),
        (r"Expected `str` of length >= (?P<min>\d+)", Fault.TOO_SHORT),
        (r"Expected `str` of length <= (?P<max>\d+)", Fault.TOO_LONG),
        (r"Expected `(?:array|object)` of length >= (?P<min>\d+)", Fault.TOO_FEW),
        (r"Expected `(?:array|object)` of length <= (?P<max>\d+)", Fault.TOO_MANY),
        (r"Expected `(?:int|float)` >= (?P<min>[-+.\de]+)", Fault.TOO_SMALL),
        (r"Expected `(?:int|float)` <= (?P<max>[-+.\de]+)", Fault.TOO_LARGE),
        (r"Expected `str` matching regex '(?P<pattern>.*)'", Fault.WRONG_FORM),
        (r"Invalid (?:enum )?value (?P<given>.*)", Fault.NOT_ONE_OF),
    )
)
_TYPES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list"}
_TYPES |= {"object": "an object", "null": "null"}
_NO_NUL_AS_SHOWN = repr(NO_NUL)[1:-1]


def field_error(text: str) -> FieldError:
    """What the text of a ``msgspec.ValidationError`` means."""
    place = _PLACE.search(text)
    field = place["field"] if place else ""
    said = _PLACE.sub("", text)
    for pattern, fault in _SENTENCES:
        match = pattern.fullmatch(said)
        if match is None:
            continue
        params = match.groupdict()
        if fault is Fault.REQUIRED:
            name = params["name"]
            return FieldError.of(f"{field}.{name}" if field else name, fault)
        if fault is Fault.WRONG_FORM and params["pattern"] == _NO_NUL_AS_SHOWN:
            return FieldError.of(field or "body", Fault.CHARACTER_NOT_ALLOWED, character="U+0000")
        return FieldError.of(field or "body", fault, **_readable(params))
    return FieldError.of(field or "body", Fault.WRONG_VALUE)


def _readable(params: dict[str, str]) -> dict[str, str | int]:
    """Numbers as numbers, and types by the names that JSON has for them."""
    found: dict[str, str | int] = {}
    for name, value in params.items():
        if name in ("min", "max"):
            found[name] = int(float(value)) if float(value).is_integer() else value
        elif name == "expected" or value in _TYPES:
            found[name] = " or ".join(_TYPES.get(each, each) for each in value.split(" | "))
        else:
            found[name] = cut(value, 100)
    return found

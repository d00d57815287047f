"""JSON and query strings to typed structs, with every refusal naming the field that is wrong."""

from __future__ import annotations

import functools
import re
from typing import Any, TypeVar

import msgspec

from replyx.errors import FieldError, Invalid, Malformed

S = TypeVar("S", bound=msgspec.Struct)
D = TypeVar("D")

FIELD_OF_ERROR = re.compile(r" - at `\$\.?(.*?)`$")


@functools.cache
def decoder_of(shape: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """The decoder of a request's struct, made once."""
    return msgspec.json.Decoder(shape)


def convert(given: object, shape: type[S], *, strict: bool = False) -> S:
    """The fields of a query string as ``shape``; ``strict`` for JSON that was read already. Raises :class:`Invalid`."""
    try:
        return msgspec.convert(given, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def decode(data: bytes, decoder: msgspec.json.Decoder[D]) -> D:
    """JSON ``data`` as the decoder's type; raises as :meth:`Handler.body`."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None


def _invalid(error: msgspec.ValidationError) -> Invalid:
    text = str(error)
    match = FIELD_OF_ERROR.search(text)
    detail = FIELD_OF_ERROR.sub("", text)
    missing = re.search(r"missing required field `(.*?)`", detail)
    name = missing[1] if missing else (match[1] if match and match[1] else "body")
    return Invalid(f"{name}: {detail}", errors=[FieldError(name, detail)])

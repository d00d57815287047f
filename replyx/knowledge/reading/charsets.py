"""The text of bytes, found as browsers find it."""

from __future__ import annotations

import codecs
import re

_CHARSET = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{1,40})""", re.IGNORECASE)
_PRESCAN = 4096
_AS_BROWSERS_DO = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}  # WHATWG Encoding, 4.2


def decoded(data: bytes, charset: str) -> str:
    """The text of a page: by its byte order mark, by what the server said, by its own ``<meta>``, else by trying."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    found = _CHARSET.search(data[:_PRESCAN])
    for named in (charset, found[1].decode("ascii") if found else ""):
        try:
            codec = codecs.lookup(named).name if named else ""
            if codec:
                return data.decode(_AS_BROWSERS_DO.get(codec, codec), "replace")
        except (LookupError, UnicodeError):
            continue
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")

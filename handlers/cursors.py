"""Where a client of events wants to go on, in whatever spelling it says so.

A cursor that is not understood must be refused: a stream that begins now instead loses what the client missed, and
neither side would know.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from tornado.httputil import HTTPServerRequest

from replyx.delivery.eventlog import Cursor
from replyx.errors import CursorMalformed

# Names of the parameter, in lower case and without "-" and "_": ours, and those of EventSource polyfills
# (lastEventId, Last-Event-ID, evs_last_event_id).
NAMES = frozenset({"cursor", "lasteventid", "evslasteventid"})

# What else somebody may call it.
LIKE_A_NAME = re.compile(
    r".*(cursor|eventid|lastevent|lastid|lastseen|lastmessage|resume).*|since|after|from|fromid|offset|position|startat"
)


def cursor_of(request: HTTPServerRequest, epoch: str) -> Cursor | None:
    """The client's place; None to begin now. ``epoch`` is that of the log.

    The header wins, because a browser that reconnects renews only that one; of parameters, however they are spelled,
    the last that says something. Raises :class:`CursorMalformed`, also for a parameter that can be meant as a cursor
    and has a name of its own.
    """
    headers = [line for line in request.headers.get_list("Last-Event-ID") if line]
    found = headers[-1] if headers else ""
    for name, value in parse_qsl(request.query, errors="replace"):
        plain = re.sub("[-_]", "", name.lower())
        if plain in NAMES:
            found = found if headers else value
        elif LIKE_A_NAME.fullmatch(plain) or re.fullmatch(rf"{epoch}-[0-9]+", value):
            raise CursorMalformed(
                f"The parameter {name[:50]} is not known here, and seems to be a cursor."
                " Send the header Last-Event-ID, or ?last_event_id= or ?cursor=."
            )
    return Cursor.parse(found) if found else None

"""What of a text may stand in a log: no more than a bounded piece, and no secret.

Clients choose what is in many of these texts, so the work per character is bounded whatever they choose. Each pattern
either matches, and what it matched is done with, or fails within a few characters. What could run to the end of the
text and fail there must match there instead (``\\Z``), and gives nothing back (possessive quantifiers).
"""

from __future__ import annotations

import re

MASK = "***"
CUT = "…"
TEXT_CHARS = 4096  # of one message, field or exception
HEAD_CHARS = 1024  # of an exception that is longer; its end says what went wrong

# Names whose value is a credential, with anything before: token is also site_token, x-token and accessToken.
_NAMES = (
    r"(?:token|secret|password|passwd|passphrase|jwt|guest[-_]?id|ticket[-_]?id|session|xsrf|credentials?"
    r"|setup[-_]?code|(?:api|access|private|signing)[-_]?key)"
)
# What such a name is given: a quoted text to its end, or anything up to a character that no credential holds.
_VALUE = (
    r"""(?:b?\\*+(?P<quote>["'])(?s:\\.|(?!(?P=quote))[^\\])*+(?:(?P=quote)|\\?\Z)"""
    r"""|["']?[^\s&"'<>]++)"""
)
_SECRET_NAME = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # ?token=… also percent-encoded, once per URL that stands inside another; a cookie; a keyword argument
        (rf"({_NAMES}(?:=|%(?:25)*+3D)){_VALUE}", rf"\1\g<quote>{MASK}\g<quote>"),
        # a member of a JSON object or of a dict, also as text inside another, and a pair in a list of headers
        (rf"""({_NAMES}\\*+["']\s*+[:,]\s*+){_VALUE}""", rf"\1\g<quote>{MASK}\g<quote>"),
        # a header line; so what a log line says of a token reads "token expired", without a colon
        (rf"({_NAMES}:[ \t]*+)[^\s,;\"']++", rf"\1{MASK}"),
        (r"\b(bearer|basic)(\s++|%20|\+)[\w.~+/=-]{6,}+", rf"\1\2{MASK}"),  # RFC 6750, 2.1; RFC 7617, 2
        (r"(?-i:eyJ)[\w-]{6,}+(?:\.[\w-]*+){0,2}+", MASK),  # RFC 7519, 3: a JWT begins with '{"' in base64url
        (r"(/support/tickets/)[\w-]{16,}+", rf"\1{MASK}"),  # a ticket's id is itself the right to speak in it
    )
)
_ADDRESS = re.compile(r"(\w://[^\s/@:\"'<>]*+:)([^\s\"'<>]*+)")  # RFC 3986, 3.2.1: user:password@host
# Every pattern needs one of these. Most texts have none, and looking for plain words takes 1 us where the patterns
# take 20: a server that sends 20,000 messages a second writes as many lines.
_MARKS = (
    *("token", "secret", "pass", "jwt", "guest", "ticket", "session", "xsrf", "credential", "setup", "key"),
    *("bearer", "basic", "eyj", "://"),
)
_LAST_WORD = re.compile(r"[\w.~+/=%-]++\Z")
_WORD_CHARS = 64


def redact(text: str) -> str:
    """``text`` with the value of every credential in it replaced by ``***``.

    Covers query parameters, JSON and dict members and headers with a telling name (``token``, ``site_token``,
    ``guest_id``, ``password`` …), ``Authorization`` schemes, passwords in URLs, ticket ids in paths, and whatever
    looks like a JWT. Masks too much rather than too little: a quoted value without an end lasts to the end of the
    text. Takes time in proportion to the length of the text, whatever is in it.
    """
    lower = text.lower()
    for mark in _MARKS:
        if mark in lower:
            break
    else:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _ADDRESS.sub(_without_password, text)


def cut(text: str, most: int = TEXT_CHARS) -> str:
    """The beginning of ``text``, ``most`` characters at most and a mark where there was more.

    Half a word at the end goes too: the beginning of a secret could not be told from an ordinary word.
    """
    if len(text) <= most:
        return text
    head = text[: most - len(CUT)]
    return head[:-_WORD_CHARS] + _LAST_WORD.sub("", head[-_WORD_CHARS:]) + CUT


def cut_exception(text: str) -> str:
    """The first and the last lines of a traceback, :data:`TEXT_CHARS` at most."""
    if len(text) <= TEXT_CHARS:
        return text
    end = text[len(text) - (TEXT_CHARS - HEAD_CHARS - 1) :].partition("\n")[2]  # whole lines, as in cut()
    return f"{cut(text, HEAD_CHARS)}\n{end}" if end else cut(text)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a credential."""
    return _SECRET_NAME.search(name) is not None


def _without_password(found: re.Match[str]) -> str:
    _, at, host = found[2].rpartition("@")
    return f"{found[1]}{MASK}@{host}" if at else found[0]

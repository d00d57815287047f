"""Why a source could not be read, as a code that pages have words for."""

from __future__ import annotations

from enum import Enum, unique

import msgspec

from replyx.outside.failures import Failure


@unique
class Trouble(Enum):
    """Each member's name in lower case is its code; its value is the sentence, with ``{parameters}``."""

    STATUS = "the server answered {status}"
    TOO_LARGE = "it is larger than {megabytes} MB"
    BROKEN = "it could not be read as {kind}"
    ENCRYPTED = "it is protected by a password"
    TOO_SLOW = "reading it took too long or too much memory"
    NO_TEXT = "no text was found in it; a scanned document has pictures only"
    WRONG_TYPE = "the address leads to {type}, which cannot be read"
    ROBOTS = "the site's robots.txt does not allow it"
    NO_PAGES = "no sitemap was found that names a page of this site"
    REDIRECTS = "it redirects too often, or to an address that may not be called"
    INCOMPLETE = "{failed} of {pages} pages could not be read, such as {url}"


class ReadFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a source could not be read; ``detail`` says it in English. The code is a trouble's, or a failed request's."""

    code: str
    detail: str
    params: dict[str, str] = {}

    @classmethod
    def of(cls, trouble: Trouble, **params: str) -> ReadFailure:
        """``params`` are those that the sentence names."""
        return cls(trouble.name.lower(), trouble.value.format(**params), params)

    @classmethod
    def outside(cls, failure: Failure) -> ReadFailure:
        """A request that had no answer."""
        return cls(failure.code, failure.sentence, failure.params)


class Unread(Exception):
    """A source, or a document of it, could not be read."""

    def __init__(self, failure: ReadFailure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def unread(trouble: Trouble, **params: str) -> Unread:
    """The exception of a trouble."""
    return Unread(ReadFailure.of(trouble, **params))

"""What can be wrong with one field of a request: a stable code, and the English sentence for machines' logs.

Pages show the person's language by the code and its parameters (``static/shared/problem-phrases.js``), never the
sentence. A test holds the two together.
"""

from __future__ import annotations

from enum import Enum, unique


@unique
class Fault(Enum):
    """Each member's name in lower case is its code; its value is the sentence, with ``{parameters}``."""

    REQUIRED = "is needed"
    WRONG_TYPE = "must be {expected}, not {given}"
    WRONG_FORM = "must match {pattern}"
    WRONG_VALUE = "is not acceptable"
    NOT_ONE_OF = "{given} is none of the values that it can have"
    WRONG_LENGTH = "must hold {min} to {max} characters, this has {given}"
    TOO_SHORT = "must hold at least {min} characters"
    TOO_LONG = "must hold at most {max} characters"
    TOO_FEW = "must hold at least {min} items"
    TOO_MANY = "must hold at most {max} items"
    TOO_SMALL = "must be at least {min}"
    TOO_LARGE = "must be at most {max}"
    TOO_MANY_DECIMALS = "must have at most {max} decimals"
    CHARACTER_NOT_ALLOWED = "must not hold the character {character}"
    NOT_TOGETHER = "cannot be given together with {other}"
    NO_WORD = "must hold a letter or a digit"
    TOO_COMMON = "is one of the passwords that everybody tries first; choose another"
    SAME_AS_NAME = "must not be the e-mail address or the name"
    NOT_AN_EMAIL = "must be an e-mail address such as anna@example.com"
    NOT_A_DOMAIN = "{given} is not a domain: write it like example.com, *.example.com or example.com:8080"
    WILDCARD_TOO_WIDE = "{given} is not a domain: a wildcard needs a name of two parts, like *.example.com"
    TOO_MANY_DOMAINS = "takes at most {max} domains; use a wildcard like *.example.com"
    NOT_ROOMS = "takes {max} rooms at most, each like shop:123, separated by commas"
    NOT_AN_EVENT_TYPE = "must be 1 to 64 letters, digits and any of _ . : -"
    NAME_TAKEN = "{given} is a name of the server's own; choose another"
    NOT_A_KEY = "must be 1 to {max} visible ASCII characters"
    NOT_A_TEXT = "must be a text that says something"
    NOT_AN_ID = "must be a whole number, or a text of 1 to 64 characters without spaces"
    NOT_A_POINT = "must be an uncompressed point of P-256 in base64url"
    NOT_BYTES = "must be {length} bytes in base64url"
    UNKNOWN_EVENT = "{given} is no event; there are {known}"
    NOT_A_URL = "must be {schemes}://host/path, without a user name and without #"
    PORT_NOT_ALLOWED = "port {port} is not for HTTP: use 80, 443 or one from {first} up"
    NETWORK_NOT_ALLOWED = "{host} is in a network that is not allowed (setting WEBHOOK_PRIVATE_NETWORKS)"
    HOST_UNKNOWN = (
        "{host} is a name that this server does not know: if it is the server's, set {setting} and start again"
    )
    ORIGIN_UNKNOWN = (
        "{origin} is not known here, where the server is {own}: if it is the server's own address, set"
        " PUBLIC_URL={origin} or let the proxy pass Host and X-Forwarded-Proto on; if it is a page of yours elsewhere,"
        " add it to CORS_ORIGINS"
    )
    PAGE_NOT_OF_WIDGET = (
        "{origin} is none of the widget's domains: add it there, or, if it is the server's own address, set"
        " PUBLIC_URL={origin} or let the proxy pass Host and X-Forwarded-Proto on"
    )
    UPGRADE_DROPPED = (
        "was dropped by a proxy on the way: it must speak HTTP/1.1 to this server and pass Upgrade and Connection on"
        " (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade)"
    )
    TOO_MANY_JOINED = "a connection may join {max} tickets at once"

    @property
    def code(self) -> str:
        """What clients branch on."""
        return self.name.lower()

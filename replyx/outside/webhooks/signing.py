"""The signature by which a receiver knows that a request is ours, unchanged and fresh."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

EVENT_ID_HEADER = "ReplyX-Event-Id"
TIMESTAMP_HEADER = "ReplyX-Timestamp"
SIGNATURE_HEADER = "ReplyX-Signature"

PREFIX = "whsec_"  # so that scanners for leaked secrets can know it
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``v1=`` and the HMAC-SHA256 (RFC 2104) over ``<timestamp>.<body>`` in hex; the whole secret is the key."""
    return "v1=" + hmac.new(secret.encode(), b"%d.%b" % (timestamp, body), hashlib.sha256).hexdigest()


def headers(event_id: str, live_secrets: Iterable[str], timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt at ``timestamp`` (seconds since the epoch); one signature for each live secret."""
    return {
        "Content-Type": "application/json",
        EVENT_ID_HEADER: event_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: ", ".join(signature(secret, timestamp, body) for secret in live_secrets),
    }

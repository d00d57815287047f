"""Signed tokens: five kinds of JSON Web Token (RFC 7519), HS256, none usable as another.

============  ====================  ==========================================================
kind          audience (``aud``)    further claims
============  ====================  ==========================================================
access        ``replyx:access``     ``sub`` account id, ``role``, ``sid`` session id
refresh       ``replyx:refresh``    ``sub`` account id, ``sid`` session id, ``jti`` for rotation
widget        ``replyx:widget``     ``wid`` widget id, ``aid`` assistant id, ``dom`` domain digest
site session  ``replyx:site``       ``sub`` visitor id, ``wid`` widget id
device        ``replyx:device``     ``sub`` account id, ``pwd`` digest of its password's hash
============  ====================  ==========================================================

Every token also carries ``iss``, ``iat``, ``exp``, ``jti`` and the header ``kid``. A token that reads
well says who issued it for whom and until when; whether its session, widget or account is still alive
is the caller's question.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import jwt

from replyx.errors import CredentialExpired, CredentialInvalid

ISSUER = "replyx"
ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: an HS256 key has at least the hash's 256 bits

MAX_TOKEN_LENGTH = 4096
"""Characters. Ours have about 300; anything longer is refused before a byte of it is parsed."""

CLOCK_LEEWAY = 60.0
"""Seconds a token may come from the future: several hosts of one installation differ a little."""

CACHE_SIZE = 4096
"""Verified tokens remembered, 3 MB when full. Measured on one core: 75 us to verify one with
PyJWT, 0.4 us from here; a client repeats its token with each request. Only what was signed here gets in,
so nobody can fill it with rubbish."""

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What every token says. Times are whole seconds since the epoch; at ``expires_at`` it is over."""

    audience: ClassVar[str]
    kind: ClassVar[str]
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims(Claims):
    """An account that has logged in, for the length of one short-lived token."""

    audience = "replyx:access"
    kind = "an access token"
    account_id: int
    role: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims(Claims):
    """The right to a new access token; ``token_id`` tells a used refresh token from the present one."""

    audience = "replyx:refresh"
    kind = "a refresh token"
    account_id: int
    session_id: str
    token_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetClaims(Claims):
    """A widget on a public page. ``domain_digest`` is stale once the widget's domains have changed."""

    audience = "replyx:widget"
    kind = "a widget token"
    widget_id: int
    assistant_id: int
    domain_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteClaims(Claims):
    """One visitor of one widget: what a widget token is exchanged for."""

    audience = "replyx:site"
    kind = "a site session token"
    visitor_id: int
    widget_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClaims(Claims):
    """A browser in which an account has logged in before; a right to nothing."""

    audience = "replyx:device"
    kind = "the mark of a browser"
    account_id: int
    password: str
    mark_id: str


C = TypeVar("C", bound=Claims)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the ``kid`` that names it in tokens. ``ValueError`` below 32 bytes of secret."""

    kid: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"a signing secret needs at least {MIN_SECRET_BYTES} bytes")


class Tokens:
    """Issues and reads tokens.

    ``keys`` are newest first: the first one signs, any of them verifies, so a key is rotated by putting
    its successor in front and dropping it when the last of its tokens has expired. ``ValueError`` when
    there is no key or two share a ``kid``.

    Reading raises :class:`CredentialExpired` for a sound token whose time is over and
    :class:`CredentialInvalid`, with the reason in its detail, for everything else. ``now`` is in seconds
    since the epoch, ``ttl`` in seconds.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._secrets = {key.kid: key.secret for key in keys}
        if not keys or len(self._secrets) != len(keys):
            raise ValueError("tokens need at least one signing key, each with a kid of its own")
        self._newest = keys[0]
        self._verified: Callable[[str], Claims] = functools.lru_cache(maxsize=CACHE_SIZE)(self._verify)

    def issue_access(self, account_id: int, role: str, session_id: str, now: float, ttl: float) -> str:
        """A token for the calls of a logged-in account."""
        return self._issue(AccessClaims, now, ttl, sub=str(account_id), role=role, sid=session_id)

    def issue_refresh(self, account_id: int, session_id: str, token_id: str, now: float, ttl: float) -> str:
        """A token that buys one new access token; ``token_id`` is from :func:`new_token_id`."""
        return self._issue(RefreshClaims, now, ttl, sub=str(account_id), sid=session_id, jti=token_id)

    def issue_widget(self, widget_id: int, assistant_id: int, digest: str, now: float, ttl: float) -> str:
        """The token of a widget's embed code; ``digest`` is :func:`domain_digest` of its domains."""
        return self._issue(WidgetClaims, now, ttl, wid=widget_id, aid=assistant_id, dom=digest)

    def issue_site(self, visitor_id: int, widget_id: int, now: float, ttl: float) -> str:
        """A token for the calls of one visitor of a widget."""
        return self._issue(SiteClaims, now, ttl, sub=str(visitor_id), wid=widget_id)

    def issue_device(self, account_id: int, password: str, mark_id: str, now: float, ttl: float) -> str:
        """The mark of a browser in which an account has logged in; ``password`` is a digest of the password's hash."""
        return self._issue(DeviceClaims, now, ttl, sub=str(account_id), pwd=password, jti=mark_id)

    def read_access(self, token: str, now: float) -> AccessClaims:
        """The claims of an access token, and of no other kind."""
        return self._read_as(AccessClaims, token, now)

    def read_refresh(self, token: str, now: float) -> RefreshClaims:
        """The claims of a refresh token, and of no other kind."""
        return self._read_as(RefreshClaims, token, now)

    def read_widget(self, token: str, now: float) -> WidgetClaims:
        """The claims of a widget token, and of no other kind."""
        return self._read_as(WidgetClaims, token, now)

    def read_device(self, token: str, now: float) -> DeviceClaims:
        """The claims of a browser's mark, and of no other kind."""
        return self._read_as(DeviceClaims, token, now)

    def read(self, token: str, now: float) -> Claims:
        """The claims of a token of any kind: one of the five classes above, which says what it is."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise CredentialInvalid(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
        claims = self._verified(token)
        if claims.issued_at > now + CLOCK_LEEWAY:
            raise CredentialInvalid("The token was issued in the future; two clocks disagree.")
        if now >= claims.expires_at:  # RFC 7519, 4.1.4: "on or after" this time
            raise CredentialExpired("The token has expired.")
        return claims

    def _read_as(self, wanted: type[C], token: str, now: float) -> C:
        claims = self.read(token, now)
        if not isinstance(claims, wanted):
            raise CredentialInvalid(f"This is {claims.kind}, and {wanted.kind} is needed here.")
        return claims

    def _issue(self, kind: type[Claims], now: float, ttl: float, **claims: str | int) -> str:
        payload: Payload = {
            "aud": kind.audience,
            "iss": ISSUER,
            "iat": int(now),
            "exp": int(now + ttl),
            "jti": new_token_id(),
            **claims,
        }
        return jwt.encode(payload, self._newest.secret, ALGORITHM, headers={"kid": self._newest.kid})

    def _verify(self, token: str) -> Claims:
        """The claims as they were signed, without any look at the clock, so that the result can be kept."""
        if not token.isascii():
            raise CredentialInvalid("The token is malformed.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM:  # RFC 8725, 3.1: the algorithm is ours to choose
                raise CredentialInvalid(f"The token is not signed with {ALGORITHM}.")
            secret = self._secrets.get(header.get("kid", ""))
            if secret is None:
                raise CredentialInvalid("The token is signed with a key that is not known here.")
            payload = jwt.decode(token, secret, algorithms=[ALGORITHM], options=_SIGNATURE_ONLY)
        except jwt.InvalidSignatureError:
            raise CredentialInvalid("The token's signature is wrong.") from None
        except jwt.PyJWTError:
            raise CredentialInvalid("The token is malformed.") from None
        return _claims(payload)


def new_token_id() -> str:
    """A ``jti`` that nobody can guess: 128 random bits, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def domain_digest(domains: Iterable[str]) -> str:
    """A digest of normalised domains in which order, repetition and letter case make no difference.

    32 hexadecimal digits (128 bits of SHA-256): it is compared, never trusted to hide the domains.
    """
    listed = "\n".join(sorted({domain.lower() for domain in domains}))
    return hashlib.sha256(listed.encode()).hexdigest()[:32]


# The claims are checked below instead: PyJWT would ask the wall clock, and would let a token of one
# audience through wherever its list of audiences were forgotten.
_SIGNATURE_ONLY: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}


def _claims(payload: Payload) -> Claims:
    audience = _text(payload, "aud")
    reader = _READERS.get(audience)
    if reader is None:
        raise CredentialInvalid("The token is meant for another audience.")
    if _text(payload, "iss") != ISSUER:
        raise CredentialInvalid("The token comes from another issuer.")
    return reader(payload, _number(payload, "iat"), _number(payload, "exp"), _text(payload, "jti"))


def _access(payload: Payload, iat: int, exp: int, jti: str) -> AccessClaims:
    return AccessClaims(
        issued_at=iat,
        expires_at=exp,
        account_id=_subject(payload),
        role=_text(payload, "role"),
        session_id=_text(payload, "sid"),
    )


def _refresh(payload: Payload, iat: int, exp: int, jti: str) -> RefreshClaims:
    return RefreshClaims(
        issued_at=iat,
        expires_at=exp,
        account_id=_subject(payload),
        session_id=_text(payload, "sid"),
        token_id=jti,
    )


def _widget(payload: Payload, iat: int, exp: int, jti: str) -> WidgetClaims:
    return WidgetClaims(
        issued_at=iat,
        expires_at=exp,
        widget_id=_number(payload, "wid"),
        assistant_id=_number(payload, "aid"),
        domain_digest=_text(payload, "dom"),
    )


def _site(payload: Payload, iat: int, exp: int, jti: str) -> SiteClaims:
    return SiteClaims(
        issued_at=iat,
        expires_at=exp,
        visitor_id=_subject(payload),
        widget_id=_number(payload, "wid"),
    )


def _device(payload: Payload, iat: int, exp: int, jti: str) -> DeviceClaims:
    return DeviceClaims(
        issued_at=iat,
        expires_at=exp,
        account_id=_subject(payload),
        password=_text(payload, "pwd"),
        mark_id=jti,
    )


_READERS: dict[str, Callable[[Payload, int, int, str], Claims]] = {
    AccessClaims.audience: _access,
    RefreshClaims.audience: _refresh,
    WidgetClaims.audience: _widget,
    SiteClaims.audience: _site,
    DeviceClaims.audience: _device,
}


def _text(payload: Payload, name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise CredentialInvalid(f"The token's claim {name!r} is missing or not a text.")
    return value


def _number(payload: Payload, name: str) -> int:
    value = payload.get(name)
    if type(value) is not int:  # not isinstance: true is an int in Python
        raise CredentialInvalid(f"The token's claim {name!r} is missing or not a whole number.")
    return value


def _subject(payload: Payload) -> int:
    """``sub`` is a string by RFC 7519, 4.1.2; ours are numbers written as one."""
    text = _text(payload, "sub")
    if not (text.isascii() and text.isdecimal()):
        raise CredentialInvalid("The token's claim 'sub' is not a number.")
    return int(text)

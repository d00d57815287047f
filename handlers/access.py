"""Who may call: the declaration that stands on every route, and how a request's credential is read for it.

A visitor's and an operator's addresses look alike, and a client that mixes them up must be told, not turned away: a
credential at another kind's address is answered with the address where it belongs.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tornado.httputil import HTTPServerRequest

from handlers.cookies import SESSION, cookie_of
from replyx.auth import AccountActor, Actor, Authenticator, VisitorActor
from replyx.errors import CredentialInvalid, CredentialMissing, Forbidden, WrongEndpoint, invalid
from replyx.faults import Fault
from replyx.limits import address_key
from replyx.schemas.dialogs import OPERATOR_ROLES
from replyx.tokens import AccessClaims, Claims, SiteClaims, Tokens, WidgetClaims


class Access(Enum):
    """Who may call a route. There is no default: a route without one does not start."""

    PUBLIC = "anyone"
    WIDGET = "anyone who holds what a customer's page shows (a widget token or an assistant id)"
    ACCOUNT = "any account that is logged in"
    OPERATOR = "an operator: role admin or manager"
    ADMIN = "an admin: role admin"
    SHOP = "a shop: role shop"
    USER = "a user: role user"
    STAFF = "an operator or a bot account"
    SITE = "the visitor of a site, with site_token"
    GUEST = "the visitor of an assistant, with assistant_id and guest_id"
    PARTICIPANT = "an operator, or the dialog's visitor with either credential"
    INTERNAL = "a bot that holds the internal secret"
    MONITOR = "a monitor that holds the metrics' token"


ROLES = {
    Access.ACCOUNT: frozenset({"admin", "manager", "user", "shop", "bot"}),
    Access.OPERATOR: OPERATOR_ROLES,
    Access.ADMIN: frozenset({"admin"}),
    Access.SHOP: frozenset({"shop"}),
    Access.USER: frozenset({"user"}),
    Access.STAFF: OPERATOR_ROLES | {"bot"},
}

SECRET_HEADER = "x-internal-secret"  # noqa: S105 - the header's name


class Presented:
    """The credential that a request carries, before anyone has looked at whether it is good."""

    def __init__(self, request: HTTPServerRequest) -> None:
        arguments = request.query_arguments
        self._arguments = {name: values[-1].decode("utf-8", "replace") for name, values in arguments.items() if values}
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        self.bearer = rest.strip() if scheme.lower() == "bearer" and rest.strip() else None
        self.cookie = cookie_of(request, SESSION)
        self.token = self.bearer or self._arguments.get("token") or None
        self.site_token = self._arguments.get("site_token") or None
        self.secret = request.headers.get(SECRET_HEADER)
        self.address = address_key(request.remote_ip or "0.0.0.0")
        self.guest_id = self._arguments.get("guest_id")
        self.assistant_id = self._arguments.get("assistant_id")

        self.by_cookie = self.cookie is not None and self.token is None
        # Elsewhere assistant_id is a filter, such as of the list of widgets, and nobody's credential.
        in_dialog = "/dialogs" in request.path
        self.of_guest = self.guest_id is not None or (self.assistant_id is not None and in_dialog)


class Endpoint(Protocol):
    """How a refused request is told where its credential belongs."""

    def of(self, way: str) -> str:
        """The same call at another kind of client's endpoint: ``operator``, ``site`` or ``widget``."""
        ...


class Gate:
    """Reads the credential of a request as a route's access demands."""

    def __init__(self, tokens: Tokens, authenticator: Authenticator) -> None:
        self._tokens = tokens
        self._authenticator = authenticator

    async def admit(self, access: Access, presented: Presented, endpoint: Endpoint, now: float) -> Actor | None:
        """The actor, or None where nobody has a name. Raises a 401 or 403 problem for everybody else."""
        if access in (Access.PUBLIC, Access.WIDGET):
            return None
        if access is Access.INTERNAL:
            self._authenticator.broadcaster(presented.secret)
            return None
        if access is Access.MONITOR:
            self._authenticator.monitor(presented.bearer)
            return None
        if access is Access.SITE:
            return await self._site(presented, endpoint, now)
        if access is Access.GUEST:
            return await self._guest(presented, endpoint, now)
        if access is Access.PARTICIPANT:
            return await self._participant(presented, endpoint, now)
        return await self._account(access, presented, endpoint, now)

    async def _account(self, access: Access, presented: Presented, endpoint: Endpoint, now: float) -> AccountActor:
        token = presented.token or presented.cookie
        if presented.token is None and (presented.site_token or presented.of_guest):
            raise _belongs("site" if presented.site_token else "widget", endpoint)
        if token is None:
            raise CredentialMissing("Send an access token: Authorization: Bearer …, or ?token=….")
        self._refuse_visitor_token(token, endpoint, now)
        actor = await self._authenticator.account(token, now)
        if actor.role not in ROLES[access]:
            raise Forbidden(f"This is for {access.value}; the account's role is {actor.role}.")
        return actor

    async def _site(self, presented: Presented, endpoint: Endpoint, now: float) -> VisitorActor:
        token = presented.site_token or presented.token
        if token is None:
            if presented.of_guest:
                raise _belongs("widget", endpoint)
            if presented.cookie:
                raise _belongs("operator", endpoint)
            raise CredentialMissing("Send the token from POST /api/site/session as ?site_token=….")
        if isinstance(self._tokens.read(token, now), AccessClaims):
            raise _belongs("operator", endpoint)
        return await self._authenticator.site(token, presented.guest_id, presented.address, now)

    async def _guest(self, presented: Presented, endpoint: Endpoint, now: float) -> VisitorActor:
        if presented.assistant_id is None or presented.guest_id is None:
            if presented.site_token:
                raise _belongs("site", endpoint)
            if presented.token:
                claims = self._tokens.read(presented.token, now)
                raise _belongs(_way_of(claims), endpoint)
            if presented.cookie and not presented.of_guest:
                raise _belongs("operator", endpoint)
            raise CredentialMissing("Send both assistant_id and guest_id, e.g. ?assistant_id=3&guest_id=….")
        assistant_id = whole(presented.assistant_id, "assistant_id")
        return await self._authenticator.guest(assistant_id, presented.guest_id, presented.address)

    async def _participant(self, presented: Presented, endpoint: Endpoint, now: float) -> Actor:
        if presented.site_token:
            return await self._site(presented, endpoint, now)
        if presented.of_guest and not presented.token:
            return await self._guest(presented, endpoint, now)
        if presented.token and isinstance(self._tokens.read(presented.token, now), SiteClaims | WidgetClaims):
            return await self._authenticator.site(presented.token, presented.guest_id, presented.address, now)
        return await self._account(Access.STAFF, presented, endpoint, now)

    def _refuse_visitor_token(self, token: str, endpoint: Endpoint, now: float) -> None:
        if isinstance(self._tokens.read(token, now), SiteClaims | WidgetClaims):
            raise _belongs("site", endpoint)


def whole(text: str, field: str) -> int:
    """``text`` as a positive whole number. Raises :class:`Invalid` naming ``field``."""
    if not text.isdecimal() or len(text) > 15:
        raise invalid(field, Fault.WRONG_TYPE, expected="a whole number", given="text")
    return int(text)


def _way_of(claims: Claims) -> str:
    if isinstance(claims, AccessClaims):
        return "operator"
    if isinstance(claims, SiteClaims | WidgetClaims):
        return "site"
    raise CredentialInvalid("A refresh token is only good at POST /api/v1/auth/refresh.")


CREDENTIALS = {
    "operator": "an operator's token",
    "site": "a site_token",
    "widget": "assistant_id and guest_id",
}


def _belongs(way: str, endpoint: Endpoint) -> WrongEndpoint:
    return WrongEndpoint(f"A request with {CREDENTIALS[way]} belongs to {endpoint.of(way)}")

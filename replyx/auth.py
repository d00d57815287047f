"""Credentials to actors: who is calling, whatever form the credential came in."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from replyx import guest_ids
from replyx.directory import Directory, KnownVisitor, KnownWidget
from replyx.errors import BroadcastsOff, CredentialInvalid, CredentialMissing, DialogNotFound, MetricsOff
from replyx.limits import Limiter
from replyx.schemas.dialogs import OPERATOR_ROLES, Sender
from replyx.settings import MIN_SECRET_CHARS
from replyx.tokens import SiteClaims, Tokens, WidgetClaims, domain_digest


@dataclass(frozen=True, slots=True)
class AccountActor:
    """Somebody who is logged in. ``expires_at`` is in seconds since the epoch."""

    account_id: int
    email: str
    name: str
    role: str
    session_id: str
    expires_at: float

    @property
    def grant(self) -> str:
        """What this right to listen rests on; when it ends, open streams end with it."""
        return f"session:{self.session_id}"

    @property
    def is_operator(self) -> bool:
        """Whether this account works in the inbox."""
        return self.role in OPERATOR_ROLES


@dataclass(frozen=True, slots=True)
class VisitorActor:
    """A visitor, by a site token or by assistant and guest id.

    ``domains`` are the sites on which this visitor's widget may stand. ``expires_at`` is None for a guest id.
    ``address`` is where the call comes from, as limits know it.
    """

    visitor_id: int
    assistant_id: int
    via: Literal["site", "widget"]
    domains: tuple[str, ...]
    expires_at: float | None = None
    widget_id: int | None = None
    address: str = ""

    @property
    def grant(self) -> str | None:
        """What this right to listen rests on; a guest id rests on nothing that can end."""
        return None if self.widget_id is None else f"widget:{self.widget_id}"


@dataclass(frozen=True, slots=True)
class TicketActor:
    """Whoever holds a ticket's id, which is the right to speak as ``user`` in it.

    ``assistant`` is a bot with the internal secret; in demo mode the page may choose any sender.
    """

    ticket_id: str
    dialog_id: int
    sender: Sender
    address: str = ""


Actor = AccountActor | VisitorActor
Speaker = Actor | TicketActor


def sender_of(actor: Speaker) -> Sender:
    """Whom the holder of a credential speaks as."""
    if isinstance(actor, TicketActor):
        return actor.sender
    if isinstance(actor, VisitorActor):
        return "user"
    return "assistant" if actor.role == "bot" else "manager"


WidgetVerdict = Literal["ok", "domains changed", "domain not allowed", "revoked", "expired", "malformed"]

REFUSALS: dict[WidgetVerdict, str] = {
    "revoked": "The widget of this token was deleted (revoked).",
    "domains changed": "The widget's domains have changed since this token was made (domains changed).",
}


class SharedSecret:
    """A secret that a program shares with this server; one of under 32 characters lets nobody in.

    ``name`` is what it is called where somebody presents it.
    """

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._secret = text.encode() if len(text) >= MIN_SECRET_CHARS else None

    @property
    def is_usable(self) -> bool:
        """Whether there is a secret that is long enough."""
        return self._secret is not None

    def check(self, presented: str) -> None:
        """Compare in constant time. Raises :class:`CredentialInvalid`."""
        if self._secret is None or not hmac.compare_digest(self._secret, presented.encode(errors="surrogateescape")):
            raise CredentialInvalid(f"The {self._name} is not the one of this server.")


class Authenticator:
    """Turns credentials into actors; every method raises a 401 problem for a bad credential."""

    def __init__(
        self,
        tokens: Tokens,
        directory: Directory,
        limits: Limiter,
        bots: SharedSecret,
        monitors: SharedSecret,
        clock: Callable[[], float],
    ) -> None:
        self._tokens = tokens
        self._directory = directory
        self._limits = limits
        self._clock = clock
        self._bots = bots
        self._monitors = monitors

    def broadcaster(self, secret: str | None) -> None:
        """Whoever holds the internal secret. Raises :class:`BroadcastsOff` where this server has none."""
        if not self._bots.is_usable:
            raise BroadcastsOff(
                f"Broadcasts are off: set INTERNAL_SECRET to {MIN_SECRET_CHARS} or more characters and restart."
            )
        if secret is None:
            raise CredentialMissing("Send the internal secret as the header x-internal-secret.")
        self._bots.check(secret)

    def monitor(self, token: str | None) -> None:
        """Whoever holds the metrics' token. Raises :class:`MetricsOff` where this server has none."""
        if not self._monitors.is_usable:
            raise MetricsOff(f"Metrics are off: give METRICS_TOKEN {MIN_SECRET_CHARS} or more characters and restart.")
        if token is None:
            raise CredentialMissing("Send the metrics' token: Authorization: Bearer ….")
        self._monitors.check(token)

    async def account(self, token: str, now: float) -> AccountActor:
        """The account behind an access token whose session has not ended."""
        claims = self._tokens.read_access(token, now)
        session = await self._directory.session(claims.session_id)
        if session is None or session.account_id != claims.account_id:
            raise CredentialInvalid("The session of this token has ended. Log in again.")
        return AccountActor(
            session.account_id, session.email, session.name, session.role, session.session_id, claims.expires_at
        )

    async def site(self, token: str, guest_id: str | None, address: str, now: float) -> VisitorActor:
        """The visitor of a site: by a session token, or by a widget token beside the visitor's guest id."""
        claims = self._tokens.read(token, now)
        if isinstance(claims, SiteClaims):
            live = await self._live_widget(claims.widget_id)
            if live is None:
                raise CredentialInvalid(REFUSALS["revoked"])
            return _site_visitor(claims.visitor_id, live, claims.expires_at)
        if not isinstance(claims, WidgetClaims):
            raise CredentialInvalid("A site_token is a widget's token or the one from POST /api/site/session.")
        widget = await self.widget(claims)
        if guest_id is None:
            raise CredentialMissing(
                "A widget token stands in a public page and opens no dialog alone: exchange it at"
                " POST /api/site/session, or send it together with guest_id."
            )
        visitor = await self.visitor(widget.assistant_id, guest_id, address)
        if visitor is None:
            raise DialogNotFound("This guest_id has no dialog here.")
        return _site_visitor(visitor.visitor_id, widget, claims.expires_at)

    async def guest(self, assistant_id: int, guest_id: str, address: str) -> VisitorActor:
        """The visitor who talks to an assistant under a guest id. Raises :class:`DialogNotFound`."""
        visitor = await self.visitor(assistant_id, guest_id, address)
        if visitor is None:
            raise DialogNotFound("This guest_id has no dialog with this assistant.")
        domains = await self._directory.assistant_domains(assistant_id)
        return VisitorActor(visitor.visitor_id, visitor.assistant_id, "widget", domains)

    async def visitor(self, assistant_id: int, guest_id: str, address: str) -> KnownVisitor | None:
        """Whoever holds a guest id. A miss counts for ``address``, and raises :class:`TooManyRequests` past the limit.

        Past it an id that could be guessed is not even looked up; one that could not is still good.
        """
        now = self._clock()
        guessable = guest_ids.is_guessable(guest_id)
        if guessable:
            self._limits.spend("guest_miss", address, now)
        found = await self._directory.visitor(assistant_id, guest_id)
        if found is None and not guessable:
            self._limits.spend("guest_miss", address, now)
        elif found is not None and guessable:
            self._limits.refund("guest_miss", address, now)
        return found

    async def widget_of(self, token: str, now: float) -> KnownWidget:
        """The widget that a widget token names, if the token is still good."""
        return await self.widget(self._tokens.read_widget(token, now))

    async def widget(self, claims: WidgetClaims) -> KnownWidget:
        """The widget of verified claims; refused when it was deleted or its domains have changed since."""
        verdict, widget = await self.verdict(claims)
        if widget is None or verdict != "ok":
            raise CredentialInvalid(REFUSALS[verdict])
        return widget

    async def verdict(self, claims: WidgetClaims) -> tuple[WidgetVerdict, KnownWidget | None]:
        """Whether a token with these claims is still good, and its widget unless that was deleted."""
        widget = await self._live_widget(claims.widget_id)
        if widget is None:
            return "revoked", None
        return ("ok" if domain_digest(widget.domains) == claims.domain_digest else "domains changed"), widget

    async def _live_widget(self, widget_id: int) -> KnownWidget | None:
        widget = await self._directory.widget(widget_id)
        return None if widget is None or widget.deleted else widget


def _site_visitor(visitor_id: int, widget: KnownWidget, expires_at: float) -> VisitorActor:
    return VisitorActor(visitor_id, widget.assistant_id, "site", widget.domains, expires_at, widget.widget_id)

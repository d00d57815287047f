"""How a visitor's browser opens a dialog: with a site's widget token, or with an assistant's id."""

from __future__ import annotations

from handlers.base import Handler, operation
from handlers.proxies import widget_refused
from replyx.conversations.visitors import GuestQuery, OpenDialog, OpenedDialog, OpenSession, SiteSession
from replyx.errors import AssistantNotFound, Banned, CredentialInvalid, CredentialMissing, OriginRefused, invalid
from replyx.faults import Fault


class SiteSessions(Handler):
    @operation(
        "Exchange a widget token for a session of one visitor",
        query=GuestQuery,
        body=OpenSession,
        answers={200: SiteSession},
        problems=(CredentialMissing, CredentialInvalid, OriginRefused, Banned),
    )
    async def post(self, query: GuestQuery, body: OpenSession) -> object:
        token = query.site_token or body.site_token
        if token is None:
            raise CredentialMissing("Send the widget's token as site_token, in the query or in the body.")
        body.guest_id = body.guest_id or query.guest_id
        self.limit("session_open", self.address)
        widget = await self.services.authenticator.widget_of(token, self.now)
        check_widget_origin(self, widget.domains)
        accepted = self.request.headers.get("Accept-Language")
        return await self.services.visitors.open_session(token, body, accepted, self.address)


class WidgetDialogs(Handler):
    @operation(
        "Find or open the dialog of a guest with an assistant",
        query=GuestQuery,
        body=OpenDialog,
        answers={200: OpenedDialog},
        problems=(AssistantNotFound, OriginRefused, Banned),
    )
    async def post(self, query: GuestQuery, body: OpenDialog) -> object:
        assistant_id = query.assistant_id if body.assistant_id is None else body.assistant_id
        if assistant_id is None:
            raise invalid("assistant_id", Fault.REQUIRED)
        body.guest_id = body.guest_id or query.guest_id
        self.limit("dialog_open", self.address)
        check_widget_origin(self, await self.services.directory.assistant_domains(assistant_id))
        accepted = self.request.headers.get("Accept-Language")
        return await self.services.visitors.open_dialog(assistant_id, body, accepted, self.address)


def check_widget_origin(handler: Handler, domains: tuple[str, ...]) -> None:
    """Refuse pages on which the widget may not stand, and let the others read the answer."""
    origin = handler.request.headers.get("Origin")
    if origin is None:
        return
    if not handler.origin_allowed(origin, domains):
        raise widget_refused(origin)
    handler.allow_origin(origin)

"""Everything that can be refused, as values: problems for HTTP and close codes for WebSockets.

A service raises a :class:`Problem`; the edge turns it into ``application/problem+json`` (RFC 9457) or
into an ``error`` frame. ``code`` is stable and is what clients branch on; ``detail`` is for people.
``docs/errors.md`` has a heading for every code here, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from replyx.faults import Fault


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bad field of a request: its dotted path and what would be right.

    ``code`` and ``params`` say the same as ``detail`` to whoever wants it in another language. ``reason`` is an older
    name of ``code``, sent where clients know it.
    """

    field: str
    detail: str
    code: str
    params: dict[str, str | int] = {}
    reason: str | None = None

    @classmethod
    def of(cls, field: str, fault: Fault, **params: str | int) -> FieldError:
        """What is wrong with ``field``; ``params`` are those that the fault's sentence names."""
        reason = fault.code if fault is Fault.NETWORK_NOT_ALLOWED else None
        return cls(field, fault.value.format(**params), fault.code, params, reason)


class Problem(Exception):
    """A refusal with a complete answer.

    ``retry_after`` is in seconds and becomes the ``Retry-After`` header (RFC 9110, 10.2.3).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "The server failed"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after

    def document(self) -> dict[str, Any]:
        """The problem as the members of RFC 9457, section 3.1, plus ``code`` and ``errors``."""
        body: dict[str, Any] = {
            "type": f"/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = self.errors
        return body


class InternalError(Problem):
    """A fault of the server's own; its detail never says more than a request id."""


class Malformed(Problem):
    status, code, title = 400, "malformed", "The request could not be read"


class CursorMalformed(Problem):
    status, code, title = 400, "cursor_malformed", "The cursor could not be read"


class CredentialMissing(Problem):
    status, code, title = 401, "credential_missing", "A credential is needed"


class CredentialInvalid(Problem):
    status, code, title = 401, "credential_invalid", "The credential is not valid"


class CredentialExpired(Problem):
    status, code, title = 401, "credential_expired", "The credential has expired"


class LoginFailed(Problem):
    status, code, title = 401, "login_failed", "The e-mail and password do not match"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "The credential does not allow this"


class OriginRefused(Problem):
    status, code, title = 403, "origin_refused", "This origin may not call here"


class Banned(Problem):
    """An operator has banned the visitor or the address; ``retry_after`` where the ban ends by itself."""

    status, code, title = 403, "banned", "Writing here is not possible"


class BanNotFound(Problem):
    status, code, title = 404, "ban_not_found", "No such ban"


class SenderNotAllowed(Problem):
    status, code, title = 403, "sender_not_allowed", "The credential cannot speak as this sender"


class WrongEndpoint(Problem):
    """A credential at an address of another kind of client; the detail names the right address."""

    status, code, title = 403, "wrong_endpoint", "This credential belongs to another address"


class XsrfRefused(Problem):
    status, code, title = 403, "xsrf_refused", "The XSRF token is missing or wrong"


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is nothing here"


class DialogNotFound(Problem):
    status, code, title = 404, "dialog_not_found", "No such dialog"


class TicketNotFound(Problem):
    status, code, title = 404, "ticket_not_found", "No such ticket"


class AssistantNotFound(Problem):
    status, code, title = 404, "assistant_not_found", "No such assistant"


class WidgetNotFound(Problem):
    status, code, title = 404, "widget_not_found", "No such widget"


class ProductNotFound(Problem):
    status, code, title = 404, "product_not_found", "No such product"


class AddressUnknown(Problem):
    status, code, title = 409, "address_unknown", "Nobody has written here from an address that is known"


class ProductChanged(Problem):
    status, code, title = 409, "product_changed", "The product is not the one that was decided about"


class AccountNotFound(Problem):
    status, code, title = 404, "account_not_found", "No such account"


class WebhookNotFound(Problem):
    status, code, title = 404, "webhook_not_found", "No such webhook"


class DeliveryNotFound(Problem):
    status, code, title = 404, "delivery_not_found", "No such delivery"


class PushDeviceNotFound(Problem):
    status, code, title = 404, "push_device_not_found", "No such device"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This address does not take that method"


class RequestTimeout(Problem):
    status, code, title = 408, "request_timeout", "The request did not arrive in time"


class NotYourTurn(Problem):
    status, code, title = 409, "not_your_turn", "Somebody else answers now"


class Taken(Problem):
    """``holder`` is the operator who was first."""

    status, code, title = 409, "taken", "Another operator was first"

    def __init__(self, detail: str, account_id: int | None, name: str) -> None:
        super().__init__(detail)
        self.holder = {"id": account_id, "name": name}

    def document(self) -> dict[str, Any]:
        """With ``holder``."""
        return {**super().document(), "holder": self.holder}


class EmailTaken(Problem):
    status, code, title = 409, "email_taken", "An account with this e-mail exists"


class AssistantInUse(Problem):
    status, code, title = 409, "assistant_in_use", "The assistant still has widgets or dialogs"


class SetupDone(Problem):
    status, code, title = 409, "setup_done", "The first account exists already"


class WebhookOff(Problem):
    status, code, title = 409, "webhook_off", "The webhook is turned off"


class TooManyWebhooks(Problem):
    status, code, title = 409, "too_many_webhooks", "There are as many webhooks as there may be"


class BodyTooLarge(Problem):
    status, code, title = 413, "body_too_large", "The body is too large"


class UriTooLong(Problem):
    status, code, title = 414, "uri_too_long", "The address is too long"


class HostUnknown(Problem):
    """A request for a ``host`` that nobody has told the server of; ``setting`` would."""

    status, code, title = 421, "host_unknown", "This server does not know that name"

    def __init__(self, host: str, setting: str) -> None:
        error = FieldError.of("Host", Fault.HOST_UNKNOWN, host=host, setting=setting)
        super().__init__(f"{error.field}: {error.detail}.", errors=[error])
        self.host = host
        self.setting = setting


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The body must be JSON"


class Invalid(Problem):
    """Its detail says what ``errors`` say."""

    status, code, title = 422, "invalid", "A value is not acceptable"

    def __init__(self, *, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors), errors=errors)


class IdempotencyKeyReused(Problem):
    status, code, title = 422, "idempotency_key_reused", "The key stood with another body before"


class UpgradeRequired(Problem):
    status, code, title = 426, "upgrade_required", "This address speaks WebSocket"


class TooManyRequests(Problem):
    status, code, title = 429, "too_many_requests", "Too many requests"


class HeadersTooLarge(Problem):
    status, code, title = 431, "headers_too_large", "The request's headers are too large"


class BroadcastsOff(Problem):
    status, code, title = 503, "broadcasts_off", "Broadcasts are off on this server"


class MetricsOff(Problem):
    status, code, title = 503, "metrics_off", "Metrics are off on this server"


class StoreUnavailable(Problem):
    status, code, title = 503, "store_unavailable", "The store cannot be reached"


class DeliveryBehind(Problem):
    status, code, title = 503, "delivery_behind", "Events arrive late at this process"


class Stopping(Problem):
    status, code, title = 503, "stopping", "The server is restarting"


def invalid(field: str, fault: Fault, **params: str | int) -> Invalid:
    """The problem of a single wrong value, e.g. ``invalid("name", Fault.TOO_LONG, max=100)``."""
    return Invalid(errors=[FieldError.of(field, fault, **params)])


@dataclass(frozen=True, slots=True)
class CloseCode:
    """Why the server closes a WebSocket, and whether coming back with the cursor makes sense."""

    code: int
    reason: str
    reconnect: bool


PROTOCOL_BROKEN = CloseCode(1002, "protocol error", reconnect=False)  # RFC 6455, 7.4.1
NOT_UTF8 = CloseCode(1007, "text is not UTF-8", reconnect=False)  # RFC 6455, 7.4.1
FRAME_TOO_LARGE = CloseCode(1009, "message too big", reconnect=True)  # RFC 6455, 7.4.1
SERVER_FAILED = CloseCode(1011, "the server failed", reconnect=True)  # RFC 6455, 7.4.1
TRY_LATER = CloseCode(1013, "too much is unfinished", reconnect=True)  # 1013: IANA WebSocket registry
GOING_AWAY = CloseCode(1012, "server restarting", reconnect=True)  # 1012: IANA WebSocket registry
BAD_REQUEST = CloseCode(4400, "bad request", reconnect=False)
BAD_CREDENTIAL = CloseCode(4401, "bad credential", reconnect=False)
NOT_ENTITLED = CloseCode(4403, "not entitled", reconnect=False)
NOT_FOUND = CloseCode(4404, "not found", reconnect=False)
HEARTBEAT_LOST = CloseCode(4408, "heartbeat lost", reconnect=True)
TOO_FAST = CloseCode(4429, "too fast", reconnect=True)

CLOSE_CODES = (
    PROTOCOL_BROKEN,
    NOT_UTF8,
    FRAME_TOO_LARGE,
    SERVER_FAILED,
    GOING_AWAY,
    BAD_REQUEST,
    BAD_CREDENTIAL,
    NOT_ENTITLED,
    NOT_FOUND,
    HEARTBEAT_LOST,
    TOO_FAST,
)


def close_code_for(problem: Problem) -> CloseCode:
    """The close code that carries ``problem`` where a WebSocket is refused after its handshake."""
    return {
        401: BAD_CREDENTIAL,
        403: NOT_ENTITLED,
        404: NOT_FOUND,
        429: TOO_FAST,
        503: GOING_AWAY,
    }.get(problem.status, BAD_REQUEST)

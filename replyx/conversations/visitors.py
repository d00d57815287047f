"""Visitors: how a person on a customer's site comes to a dialog."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from replyx import guest_ids
from replyx.auth import Authenticator
from replyx.conversations import bans, empty_dialogs
from replyx.conversations.dialog_rows import load
from replyx.conversations.search_index import index_dialog
from replyx.database import models
from replyx.database.rows import Insert, Update, exists, names, value
from replyx.delivery.store import Store, Transaction
from replyx.directory import KnownWidget
from replyx.errors import AssistantNotFound
from replyx.paging import ItemId
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Dialog, as_visitor_sees
from replyx.schemas.events import INBOX, DialogUpdated, dialog_topic
from replyx.schemas.languages import Language, language_of, preferred
from replyx.schemas.texts import LINE, Written
from replyx.tokens import Tokens

log = logging.getLogger("replyx.visitors")

SESSION_SECONDS = 30 * 24 * 3600

GuestId = Annotated[str, msgspec.Meta(min_length=1, max_length=guest_ids.LONGEST, pattern=r"^[A-Za-z0-9_-]+$")]
Note = Annotated[str, msgspec.Meta(max_length=sizes.VISITOR, pattern=NO_NUL), LINE]


Page = Annotated[str, msgspec.Meta(max_length=sizes.PAGE, pattern=NO_NUL), LINE]


class GuestQuery(msgspec.Struct):
    """The same, where a client puts it into the URL."""

    site_token: str | None = None
    assistant_id: ItemId | None = None
    guest_id: GuestId | None = None


class OpenSession(Written):
    """A widget's visitor arrives. Without ``guest_id`` the visitor is new; the id is the visitor's own secret.

    ``name: null`` takes back the name that was told before; without ``name`` it stays. ``locale`` is a tag such as
    ``en-GB``; one that is not spoken here counts as none.
    """

    site_token: str | None = None
    guest_id: GuestId | None = None
    name: Note | UnsetType | None = UNSET
    page: Page | None = None
    locale: str | None = None


class OpenDialog(Written):
    """A visitor turns to an assistant directly; the members are those of :class:`OpenSession`."""

    assistant_id: ItemId | None = None
    guest_id: GuestId | None = None
    name: Note | UnsetType | None = UNSET
    page: Page | None = None
    locale: str | None = None


class SiteSession(msgspec.Struct, frozen=True):
    """``site_token`` is bound to this visitor and is the credential of every later call."""

    site_token: str
    guest_id: str
    dialog: Dialog
    cursor: str


class OpenedDialog(msgspec.Struct, frozen=True):
    """The visitor's dialog; ``guest_id`` is the credential of every later call."""

    dialog: Dialog
    guest_id: str
    cursor: str


_ASSISTANT_EXISTS = exists(models.Assistant, f"{models.Assistant.id} = ?")
_NEWEST_DIALOG = value(models.Dialog.id).where(
    f"{models.Dialog.visitor_id} = ?", f"ORDER BY {models.Dialog.id} DESC LIMIT 1"
)
_ADD_DIALOG = Insert(models.Dialog)
_RENAME = Update(
    models.Visitor, f"{models.Visitor.id} = ? AND COALESCE({models.Visitor.name}, '') <> COALESCE(CAST(? AS TEXT), '')"
)
_ADD_VISITOR = Insert(
    models.Visitor,
    f"ON CONFLICT ({names(models.Visitor.assistant_id, models.Visitor.guest_digest)}) DO UPDATE SET"
    f" page = COALESCE(excluded.page, {models.Visitor.page}),"
    f" locale = COALESCE(excluded.locale, {models.Visitor.locale})",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is told of a visitor; None leaves what was told before, but takes the name back."""

    guest_id: str
    name: str | UnsetType | None = UNSET
    page: str | None = None
    language: Language | None = None
    address: str | None = None


class Visitors:
    """Finds or opens a visitor's dialog; one per visitor and assistant. ``short_ids`` are good for new visitors too."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        authenticator: Authenticator,
        epoch: str,
        clock: Callable[[], float],
        short_ids: frozenset[str],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._authenticator = authenticator
        self._short_ids = short_ids
        self._epoch = epoch
        self._clock = clock

    async def open_session(
        self, widget_token: str, request: OpenSession, accepted: str | None, address: str
    ) -> SiteSession:
        """Exchange a widget's public token for a session of one visitor. ``accepted`` is an ``Accept-Language``.

        ``address`` is the client's, as the limits know it.
        """
        widget = await self._authenticator.widget_of(widget_token, self._clock())
        guest_id = await self._good_id(widget.assistant_id, request.guest_id, address)
        language = language_of(request.locale) or widget.locale or preferred(accepted)
        arrival = Arrival(guest_id, request.name, request.page, language, address)
        visitor_id, dialog, cursor = await self._store.commit(
            lambda tx: arrive(tx, widget.assistant_id, widget, arrival)
        )
        token = self._tokens.issue_site(visitor_id, widget.widget_id, self._clock(), SESSION_SECONDS)
        log.info("[Site] session opened widget=%d dialog=%d", widget.widget_id, dialog.id)
        return SiteSession(token, guest_id, as_visitor_sees(dialog), f"{self._epoch}-{cursor}")

    async def open_dialog(
        self, assistant_id: int, request: OpenDialog, accepted: str | None, address: str
    ) -> OpenedDialog:
        """Find or open the dialog of a guest with an assistant. Raises :class:`AssistantNotFound`, and :class:`Banned`.

        ``address`` is the client's, as the limits know it.
        """
        guest_id = await self._good_id(assistant_id, request.guest_id, address)
        language = language_of(request.locale) or preferred(accepted)
        arrival = Arrival(guest_id, request.name, request.page, language, address)
        _, dialog, cursor = await self._store.commit(lambda tx: arrive(tx, assistant_id, None, arrival))
        log.info("WIDGET dialog opened assistant=%d dialog=%d", assistant_id, dialog.id)
        return OpenedDialog(as_visitor_sees(dialog), guest_id, f"{self._epoch}-{cursor}")

    async def _good_id(self, assistant_id: int, given: str | None, address: str) -> str:
        """The id that was given, or a new one. A short one is good only for a visitor who has it already."""
        if given is None or not guest_ids.is_guessable(given) or given in self._short_ids:
            return given or guest_ids.new()
        if await self._authenticator.visitor(assistant_id, given, address) is None:
            raise guest_ids.too_short(given)
        return given


def arrive(tx: Transaction, assistant_id: int, widget: KnownWidget | None, arrival: Arrival) -> tuple[int, Dialog, int]:
    """The visitor's id, the visitor's dialog, and the log's top right behind it."""
    if not _ASSISTANT_EXISTS(tx, assistant_id):
        raise AssistantNotFound(f"There is no assistant {assistant_id}.")
    visitor_id = _ADD_VISITOR.numbered(
        tx,
        assistant_id=assistant_id,
        guest_digest=guest_ids.digest(arrival.guest_id),
        page=arrival.page,
        locale=arrival.language,
        created_at=tx.now_ms,
    )
    name = None if arrival.name is UNSET else arrival.name or None
    renamed = arrival.name is not UNSET and _RENAME.change(tx, visitor_id, name, name=name)
    dialog_id = _NEWEST_DIALOG.one(tx, visitor_id)
    if dialog_id:
        empty_dialogs.touch(tx, dialog_id)
    else:
        bans.check_address(tx, arrival.address, tx.now_ms)
        dialog_id = open_dialog(tx, assistant_id, widget, visitor_id, arrival.address)
    dialog = load(tx, dialog_id)
    if renamed and empty_dialogs.is_in_inbox(tx, dialog_id):
        index_dialog(tx, dialog_id, name)
        tx.append((dialog_topic(dialog_id), INBOX), DialogUpdated(dialog))
    return visitor_id, dialog, tx.next_event_id() - 1


def open_dialog(
    tx: Transaction, assistant_id: int, widget: KnownWidget | None, visitor_id: int, address: str | None
) -> int:
    """Insert an open dialog that the assistant handles; its first message brings it into the inbox."""
    return _ADD_DIALOG.numbered(
        tx,
        kind="dialog",
        assistant_id=assistant_id,
        widget_id=widget.widget_id if widget else None,
        visitor_id=visitor_id,
        status="open",
        handler="assistant",
        activity=empty_dialogs.NOWHERE,
        created_at=tx.now_ms,
        updated_at=tx.now_ms,
        address=address,
    )

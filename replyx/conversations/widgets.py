"""Widgets: an assistant on named domains, the token that says so, and the line of HTML that embeds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from replyx.auth import Authenticator, WidgetVerdict
from replyx.conversations import assistants
from replyx.database import models
from replyx.database.rows import Insert, Update, given_in, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.directory import Directory, KnownWidget
from replyx.errors import CredentialExpired, CredentialInvalid, WidgetNotFound
from replyx.origins import Origin, domain_allows, widget_domains
from replyx.paging import ItemId, Paging, cut, oldest_first, read_on
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Page, Widget
from replyx.schemas.events import DIRECTORY, DirectoryChanged
from replyx.schemas.languages import Language, written
from replyx.schemas.texts import LINE, Written
from replyx.tokens import Tokens, domain_digest

Name = Annotated[str, msgspec.Meta(max_length=sizes.PERSON, pattern=NO_NUL), LINE]
Theme = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}$")]
Kind = Literal["floating", "inline"]
Position = Literal["bottom-right", "bottom-left"]
Titles = dict[Language, Name]


class NewWidget(Written):
    """``localhost``, ``127.0.0.1`` and ``[::1]`` are added to the domains."""

    assistant_id: ItemId
    name: Name = ""
    allowed_domains: list[str] = msgspec.field(default_factory=list)
    theme: Theme = "#2563eb"
    type: Kind = "floating"
    position: Position = "bottom-right"
    locale: Language | None = None
    titles: Titles = msgspec.field(default_factory=dict)


class WidgetChange(Written):
    """What is left out stays. Other domains make the tokens issued so far stale."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    allowed_domains: list[str] | msgspec.UnsetType = msgspec.UNSET
    theme: Theme | msgspec.UnsetType = msgspec.UNSET
    type: Kind | msgspec.UnsetType = msgspec.UNSET
    position: Position | msgspec.UnsetType = msgspec.UNSET
    locale: Language | msgspec.UnsetType | None = msgspec.UNSET
    titles: Titles | msgspec.UnsetType = msgspec.UNSET


class WidgetQuery(Paging):
    """A page of widgets, of one assistant or of all."""

    assistant_id: ItemId | None = None


class WidgetFace(msgspec.Struct, frozen=True):
    """What the loader and the chat need to show a widget.

    ``titles`` and ``greetings`` are by language; ``title`` and ``greeting`` stand for the languages they lack.
    """

    id: int
    assistant_id: int
    theme: str
    type: str
    position: str
    locale: Language | None
    title: str
    titles: dict[Language, str]
    greeting: str
    greetings: dict[Language, str]


class WidgetCheck(msgspec.Struct, frozen=True):
    """Whether a widget may be shown on a page, and why not."""

    valid: bool
    reason: WidgetVerdict
    widget: WidgetFace | None = None


@dataclass(frozen=True, slots=True)
class StoredWidget:
    """A widget without what is made for it at each look: the token and the HTML."""

    id: int
    assistant_id: int
    name: str
    domains: list[str]
    theme: str
    type: str
    position: str
    locale: Language | None
    titles: dict[Language, str]
    created_at: str


_WIDGETS = select(StoredWidget, models.Widget)
_WIDGET = _WIDGETS.where(f"{models.Widget.id} = ? AND NOT {models.Widget.deleted}")
_ADD = Insert(models.Widget)
_CHANGE = Update(models.Widget, f"{models.Widget.id} = ?")


class Widgets:
    """Keeps widgets and issues their tokens. Raises :class:`WidgetNotFound` for an unknown or deleted id."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        directory: Directory,
        authenticator: Authenticator,
        base_url: str,
        token_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._directory = directory
        self._authenticator = authenticator
        self._base_url = base_url
        self._token_seconds = token_seconds
        self._clock = clock

    async def list(self, query: WidgetQuery) -> Page[Widget]:
        """A page of widgets, oldest first."""

        def run(rows: Snapshot) -> Page[Widget]:
            of_assistant = {f"{models.Widget.assistant_id} = ?": query.assistant_id}
            alive = (f"NOT {models.Widget.deleted}",)
            found = read_on(rows, _WIDGETS, models.Widget.id, query, of_assistant, alive)
            items, following = cut(map(self._widget, found), query.limit, attrgetter("id"))
            return Page(oldest_first(items, query), following)

        return await self._store.read(run)

    async def get(self, widget_id: int) -> Widget:
        """One widget, with a token for its present domains."""
        return self._widget(await self._store.read(lambda rows: _load(rows, widget_id)))

    async def create(self, new: NewWidget) -> Widget:
        """Add a widget of an assistant. Raises :class:`AssistantNotFound`, :class:`Invalid` for a bad domain."""
        return self._widget(await self._store.commit(lambda tx: create(tx, new)))

    async def change(self, widget_id: int, change: WidgetChange) -> Widget:
        """Change what is given, leave the rest."""
        columns = given_in(change)
        if "allowed_domains" in columns:
            columns["domains"] = json.dumps(widget_domains(columns.pop("allowed_domains")))
        if "titles" in columns:
            columns["titles"] = written(columns["titles"])

        def unit(tx: Transaction) -> StoredWidget:
            _load(tx, widget_id)
            if columns:
                _CHANGE.change(tx, widget_id, **columns)
            tx.append((DIRECTORY,), DirectoryChanged())
            return _load(tx, widget_id)

        return self._widget(await self._store.commit(unit))

    async def delete(self, widget_id: int) -> None:
        """Revoke a widget and every token of it."""

        def unit(tx: Transaction) -> None:
            _load(tx, widget_id)
            _CHANGE.change(tx, widget_id, deleted=True)
            tx.append((DIRECTORY,), DirectoryChanged([f"widget:{widget_id}"]))

        await self._store.commit(unit)

    async def known(self, widget_id: int) -> KnownWidget:
        """A widget that is not deleted, from memory."""
        widget = await self._directory.widget(widget_id)
        if widget is None or widget.deleted:
            raise WidgetNotFound(f"There is no widget {widget_id}.")
        return widget

    async def face(self, widget_id: int) -> WidgetFace:
        """How a widget looks, for the page in its iframe."""
        widget = await self.known(widget_id)
        return await self._face(widget)

    async def check(self, token: str, place: str | None) -> WidgetCheck:
        """Whether the widget of ``token`` may be shown at ``place``, an origin or a domain."""
        try:
            claims = self._tokens.read_widget(token, self._clock())
        except CredentialExpired:
            return WidgetCheck(False, "expired")
        except CredentialInvalid:
            return WidgetCheck(False, "malformed")
        verdict, widget = await self._authenticator.verdict(claims)
        if widget is None or verdict != "ok":
            return WidgetCheck(False, verdict)
        if place is None or not _allowed(widget.domains, place):
            return WidgetCheck(False, "domain not allowed")
        return WidgetCheck(True, "ok", await self._face(widget))

    async def _face(self, widget: KnownWidget) -> WidgetFace:
        assistant = await self._store.read(lambda rows: assistants.load(rows, widget.assistant_id))
        return WidgetFace(
            widget.widget_id,
            widget.assistant_id,
            widget.theme,
            widget.type,
            widget.position,
            widget.locale,
            widget.name or assistant.name,
            widget.titles,
            assistant.greeting,
            assistant.greetings,
        )

    def _widget(self, stored: StoredWidget) -> Widget:
        return embedded(stored, self._tokens, self._base_url, self._clock(), self._token_seconds)


def embedded(stored: StoredWidget, tokens: Tokens, base_url: str, now: float, token_seconds: int) -> Widget:
    """A widget with a token for its present domains and the HTML that embeds it."""
    token = tokens.issue_widget(stored.id, stored.assistant_id, domain_digest(stored.domains), now, token_seconds)
    embed_code = (
        f'<script src="{base_url}/widget.js?token={token}&assistant_id={stored.assistant_id}'
        f'&theme={quote(stored.theme, safe="")}&type={stored.type}&host={base_url}" async></script>'
    )
    return Widget(
        id=stored.id,
        assistant_id=stored.assistant_id,
        name=stored.name,
        token=token,
        embed_code=embed_code,
        allowed_domains=stored.domains,
        theme=stored.theme,
        type=stored.type,
        position=stored.position,
        locale=stored.locale,
        titles=stored.titles,
        created_at=stored.created_at,
    )


def create(tx: Transaction, new: NewWidget) -> StoredWidget:
    """Insert a widget."""
    assistants.load(tx, new.assistant_id)
    widget_id = _ADD.numbered(
        tx,
        assistant_id=new.assistant_id,
        name=new.name,
        domains=json.dumps(widget_domains(new.allowed_domains)),
        theme=new.theme,
        type=new.type,
        position=new.position,
        locale=new.locale,
        titles=written(new.titles),
        deleted=False,
        created_at=tx.now_ms,
    )
    tx.append((DIRECTORY,), DirectoryChanged())
    return _load(tx, widget_id)


def _load(rows: Snapshot, widget_id: int) -> StoredWidget:
    widget = _WIDGET.one(rows, widget_id)
    if widget is None:
        raise WidgetNotFound(f"There is no widget {widget_id}.")
    return widget


def _allowed(domains: Sequence[str], place: str) -> bool:
    origin = Origin.parse(place if "://" in place else f"https://{place}")
    return origin is not None and domain_allows(domains, origin)

"""Bans: who may read but not write. Looked at in the transaction that would write, so every process knows at once.

A ban is of an address (one IPv6 subscriber is a /64, see :func:`replyx.limits.address_key`), or of whoever wrote in a
dialog: its visitor wherever it comes from, or whoever holds the ticket's id. Streams that are open go on: a banned
visitor still reads what operators write, and is told of the ban at the first message that is refused. What exists is
found again; a new dialog or ticket is refused.
"""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import msgspec

from replyx.auth import AccountActor, Speaker, TicketActor, VisitorActor
from replyx.conversations.dialog_rows import access
from replyx.database import models
from replyx.database.rows import Delete, Insert, select, value
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import AddressUnknown, Banned, BanNotFound
from replyx.paging import Paging, oldest_first, read_page
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Page

log = logging.getLogger("replyx.bans")

Target = Literal["visitor", "address"]

LONGEST_HOURS = 10 * 365 * 24


class NewBan(msgspec.Struct):
    """Ban the other side of a dialog; without ``hours`` until somebody lifts it. The reason is for operators."""

    target: Target
    reason: Annotated[str, msgspec.Meta(max_length=sizes.PURPOSE, pattern=NO_NUL)] = ""
    hours: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_HOURS)] | None = None


class Ban(msgspec.Struct, frozen=True):
    """A ban as operators see it. ``address`` is there for a ban of one; ``expires_at`` null: until it is lifted."""

    id: int
    target: Target
    dialog_id: int
    address: str | None
    reason: str
    created_by: str
    created_at: str
    expires_at: str | None


_BANS = select(Ban, models.Ban)
_BAN = _BANS.where(f"{models.Ban.id} = ?")
_ADD = Insert(models.Ban)
_DROP = Delete(models.Ban, f"{models.Ban.id} = ?")
_OVER = Delete(models.Ban, f"{models.Ban.expires_at} <= ?")
_ADDRESS = value(models.Dialog.address).where(f"{models.Dialog.id} = ?")
_HOLDS = f"({models.Ban.expires_at} IS NULL OR {models.Ban.expires_at} > ?)"
_AGAINST_ADDRESS = _BANS.where(f"{models.Ban.address} = ? AND {_HOLDS}", "LIMIT 1")
_AGAINST_VISITOR = _BANS.where(f"{models.Ban.visitor_id} = ? AND {_HOLDS}", "LIMIT 1")
_AGAINST_HOLDER = _BANS.where(f"{models.Ban.target} = 'visitor' AND {models.Ban.dialog_id} = ? AND {_HOLDS}", "LIMIT 1")


class Bans:
    """Makes, lists and lifts bans."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, by: AccountActor, dialog_id: int, new: NewBan) -> Ban:
        """Ban the other side of a dialog. Raises :class:`DialogNotFound`, and :class:`AddressUnknown`."""

        def unit(tx: Transaction) -> Ban:
            found = access(tx, by, dialog_id)
            address = _ADDRESS.one(tx, dialog_id) if new.target == "address" else None
            if new.target == "address" and address is None:
                raise AddressUnknown("Nobody has written in this dialog since addresses are kept; ban the visitor.")
            ban_id = _ADD.numbered(
                tx,
                target=new.target,
                dialog_id=dialog_id,
                visitor_id=found.visitor_id if new.target == "visitor" else None,
                address=address,
                reason=new.reason.strip(),
                created_by=by.name,
                created_at=tx.now_ms,
                expires_at=None if new.hours is None else tx.now_ms + new.hours * 3_600_000,
            )
            return _BAN.only(tx, ban_id)

        ban = await self._store.commit(unit)
        log.info("ban=%d of the %s of dialog=%d by account=%d", ban.id, ban.target, dialog_id, by.account_id)
        return ban

    async def list(self, paging: Paging) -> Page[Ban]:
        """A page of bans, the newest last; one that is over may stand for a while."""

        def query(rows: Snapshot) -> Page[Ban]:
            items, following = read_page(rows, _BANS, models.Ban.id, paging)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def lift(self, by: AccountActor, ban_id: int) -> None:
        """End a ban at once. Raises :class:`BanNotFound`."""

        def unit(tx: Transaction) -> None:
            if not _DROP.drop(tx, ban_id):
                raise BanNotFound(f"There is no ban {ban_id}.")

        await self._store.commit(unit)
        log.info("ban=%d lifted by account=%d", ban_id, by.account_id)


def check_speaker(rows: Snapshot, by: Speaker, dialog_id: int, now_ms: int) -> None:
    """Raise :class:`Banned` for a visitor, or the holder of a ticket, who may not write."""
    if isinstance(by, AccountActor) or (isinstance(by, TicketActor) and by.sender != "user"):
        return
    check_address(rows, by.address, now_ms)
    if isinstance(by, VisitorActor):
        _refuse(_AGAINST_VISITOR.one(rows, by.visitor_id, now_ms))
    else:
        _refuse(_AGAINST_HOLDER.one(rows, dialog_id, now_ms))


def check_address(rows: Snapshot, address: str | None, now_ms: int) -> None:
    """Raise :class:`Banned` for an address that may not write."""
    if address:
        _refuse(_AGAINST_ADDRESS.one(rows, address, now_ms))


def prune(tx: Transaction) -> None:
    """Drop bans that are over."""
    _OVER.drop(tx, tx.now_ms)


def _refuse(ban: Ban | None) -> None:
    if ban is not None:
        end = f" It ends at {ban.expires_at}." if ban.expires_at else ""
        raise Banned(f"An operator has stopped messages from here.{end}")

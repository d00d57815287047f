"""What people do with their devices: register, forget, test."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable

import msgspec

from replyx.auth import AccountActor
from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, replacing, select
from replyx.delivery import positions
from replyx.delivery.store import Store, Transaction
from replyx.errors import PushDeviceNotFound
from replyx.outside.calls import Outside
from replyx.outside.push import rows, sealing
from replyx.outside.push.notices import test_notice
from replyx.outside.push.pusher import Pusher
from replyx.outside.push.schemas import ChangedDevice, NewDevice, PushDevice, PushTested, Subscribed

log = logging.getLogger("replyx.push")

MOST = 20  # devices of one account; the oldest goes


class _Known(msgspec.Struct, frozen=True):
    """A device and the secret that proves whose it is, in hex."""

    id: int
    auth: str


_KNOWN = select(_Known, models.PushDevice).where(f"{models.PushDevice.endpoint} = ?")
_DEVICE = select(PushDevice, models.PushDevice).where(f"{models.PushDevice.id} = ?")
_KEEP = Insert(
    models.PushDevice,
    replacing(
        models.PushDevice.endpoint,
        models.PushDevice.account_id,
        models.PushDevice.session_id,
        models.PushDevice.p256dh,
        models.PushDevice.auth,
        models.PushDevice.locale,
    ),
)
_MOVE = Update(models.PushDevice, f"{models.PushDevice.id} = ?")
_DROP = Delete(models.PushDevice, f"{models.PushDevice.account_id} = ? AND {models.PushDevice.endpoint} = ?")
_DROP_ANOTHER = Delete(models.PushDevice, f"{models.PushDevice.endpoint} = ? AND {models.PushDevice.id} != ?")
_DROP_OLDEST = Delete(
    models.PushDevice,
    f"{models.PushDevice.account_id} = ? AND {models.PushDevice.id} NOT IN"
    f" (SELECT {models.PushDevice.id} FROM {models.PushDevice} WHERE {models.PushDevice.account_id} = ?"
    f" ORDER BY {models.PushDevice.id} DESC LIMIT ?)",
)


class Push:
    """Keeps devices. One belongs to the login that registered it: signing out ends its notices."""

    def __init__(self, store: Store, outside: Outside, pusher: Pusher, clock: Callable[[], float]) -> None:
        self._store = store
        self._outside = outside
        self._pusher = pusher
        self._clock = clock

    async def key(self) -> str:
        """The server's public key; drawn when it is asked for the first time."""
        return (await self._pusher.sealer()).public_key

    async def register(self, actor: AccountActor, new: NewDevice) -> PushDevice:
        """Send notices to a browser from now on; one that is known is moved to this login. Raises :class:`Invalid`.

        The device that it replaces is forgotten, if it is one of the account.
        """
        endpoint, p256dh, auth = self._checked(new)

        def unit(tx: Transaction) -> PushDevice:
            positions.begin(tx, rows.DUTY, rows.wanted(tx))
            if new.replaces not in (None, endpoint):
                _DROP.drop(tx, actor.account_id, new.replaces)
            device_id = _KEEP.numbered(
                tx,
                account_id=actor.account_id,
                session_id=actor.session_id,
                endpoint=endpoint,
                p256dh=p256dh,
                auth=auth,
                locale=new.locale,
                created_at=tx.now_ms,
            )
            _DROP_OLDEST.drop(tx, actor.account_id, actor.account_id, MOST)
            return _DEVICE.only(tx, device_id)

        return await self._store.commit(unit)

    async def change(self, changed: ChangedDevice) -> PushDevice:
        """Send a browser's notices to its new subscription, in the place of the old one.

        No login is asked for: a browser tells of it while none of our pages is open. What it must know is the old
        subscription's ``auth``, the secret that it once gave this server and nobody else. Raises
        :class:`PushDeviceNotFound` alike for an unknown endpoint and a wrong secret, and :class:`Invalid`.
        """
        endpoint, p256dh, auth = self._checked(changed)
        secret = sealing.auth_secret(changed.old.keys.auth, "old.keys.auth").hex()

        def unit(tx: Transaction) -> PushDevice:
            known = _KNOWN.one(tx, changed.old.endpoint)
            if known is None or not hmac.compare_digest(known.auth, secret):
                raise PushDeviceNotFound("No device is registered with this endpoint and secret.")
            _DROP_ANOTHER.drop(tx, endpoint, known.id)
            _MOVE.change(tx, known.id, endpoint=endpoint, p256dh=p256dh, auth=auth)
            return _DEVICE.only(tx, known.id)

        return await self._store.commit(unit)

    async def forget(self, actor: AccountActor, endpoint: str) -> None:
        """Send no more notices to a browser of this account. Raises :class:`PushDeviceNotFound`."""

        def unit(tx: Transaction) -> None:
            if not _DROP.drop(tx, actor.account_id, endpoint):
                raise PushDeviceNotFound("This browser is not registered for the account.")

        await self._store.commit(unit)

    async def test(self, actor: AccountActor) -> PushTested:
        """Send a notice to every device of the account, whether or not it has a page open."""
        notice = test_notice(actor.account_id, "/admin" if actor.is_operator else "/webapp/")
        now_ms = int(self._clock() * 1000)
        devices = await self._store.read(lambda reading: rows.audience(reading, notice.audience, now_ms))
        results = await asyncio.gather(
            *(self._pusher.push_notice(each, notice, notice.shown(each.locale, test=True)) for each in devices)
        )
        return PushTested(sum(results), len(results) - sum(results))

    def _checked(self, given: Subscribed) -> tuple[str, str, str]:
        """Endpoint, public key and secret as they are kept. Raises :class:`Invalid`."""
        endpoint = self._outside.check_url(given.endpoint, "endpoint", ("https",))
        p256dh = sealing.public_point(given.keys.p256dh, "keys.p256dh")
        return endpoint, p256dh.hex(), sealing.auth_secret(given.keys.auth, "keys.auth").hex()

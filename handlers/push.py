"""Web Push, for whoever is logged in."""

from __future__ import annotations

from handlers.access import Access
from handlers.base import Handler, operation
from replyx.errors import Invalid, PushDeviceNotFound, TooManyRequests
from replyx.outside.push.schemas import ChangedDevice, NewDevice, OldDevice, PushDevice, PushKey, PushTested


class PushKeys(Handler):
    @operation("The server's public key for push messages; drawn at its first use", answers={200: PushKey})
    async def get(self) -> object:
        return PushKey(await self.services.push.key())


class PushDevices(Handler):
    @operation(
        "Send notices to this browser while the session lasts; repeating it is safe",
        body=NewDevice,
        answers={201: PushDevice},
        problems=(Invalid,),
    )
    async def post(self, body: NewDevice) -> object:
        return await self.services.push.register(self.account, body)

    @operation(
        "Send a browser's notices to its new subscription; the old one's secret proves whose it is",
        body=ChangedDevice,
        answers={200: PushDevice},
        problems=(PushDeviceNotFound, Invalid, TooManyRequests),
        access=Access.PUBLIC,
    )
    async def put(self, body: ChangedDevice) -> object:
        self.limit("push_change", self.address)
        return await self.services.push.change(body)

    @operation("Send no more notices to this browser", body=OldDevice, problems=(PushDeviceNotFound, Invalid))
    async def delete(self, body: OldDevice) -> None:
        await self.services.push.forget(self.account, body.endpoint)


class PushTest(Handler):
    @operation(
        "Send a notice to every device of the account now", answers={200: PushTested}, problems=(TooManyRequests,)
    )
    async def post(self) -> object:
        self.limit("push_test", str(self.account.account_id))
        return await self.services.push.test(self.account)

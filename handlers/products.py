"""Products over HTTP: the public catalogue, what a shop does with its own, and what admins decide."""

from __future__ import annotations

from handlers.access import Access, Presented
from handlers.base import Handler, operation
from replyx.errors import (
    CredentialExpired,
    CredentialInvalid,
    CredentialMissing,
    Forbidden,
    Invalid,
    ProductChanged,
    ProductNotFound,
)
from replyx.paging import Paging
from replyx.schemas.dialogs import Page
from replyx.schemas.products import (
    Approval,
    BulkAnswer,
    BulkApproval,
    Decision,
    ModeratedProduct,
    ModerationQuery,
    NewProduct,
    PlatformSettings,
    Product,
    ProductChange,
    ProductQuery,
    Rejection,
)

OWN = (CredentialMissing, CredentialInvalid, CredentialExpired, Forbidden)


class ProductList(Handler):
    """The catalogue for everybody; a shop sees and submits its own."""

    @operation(
        "Approved products of active shops, the newest first; with mine=true a shop's own of every status",
        query=ProductQuery,
        answers={200: Page[Product]},
        problems=OWN,
    )
    async def get(self, query: ProductQuery) -> object:
        """No credential is looked at unless the shop asks for its own."""
        if query.mine:
            self.actor = await self.gate.admit(Access.SHOP, Presented(self.request), self, self.now)
            return await self.services.products.list(query, query.status, self.account.account_id)
        if query.status not in (None, "approved"):
            raise Forbidden("Only approved products are public. A shop sees its own of every status with mine=true.")
        return await self.services.products.shown(query, query.shop_id)

    @operation(
        "Submit a product", body=NewProduct, answers={201: Product}, problems=(Invalid, Forbidden), access=Access.SHOP
    )
    async def post(self, body: NewProduct) -> object:
        """Limited by shop."""
        self.limit("product_submit", str(self.account.account_id))
        return await self.services.products.submit(self.account, body)


class OneProduct(Handler):
    """One product, for everybody when it is approved and its shop is active."""

    @operation("One product", answers={200: Product}, problems=(ProductNotFound, CredentialInvalid, CredentialExpired))
    async def get(self, product_id: int) -> object:
        """Its shop and admins see it whatever its status."""
        return await self.services.products.get(product_id, await self.presented_account())

    @operation(
        "Change a product of one's own; it is submitted again",
        body=ProductChange,
        answers={200: Product},
        problems=(ProductNotFound, Invalid),
        access=Access.SHOP,
    )
    async def patch(self, product_id: int, body: ProductChange) -> object:
        """What is not named stays as it is."""
        self.limit("product_submit", str(self.account.account_id))
        return await self.services.products.change(self.account, product_id, body)


class ModerationQueue(Handler):
    @operation("Products of every shop, the newest first", query=ModerationQuery, answers={200: Page[ModeratedProduct]})
    async def get(self, query: ModerationQuery) -> object:
        return await self.services.products.queue(query)


class ApproveProduct(Handler):
    @operation(
        "Approve a product; approving twice changes nothing",
        body=Approval,
        answers={200: Product},
        problems=(ProductNotFound, ProductChanged, Invalid),
    )
    async def post(self, product_id: int, body: Approval) -> object:
        return await self.services.products.approve(self.account, product_id, body)


class RejectProduct(Handler):
    @operation(
        "Reject a product, or withdraw an approved one; rejecting twice changes nothing",
        body=Rejection,
        answers={200: Product},
        problems=(ProductNotFound, ProductChanged, Invalid),
    )
    async def post(self, product_id: int, body: Rejection) -> object:
        return await self.services.products.reject(self.account, product_id, body)


class ReopenProduct(Handler):
    @operation("Send a decided product back to the queue", answers={200: Product}, problems=(ProductNotFound,))
    async def post(self, product_id: int) -> object:
        return await self.services.products.reopen(self.account, product_id)


class BulkApprove(Handler):
    @operation(
        "Approve up to 500 products in one transaction, with a result for each",
        body=BulkApproval,
        answers={200: BulkAnswer},
        problems=(Invalid,),
    )
    async def post(self, body: BulkApproval) -> object:
        return await self.services.products.bulk_approve(self.account, body)


class ProductDecisions(Handler):
    @operation(
        "Who decided what about a product, oldest first",
        query=Paging,
        answers={200: Page[Decision]},
        problems=(ProductNotFound,),
    )
    async def get(self, product_id: int, paging: Paging) -> object:
        return await self.services.products.decisions(product_id, paging)


class PublicSettings(Handler):
    @operation("The platform's settings", answers={200: PlatformSettings})
    async def get(self) -> object:
        return await self.services.platform.get()


class AdminSettings(Handler):
    @operation("The platform's settings", answers={200: PlatformSettings})
    async def get(self) -> object:
        return await self.services.platform.get()

    @operation(
        "Set the platform's settings as a whole; what is left out takes its default",
        body=PlatformSettings,
        answers={200: PlatformSettings},
        problems=(Invalid,),
    )
    async def put(self, body: PlatformSettings) -> object:
        return await self.services.platform.replace(self.account, body)

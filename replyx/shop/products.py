"""The catalogue: shops submit products, admins decide about them, everybody sees what was approved.

A product is ``pending``, ``approved`` or ``rejected``. Every decision that changes this is a line of its history and
one event; repeating a decision changes nothing and tells nobody, however many admins do so at once. What a shop
changes in a decided product has to be decided anew.

The public sees what is approved, of shops whose accounts are active. Whatever changes that is also a broadcast to web
apps, in the same transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import msgspec

from replyx.auth import AccountActor
from replyx.database import models
from replyx.database.rows import Insert, Made, Part, Update, given_in, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import ProductChanged, ProductNotFound
from replyx.paging import Paging, cut, newest_first, oldest_first, read_on, read_page
from replyx.schemas.dialogs import Assignee, Page, timestamp
from replyx.schemas.events import ProductApproved, ProductRejected, ProductSubmitted, account_topic, clients_topic
from replyx.schemas.products import (
    Approval,
    ApprovalTerms,
    BulkAnswer,
    BulkApproval,
    BulkResult,
    Decision,
    ModeratedProduct,
    ModerationQuery,
    NewProduct,
    Product,
    ProductChange,
    ProductStatus,
    ProductVerdict,
    Rejection,
    amount_of,
    hundredths,
    version_of,
)
from replyx.shop import platform_settings
from replyx.shop.broadcasts import Broadcasts

log = logging.getLogger("replyx.products")

P = TypeVar("P", bound=Product)

PUBLIC = f"{models.Product.status} = 'approved' AND {models.Account.active}"

_PRODUCTS = select(
    Product,
    models.Product,
    f"JOIN {models.Account} ON {models.Account.id} = {models.Product.shop_id}",
    price=Made(amount_of, models.Product.price),
    shop_name=models.Account.name,
    approval_fee=Made(amount_of, models.Product.approval_fee),
)
_PRODUCT = _PRODUCTS.where(f"{models.Product.id} = ?")
_SHOWN = _PRODUCTS.where(f"{models.Product.id} = ? AND {PUBLIC}")
_ADD = Insert(models.Product)
_CHANGE = Update(models.Product, f"{models.Product.id} = ?")

_DECISIONS = select(
    Decision,
    models.ModerationDecision,
    f"LEFT JOIN {models.Account} ON {models.Account.id} = {models.ModerationDecision.account_id}",
    approval_fee=Made(amount_of, models.ModerationDecision.approval_fee),
    admin=Part(Assignee, models.Account).or_else(None),
)
_ADD_DECISION = Insert(models.ModerationDecision)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision to be made. ``fee`` is in hundredths, ``admin_id`` None where nobody was asked."""

    status: ProductStatus
    notes: str | None
    fee: int | None
    admin_id: int | None


class Products:
    """What can be done with products; a wrong id, or another shop's, is :class:`ProductNotFound`."""

    def __init__(self, store: Store, broadcasts: Broadcasts) -> None:
        self._store = store
        self._broadcasts = broadcasts

    async def list(self, paging: Paging, status: ProductStatus | None, shop_id: int | None) -> Page[Product]:
        """A page of the products of a status and a shop, the newest first; None for any."""
        return await self._store.read(lambda rows: _page(_found(rows, paging, status, shop_id), paging))

    async def shown(self, paging: Paging, shop_id: int | None) -> Page[Product]:
        """As :meth:`list`, of what the public sees."""
        return await self._store.read(lambda rows: _page(_found(rows, paging, None, shop_id, (PUBLIC,)), paging))

    async def queue(self, query: ModerationQuery) -> Page[ModeratedProduct]:
        """As :meth:`list`, by what an admin asks for."""

        def read(rows: Snapshot) -> Page[ModeratedProduct]:
            found = _found(rows, query, query.status, query.shop_id)
            return _page(map(ModeratedProduct.of, found), query)

        return await self._store.read(read)

    async def get(self, product_id: int, actor: AccountActor | None) -> Product:
        """A product as ``actor`` may see it: anyone one that is shown, its shop and an admin every one."""

        def query(rows: Snapshot) -> Product:
            product = load(rows, product_id)
            entitled = actor is not None and (actor.role == "admin" or actor.account_id == product.shop_id)
            if not entitled and _shown(rows, product_id) is None:
                raise _not_found(product_id)
            return product

        return await self._store.read(query)

    async def submit(self, shop: AccountActor, new: NewProduct) -> Product:
        """Add a product of the shop; it waits for a decision unless the platform asks for none."""

        def unit(tx: Transaction) -> Product:
            product = submit(tx, shop.account_id, new)
            self._tell_web_apps(tx, product.id, None)
            return product

        product = await self._store.commit(unit)
        log.info("product submitted product=%d shop=%d status=%s", product.id, shop.account_id, product.status)
        return product

    async def change(self, shop: AccountActor, product_id: int, change: ProductChange) -> Product:
        """Change the shop's own product and submit it again; a change that changes nothing does neither."""

        def unit(tx: Transaction) -> Product:
            before = _shown(tx, product_id)
            product = _change(tx, shop.account_id, product_id, change)
            self._tell_web_apps(tx, product_id, before)
            return product

        product = await self._store.commit(unit)
        log.info("product changed product=%d shop=%d status=%s", product.id, shop.account_id, product.status)
        return product

    async def approve(self, admin: AccountActor, product_id: int, approval: Approval) -> Product:
        """Offer the product to everybody, a rejected one too. Raises :class:`ProductChanged`."""
        return await self._decide(product_id, lambda tx: _approving(tx, admin, approval), approval.version)

    async def reject(self, admin: AccountActor, product_id: int, rejection: Rejection) -> Product:
        """Refuse the product, or take an approved one away. Raises :class:`ProductChanged`."""
        verdict = Verdict("rejected", rejection.moderation_notes, None, admin.account_id)
        return await self._decide(product_id, lambda tx: verdict, rejection.version)

    async def reopen(self, admin: AccountActor, product_id: int) -> Product:
        """Send a decided product back to the queue, for whoever decided by mistake."""
        verdict = Verdict("pending", None, None, admin.account_id)
        return await self._decide(product_id, lambda tx: verdict)

    async def bulk_approve(self, admin: AccountActor, asked: BulkApproval) -> BulkAnswer:
        """Approve many products in one transaction, with one event each; one that is absent or changed fails alone."""

        def unit(tx: Transaction) -> BulkAnswer:
            verdict = _approving(tx, admin, asked)
            results = [
                self._bulk_result(tx, product_id, verdict, asked.versions.get(product_id))
                for product_id in dict.fromkeys(asked.product_ids)
            ]
            return BulkAnswer(results, sum(result.changed for result in results))

        answer = await self._store.commit(unit)
        log.info("products approved count=%d of=%d admin=%d", answer.approved, len(answer.results), admin.account_id)
        return answer

    async def decisions(self, product_id: int, paging: Paging) -> Page[Decision]:
        """Who decided what about the product, oldest first; the newest page when neither side of it is given."""

        def query(rows: Snapshot) -> Page[Decision]:
            load(rows, product_id)
            of_product = {f"{models.ModerationDecision.product_id} = ?": product_id}
            items, following = read_page(rows, _DECISIONS, models.ModerationDecision.id, paging, of_product)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def _decide(
        self, product_id: int, verdict_of: Callable[[Transaction], Verdict], seen: str | None = None
    ) -> Product:
        def unit(tx: Transaction) -> tuple[Product, bool]:
            return self._carry_out(tx, product_id, verdict_of(tx), seen)

        product, changed = await self._store.commit(unit)
        if changed:
            log.info("product decided product=%d status=%s", product_id, product.status)
        return product

    def _carry_out(self, tx: Transaction, product_id: int, verdict: Verdict, seen: str | None) -> tuple[Product, bool]:
        before = _shown(tx, product_id)
        product, changed = decide(tx, product_id, verdict, seen)
        if changed:
            self._tell_web_apps(tx, product_id, before)
        return product, changed

    def _bulk_result(self, tx: Transaction, product_id: int, verdict: Verdict, seen: str | None) -> BulkResult:
        try:
            product, changed = self._carry_out(tx, product_id, verdict, seen)
        except (ProductNotFound, ProductChanged) as problem:  # raised before anything of this product was written
            return BulkResult(product_id, ok=False, changed=False, status=None, code=problem.code)
        return BulkResult(product_id, ok=True, changed=changed, status=product.status)

    def _tell_web_apps(self, tx: Transaction, product_id: int, before: Product | None) -> None:
        """Broadcast what has become of a product that the public saw as ``before``, if that is another now."""
        after = _shown(tx, product_id)
        known = after or before
        if known is None or after == before:
            return
        kind = "product_added" if before is None else "product_deleted" if after is None else "product_updated"
        self._broadcasts.tell(tx, kind, shopId=known.shop_id, productId=product_id)


def submit(tx: Transaction, shop_id: int, new: NewProduct) -> Product:
    """Insert a product and send it the way of every submission."""
    product_id = _ADD.numbered(
        tx,
        shop_id=shop_id,
        name=new.name,
        description=new.description,
        price=hundredths(new.price, "price"),
        status="pending",
        created_at=tx.now_ms,
    )
    return _enter(tx, product_id)


def decide(tx: Transaction, product_id: int, verdict: Verdict, seen: str | None = None) -> tuple[Product, bool]:
    """Bring a product to the verdict's status, with its line of history and its event; whether that changed it.

    Raises :class:`ProductChanged` where the product's version is not the one ``seen``. A product that has the status
    already is no conflict: as with RFC 9110, 13.1.1, the decision may be a repetition whose answer was lost.
    """
    before = load(tx, product_id)
    if before.status == verdict.status:
        return before, False
    if seen is not None and seen != version_of(before):
        raise ProductChanged(f"The shop has changed product {product_id} meanwhile. Look at it again, then decide.")
    _set(tx, product_id, verdict)
    _ADD_DECISION.add(
        tx,
        product_id=product_id,
        status=verdict.status,
        moderation_notes=verdict.notes,
        approval_fee=verdict.fee,
        account_id=verdict.admin_id,
        created_at=tx.now_ms,
    )
    after = load(tx, product_id)
    _announce(tx, after, verdict.admin_id)
    return after, True


def load(rows: Snapshot, product_id: int) -> Product:
    """The product as clients see it. Raises :class:`ProductNotFound`."""
    product = _PRODUCT.one(rows, product_id)
    if product is None:
        raise _not_found(product_id)
    return product


def _shown(rows: Snapshot, product_id: int) -> Product | None:
    """The product if the public sees it."""
    return _SHOWN.one(rows, product_id)


def _enter(tx: Transaction, product_id: int) -> Product:
    """What is pending waits in the queue, or is approved at once where the platform asks for no decision."""
    settings = platform_settings.load(tx)
    if not settings.moderation_required:
        fee = hundredths(settings.default_approval_fee, "default_approval_fee")
        return decide(tx, product_id, Verdict("approved", None, fee, None))[0]
    product = load(tx, product_id)
    _announce(tx, product, None)
    return product


def _change(tx: Transaction, shop_id: int, product_id: int, change: ProductChange) -> Product:
    before = load(tx, product_id)
    if before.shop_id != shop_id:
        raise _not_found(product_id)
    after = msgspec.structs.replace(before, **given_in(change))
    if after == before:
        return before
    price = hundredths(after.price, "price")
    _CHANGE.change(tx, product_id, name=after.name, description=after.description, price=price)
    _set(tx, product_id, Verdict("pending", None, None, None))
    return _enter(tx, product_id)


def _set(tx: Transaction, product_id: int, verdict: Verdict) -> None:
    _CHANGE.change(tx, product_id, status=verdict.status, moderation_notes=verdict.notes, approval_fee=verdict.fee)


def _approving(rows: Snapshot, admin: AccountActor, approval: ApprovalTerms) -> Verdict:
    fee = approval.approval_fee
    if fee is None:
        fee = platform_settings.load(rows).default_approval_fee
    return Verdict("approved", approval.moderation_notes, hundredths(fee, "approval_fee"), admin.account_id)


def _announce(tx: Transaction, product: Product, admin_id: int | None) -> None:
    """Log the one event of what has become of the product."""
    now = timestamp(tx.now_ms)
    if product.status == "pending":
        tx.append((clients_topic("admin"),), ProductSubmitted(now, ModeratedProduct.of(product)))
        return
    data = ProductVerdict(
        product.id,
        product.name,
        product.shop_id,
        product.shop_name,
        product.status,
        product.moderation_notes,
        admin_id,
        product.approval_fee,
    )
    shop, admins = account_topic(product.shop_id), clients_topic("admin")
    if product.status == "approved":
        tx.append((shop, clients_topic("user"), admins), ProductApproved(now, data))
    else:
        tx.append((shop, admins), ProductRejected(now, data))


def _found(
    rows: Snapshot, paging: Paging, status: ProductStatus | None, shop_id: int | None, conditions: Sequence[str] = ()
) -> Iterator[Product]:
    asked = {f"{models.Product.status} = ?": status, f"{models.Product.shop_id} = ?": shop_id}
    return read_on(rows, _PRODUCTS, models.Product.id, paging, asked, conditions)


def _page(found: Iterator[P], paging: Paging) -> Page[P]:
    items, following = cut(found, paging.limit, attrgetter("id"))
    return Page(newest_first(items, paging), following)


def _not_found(product_id: int) -> ProductNotFound:
    return ProductNotFound(f"There is no product {product_id} here.")

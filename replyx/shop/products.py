"""The catalogue: shops submit products, admins decide about them, everybody sees what was approved.

A product is ``pending``, ``approved`` or ``rejected``. Every decision that changes this is a line of its history and
one event; repeating a decision changes nothing and tells nobody, however many admins do so at once. What a shop
changes in a decided product has to be decided anew.

The public sees what is approved, of shops whose accounts are active. Whatever changes that is also a broadcast to web
apps, in the same transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from replyx.auth import AccountActor
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import ProductChanged, ProductNotFound
from replyx.paging import Paging, cut, newest_first, oldest_first
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

PRODUCT_SQL = (
    "SELECT p.id, p.name, p.description, p.price, p.shop_id, a.name, p.status, p.moderation_notes, p.approval_fee,"
    " p.created_at FROM product p JOIN account a ON a.id = p.shop_id"
)
PUBLIC = "p.status = 'approved' AND a.active"
DECISION_SQL = (
    "SELECT d.id, d.status, d.moderation_notes, d.approval_fee, d.account_id, a.name, d.created_at"
    " FROM moderation_decision d LEFT JOIN account a ON a.id = d.account_id"
)


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
        return await self._store.read(lambda rows: _page(rows, paging, status, shop_id))

    async def shown(self, paging: Paging, shop_id: int | None) -> Page[Product]:
        """As :meth:`list`, of what the public sees."""
        return await self._store.read(lambda rows: _page(rows, paging, None, shop_id, (PUBLIC,)))

    async def queue(self, query: ModerationQuery) -> Page[ModeratedProduct]:
        """As :meth:`list`, by what an admin asks for."""
        page = await self.list(query, query.status, query.shop_id)
        return Page([ModeratedProduct.of(product) for product in page.items], page.next)

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
        comparison, order, bound = paging.window()

        def query(rows: Snapshot) -> Page[Decision]:
            load(rows, product_id)
            where = f"d.product_id = ? AND d.id {comparison} ? ORDER BY d.id {order} LIMIT ?"
            rows_found = rows.execute(f"{DECISION_SQL} WHERE {where}", (product_id, bound, paging.limit + 1))
            items, following = cut([_decision(row) for row in rows_found], paging, lambda decision: decision.id)
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
    row = tx.execute(
        "INSERT INTO product (shop_id, name, description, price, status, created_at)"
        " VALUES (?, ?, ?, ?, 'pending', ?) RETURNING id",
        (shop_id, new.name, new.description, hundredths(new.price, "price"), tx.now_ms),
    ).fetchone()
    return _enter(tx, int(row[0]))


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
    tx.execute(
        "INSERT INTO moderation_decision (product_id, status, moderation_notes, approval_fee, account_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (product_id, verdict.status, verdict.notes, verdict.fee, verdict.admin_id, tx.now_ms),
    )
    after = load(tx, product_id)
    _announce(tx, after, verdict.admin_id)
    return after, True


def load(rows: Snapshot, product_id: int) -> Product:
    """The product as clients see it. Raises :class:`ProductNotFound`."""
    row = rows.execute(f"{PRODUCT_SQL} WHERE p.id = ?", (product_id,)).fetchone()
    if row is None:
        raise _not_found(product_id)
    return _product(row)


def _shown(rows: Snapshot, product_id: int) -> Product | None:
    """The product if the public sees it."""
    row = rows.execute(f"{PRODUCT_SQL} WHERE p.id = ? AND {PUBLIC}", (product_id,)).fetchone()
    return None if row is None else _product(row)


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
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    after = msgspec.structs.replace(before, **given)
    if after == before:
        return before
    tx.execute(
        "UPDATE product SET name = ?, description = ?, price = ? WHERE id = ?",
        (after.name, after.description, hundredths(after.price, "price"), product_id),
    )
    _set(tx, product_id, Verdict("pending", None, None, None))
    return _enter(tx, product_id)


def _set(tx: Transaction, product_id: int, verdict: Verdict) -> None:
    tx.execute(
        "UPDATE product SET status = ?, moderation_notes = ?, approval_fee = ? WHERE id = ?",
        (verdict.status, verdict.notes, verdict.fee, product_id),
    )


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


def _page(
    rows: Snapshot, paging: Paging, status: ProductStatus | None, shop_id: int | None, conditions: Sequence[str] = ()
) -> Page[Product]:
    comparison, order, bound = paging.window()
    where, params = [f"p.id {comparison} ?", *conditions], [bound]
    given: tuple[tuple[str, Any], ...] = (("p.status", status), ("p.shop_id", shop_id))
    for column, value in given:
        if value is not None:
            where.append(f"{column} = ?")
            params.append(value)
    sql = f"{PRODUCT_SQL} WHERE {' AND '.join(where)} ORDER BY p.id {order} LIMIT ?"
    found = [_product(row) for row in rows.execute(sql, [*params, paging.limit + 1])]
    items, following = cut(found, paging, lambda product: product.id)
    return Page(newest_first(items, paging), following)


def _product(row: Sequence[Any]) -> Product:
    return Product(
        id=row[0],
        name=row[1],
        description=row[2],
        price=row[3] / 100,
        shop_id=row[4],
        shop_name=row[5],
        status=row[6],
        moderation_notes=row[7],
        approval_fee=amount_of(row[8]),
        created_at=timestamp(row[9]),
    )


def _decision(row: Sequence[Any]) -> Decision:
    admin = Assignee(row[4], row[5]) if row[4] is not None else None
    return Decision(row[0], row[1], row[2], amount_of(row[3]), admin, timestamp(row[6]))


def _not_found(product_id: int) -> ProductNotFound:
    return ProductNotFound(f"There is no product {product_id} here.")

"""What clients say and see of products, of their moderation and of the platform's settings.

Amounts are numbers in the platform's currency with at most two decimals. They are kept in hundredths, so a sum of
them has no rounding error.
"""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from replyx.errors import invalid
from replyx.faults import Fault
from replyx.paging import ItemId, Paging
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Assignee
from replyx.schemas.texts import LINE, TEXT, Written

ProductStatus = Literal["pending", "approved", "rejected"]

Amount = Annotated[float, msgspec.Meta(ge=0, le=sizes.AMOUNT)]
Name = Annotated[str, msgspec.Meta(pattern=NO_NUL), LINE]
Description = Annotated[str, msgspec.Meta(max_length=sizes.DESCRIPTION, pattern=NO_NUL), TEXT]
Notes = Annotated[str, msgspec.Meta(max_length=sizes.NOTES, pattern=NO_NUL), TEXT]
Version = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


def hundredths(amount: float, field: str) -> int:
    """``amount`` in hundredths. Raises :class:`Invalid` naming ``field`` where there are more decimals."""
    exact = Decimal(repr(amount)) * 100
    if exact != exact.to_integral_value():
        raise invalid(field, Fault.TOO_MANY_DECIMALS, max=2)
    return int(exact)


def amount_of(whole: int | None) -> float | None:
    """The amount of so many hundredths."""
    return None if whole is None else whole / 100


def checked_name(name: str, field: str = "name", limit: int = sizes.PRODUCT) -> str:
    """``name`` without the spaces around it. Raises :class:`Invalid`."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= limit:
        raise invalid(field, Fault.WRONG_LENGTH, min=1, max=limit, given=len(trimmed))
    return trimmed


class Product(msgspec.Struct, frozen=True):
    """What a shop offers. ``shop_id`` and ``shop_name`` are the shop's account.

    Notes and fee are those of the decision in force, null while the product waits for one.
    """

    id: int
    name: str
    description: str
    price: float
    shop_id: int
    shop_name: str
    status: ProductStatus
    moderation_notes: str | None
    approval_fee: float | None
    created_at: str


class ModeratedProduct(Product, frozen=True):
    """A product as admins get it to decide about. ``version`` stands for what its shop wrote (:func:`version_of`)."""

    version: str

    @classmethod
    def of(cls, product: Product) -> ModeratedProduct:
        """``product`` with its version."""
        return cls(**msgspec.structs.asdict(product), version=version_of(product))


def version_of(product: Product) -> str:
    """What an admin must have seen to decide: equal for equal name, description and price, and for no others.

    A digest that its shop cannot aim at: nobody writes a second text with the version of an approved one.
    """
    written = msgspec.json.encode([product.name, product.description, product.price])
    return base64.urlsafe_b64encode(hashlib.sha256(written).digest()[:18]).decode()


class ProductVerdict(msgspec.Struct, frozen=True):
    """What is told of a decision. ``admin_id`` is null where the platform approved without asking anybody."""

    product_id: int
    product_name: str
    shop_id: int
    shop_name: str
    moderation_status: ProductStatus
    moderation_notes: str | None
    admin_id: int | None
    approval_fee: float | None


class Decision(msgspec.Struct, frozen=True):
    """One line of a product's moderation: ``pending`` when it was sent back to the queue.

    ``admin`` is null where the platform approved without asking anybody.
    """

    id: int
    status: ProductStatus
    moderation_notes: str | None
    approval_fee: float | None
    admin: Assignee | None
    created_at: str


class NewProduct(Written):
    """A product to submit."""

    name: Name
    price: Amount
    description: Description = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.name = checked_name(self.name)
        hundredths(self.price, "price")


class ProductChange(Written):
    """What is left out stays."""

    name: Name | UnsetType = UNSET
    price: Amount | UnsetType = UNSET
    description: Description | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is not UNSET:
            self.name = checked_name(self.name)
        if self.price is not UNSET:
            hundredths(self.price, "price")


class ApprovalTerms(Written):
    """Notes and fee of an admin's yes. Without ``approval_fee`` the platform's default is taken."""

    moderation_notes: Notes | None = None
    approval_fee: Amount | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.moderation_notes = self.moderation_notes or None
        if self.approval_fee is not None:
            hundredths(self.approval_fee, "approval_fee")


class Approval(ApprovalTerms):
    """An admin's yes. With ``version`` it holds only while the product is the one that the admin saw."""

    version: Version | None = None


class BulkApproval(ApprovalTerms, kw_only=True):
    """An admin's yes to many products at once; an id that is named twice counts once.

    ``versions`` has, by the product's id, the versions that the admin saw; one that is not in it is approved as it is.
    """

    product_ids: Annotated[list[ItemId], msgspec.Meta(min_length=1, max_length=sizes.BULK)]
    versions: dict[ItemId, Version] = msgspec.field(default_factory=dict)


class Rejection(Written):
    """An admin's no; the notes tell the shop why. ``version`` is as that of :class:`Approval`."""

    moderation_notes: Notes
    version: Version | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.moderation_notes = checked_name(self.moderation_notes, "moderation_notes", sizes.NOTES)


class BulkResult(msgspec.Struct, frozen=True):
    """What became of one product; ``changed`` is false for one that was approved before.

    Where ``ok`` is false, ``code`` is that of the problem and ``status`` is null.
    """

    product_id: int
    ok: bool
    changed: bool
    status: ProductStatus | None
    code: str | None = None


class BulkAnswer(msgspec.Struct, frozen=True):
    """One result for each id, in the order in which they were first named; ``approved`` counts the changed ones."""

    results: list[BulkResult]
    approved: int


class ProductQuery(Paging):
    """Products, the newest first; ``mine`` is for a shop, which sees its own of every status."""

    status: ProductStatus | None = None
    shop_id: ItemId | None = None
    mine: bool = False


class ModerationQuery(Paging):
    """Products of every shop, the newest first."""

    status: ProductStatus | None = None
    shop_id: ItemId | None = None


class PlatformSettings(Written):
    """What the admins of a platform decide. Set as a whole: what is left out takes its default.

    With ``moderation_required`` off, what a shop submits is approved at once. ``default_approval_fee`` is the fee of
    an approval that names none. ``currency`` (ISO 4217) is that of every amount, ``platform_name`` what the panel is
    called.
    """

    platform_name: Name = "ReplyX"
    currency: Currency = "RUB"
    moderation_required: bool = True
    default_approval_fee: Amount = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.platform_name = checked_name(self.platform_name, "platform_name", sizes.PLATFORM)
        hundredths(self.default_approval_fee, "default_approval_fee")

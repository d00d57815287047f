"""Products, their decisions, and what is broadcast about them."""

from __future__ import annotations

from replyx.database.fields import AutoField, BigIntegerField, IntegerField, MomentField, TextField
from replyx.database.models.table import Table


class Product(Table):
    """What a shop offers. ``price`` and ``approval_fee`` are in hundredths of the platform's currency.

    Notes and fee belong to the decision in force; a product that waits for one has neither.
    """

    id = AutoField()
    shop_id = IntegerField()
    name = TextField()
    description = TextField()
    price = BigIntegerField()
    status = TextField()
    moderation_notes = TextField(null=True)
    approval_fee = BigIntegerField(null=True)
    created_at = MomentField()

    class Meta:
        indexes = ((("status", "id"), False), (("shop_id", "id"), False), (("shop_id", "status", "id"), False))


class ModerationDecision(Table):
    """One decision about a product; ``account_id`` is null where the platform approved without asking anybody."""

    id = AutoField()
    product_id = IntegerField()
    status = TextField()
    moderation_notes = TextField(null=True)
    approval_fee = BigIntegerField(null=True)
    account_id = IntegerField(null=True)
    created_at = MomentField()

    class Meta:
        indexes = ((("product_id", "id"), False),)


class PlatformSetting(Table):
    """A platform setting that an admin has set; ``value`` is JSON."""

    name = TextField(primary_key=True)
    value = TextField()


class BroadcastKey(Table):
    """An ``Idempotency-Key`` that came with a broadcast, and the digest of its body.

    See :mod:`replyx.shop.broadcasts`.
    """

    key = TextField(primary_key=True)
    digest = TextField()
    created_at = MomentField(index=True)

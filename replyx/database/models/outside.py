"""What goes to other servers: webhooks and push messages."""

from __future__ import annotations

from replyx.database.fields import (
    AutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    JsonField,
    MomentField,
    TextField,
)
from replyx.database.models.table import Table


class Webhook(Table):
    """An address that is told of events behind ``since``; ``events`` is a JSON list of types and groups.

    Until ``old_secret_until`` the secret before the last rotation signs too. A deleted one stays until its
    deliveries are gone.
    """

    id = AutoField()
    url = TextField()
    description = TextField()
    events = JsonField()
    active = BooleanField()
    off_reason = TextField(null=True)
    secret = TextField()
    old_secret = TextField(null=True)
    old_secret_until = MomentField(null=True)
    since = BigIntegerField()
    deleted = BooleanField()
    created_at = MomentField()
    updated_at = MomentField()


class WebhookDelivery(Table):
    """One event on its way to one webhook. ``next_attempt_at`` and ``give_up_at`` are null once it is finished."""

    id = AutoField()
    webhook_id = IntegerField()
    event_id = TextField()
    event_type = TextField()
    body = TextField()
    status = TextField()
    attempts = IntegerField()
    next_attempt_at = MomentField(null=True)
    give_up_at = MomentField(null=True, index=True)
    response_status = IntegerField(null=True)
    response_body = TextField(null=True)
    error = TextField(null=True)
    created_at = MomentField()
    attempted_at = MomentField(null=True)
    finished_at = MomentField(null=True, index=True)
    failure = TextField(null=True)

    class Meta:
        indexes = (
            (("webhook_id", "event_id"), True),
            (("webhook_id", "id"), False),
            (("webhook_id", "next_attempt_at"), False),
        )


class PushDevice(Table):
    """A browser that gets push messages while its login lasts; keys are in hex."""

    id = AutoField()
    account_id = IntegerField(index=True)
    session_id = TextField(index=True)
    endpoint = TextField(unique=True)
    p256dh = TextField()
    auth = TextField()
    locale = TextField()
    created_at = MomentField()

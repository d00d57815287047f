"""Who signs in, and their sessions."""

from __future__ import annotations

from replyx.database.fields import AutoField, BooleanField, IntegerField, MomentField, TextField
from replyx.database.models.table import Table


class Account(Table):
    """Somebody who logs in; ``email`` is in the one spelling that it has, ``password_hash`` in PHC format.

    Strangers' ``refused_logins`` since the owner was told: the last was at ``refused_at``, from ``refused_from``.
    """

    id = AutoField()
    email = TextField(unique=True)
    name = TextField()
    role = TextField()
    password_hash = TextField()
    active = BooleanField()
    created_at = MomentField()
    refused_logins = IntegerField(default=0)
    refused_at = MomentField(default=0)
    refused_from = TextField(default="")


class Session(Table):
    """A login. ``refresh_id`` names the one refresh token that is still good; a row goes when its time is over."""

    id = TextField(primary_key=True)
    account_id = IntegerField(index=True)
    refresh_id = TextField()
    expires_at = MomentField(index=True)
    ended = BooleanField()
    created_at = MomentField()

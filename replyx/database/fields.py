"""The kinds of columns. In a text, such as an f-string of SQL, a field is its table's name and its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import peewee

__all__ = ["AutoField", "BigIntegerField", "BooleanField", "IntegerField", "JsonField", "MomentField", "TextField"]

if TYPE_CHECKING:  # peewee's own types know which fields may be null; subclasses of theirs would not
    from peewee import AutoField, BigIntegerField, BooleanField, IntegerField, TextField

    JsonField = TextField
    MomentField = BigIntegerField
else:

    class _Written:
        def __str__(self):
            return f"{self.model}.{self.name}"

    class AutoField(_Written, peewee.AutoField):
        """A number that the database gives."""

    class BigIntegerField(_Written, peewee.BigIntegerField):
        """A whole number of 64 bits."""

    class BooleanField(_Written, peewee.BooleanField):
        """A flag; SQLite has 0 and 1 for it."""

    class IntegerField(_Written, peewee.IntegerField):
        """A whole number."""

    class TextField(_Written, peewee.TextField):
        """Text of any length."""

    class MomentField(BigIntegerField):
        """Milliseconds since the epoch, for clients a time as RFC 3339 writes it."""

    class JsonField(TextField):
        """A value as JSON."""

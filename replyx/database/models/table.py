"""What every table is: a model of the database that the store binds."""

from __future__ import annotations

from peewee import DatabaseProxy, Model, ModelBase

database = DatabaseProxy()


class Named(ModelBase):
    """The class of models, each of which stands in SQL as its table's name."""

    def __str__(cls) -> str:
        return str(cls._meta.table_name)  # type: ignore[attr-defined]  # not in peewee's stubs


class Table(Model, metaclass=Named):
    """What all tables share: the database that the store binds."""

    class Meta:
        database = database
        legacy_table_names = False

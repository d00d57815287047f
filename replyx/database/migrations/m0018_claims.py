"""Version 18: which operator has assigned a dialog, and who changed its status last."""

from __future__ import annotations

from peewee import Database


def claims(database: Database) -> None:
    """Of what was done before nobody is known, so nobody is told of it."""
    database.execute_sql("ALTER TABLE dialog ADD COLUMN assigned_by INTEGER")
    database.execute_sql("ALTER TABLE dialog ADD COLUMN changed_by INTEGER")
    database.execute_sql("ALTER TABLE dialog ADD COLUMN changed_at BIGINT")

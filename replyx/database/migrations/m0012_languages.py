"""Version 12: a visitor's language, and greetings and titles by language."""

from __future__ import annotations

from peewee import Database


def languages(database: Database) -> None:
    """Nobody has named a language so far, and what there is stands for all of them."""
    database.execute_sql("ALTER TABLE visitor ADD COLUMN locale TEXT")
    database.execute_sql("ALTER TABLE assistant ADD COLUMN greetings TEXT NOT NULL DEFAULT '{}'")
    database.execute_sql("ALTER TABLE widget ADD COLUMN titles TEXT NOT NULL DEFAULT '{}'")

"""Version 11: why a delivery of a webhook failed, as a code with parameters beside the sentence."""

from __future__ import annotations

from peewee import Database


def delivery_failures(database: Database) -> None:
    """What failed before keeps its sentence alone."""
    database.execute_sql("ALTER TABLE webhook_delivery ADD COLUMN failure TEXT")

"""Version 21: a dialog in which nobody has said anything is not in the inbox."""

from __future__ import annotations

from peewee import Database


def empty_dialogs(database: Database) -> None:
    """Take those out that no operator has touched; the first message brings one back. The demo's own stays."""
    database.execute_sql(
        "UPDATE dialog SET activity = 0 WHERE kind = 'dialog' AND last_message_id IS NULL AND status = 'open'"
        " AND handler = 'assistant' AND assignee_id IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM installation WHERE key = 'demo')"
    )

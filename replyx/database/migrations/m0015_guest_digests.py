"""Version 15: of a visitor's guest id, which is a credential, the database keeps a digest."""

from __future__ import annotations

from typing import Any

from peewee import Database

from replyx.database.dialect import dialect_of
from replyx.guest_ids import digest

AT_ONCE = 10_000


def guest_digests(database: Database) -> None:
    """Replace the ids of all visitors; their clients go on as before."""
    dialect = dialect_of(database)
    database.execute_sql("DROP INDEX visitor_assistant_id_guest_id")
    database.execute_sql("ALTER TABLE visitor RENAME COLUMN guest_id TO guest_digest")
    page = dialect.own("SELECT id, guest_digest FROM visitor WHERE id > ? ORDER BY id LIMIT ?")
    update = dialect.own("UPDATE visitor SET guest_digest = ? WHERE id = ?")
    last = 0
    while found := database.execute_sql(page, (last, AT_ONCE)).fetchall():
        digests: list[Any] = [(digest(guest_id), visitor_id) for visitor_id, guest_id in found]
        database.cursor().executemany(update, digests)
        last = found[-1][0]
    database.execute_sql(
        "CREATE UNIQUE INDEX visitor_assistant_id_guest_digest ON visitor (assistant_id, guest_digest)"
    )

"""Version 3: the tickets that each Socket.IO connection has joined, so that a client finds them after a restart."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE socket_room (
    pid TEXT NOT NULL,
    dialog_id INTEGER NOT NULL REFERENCES dialog (id),
    number INTEGER NOT NULL,
    position BIGINT NOT NULL,
    floor BIGINT NOT NULL,
    after BIGINT,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (pid, dialog_id)
);
CREATE INDEX socket_room_joined_at ON socket_room (joined_at)
"""


def socket_rooms(database: Database) -> None:
    """Make the table."""
    run(database, STATEMENTS)

"""Version 22: bans of visitors and addresses, and where a dialog's visitor wrote from last."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run


def bans(database: Database) -> None:
    """Nobody is banned, and nobody's address is known before the next message."""
    run(
        database,
        """
        ALTER TABLE dialog ADD COLUMN address TEXT;
        CREATE TABLE ban (
            id {auto},
            target TEXT NOT NULL,
            dialog_id BIGINT NOT NULL,
            visitor_id BIGINT,
            address TEXT,
            reason TEXT NOT NULL,
            created_by TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT
        );
        CREATE INDEX ban_visitor_id ON ban (visitor_id);
        CREATE INDEX ban_address ON ban (address);
        CREATE INDEX ban_expires_at ON ban (expires_at);
        CREATE INDEX ban_target_dialog_id ON ban (target, dialog_id)
        """,
    )

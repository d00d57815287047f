"""Version 2: tickets, the history of their changes, and what a ticket's messages say beyond a dialog's."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE ticket (
    dialog_id INTEGER NOT NULL PRIMARY KEY REFERENCES dialog (id),
    ticket_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    description TEXT NOT NULL,
    priority TEXT NOT NULL,
    status TEXT NOT NULL,
    user_id TEXT,
    first_response_at BIGINT,
    resolved_at BIGINT,
    running_since BIGINT,
    used_ms BIGINT NOT NULL,
    response_due_at BIGINT,
    resolution_due_at BIGINT,
    response_mark TEXT,
    resolution_mark TEXT,
    look_at BIGINT
);
CREATE UNIQUE INDEX ticket_ticket_id ON ticket (ticket_id);
CREATE INDEX ticket_status_dialog_id ON ticket (status, dialog_id);
CREATE INDEX ticket_priority_dialog_id ON ticket (priority, dialog_id);
CREATE INDEX ticket_look_at ON ticket (look_at);
CREATE TABLE ticket_change (
    id {auto},
    dialog_id INTEGER NOT NULL REFERENCES ticket (dialog_id),
    field TEXT NOT NULL,
    before TEXT,
    after TEXT,
    actor TEXT NOT NULL,
    account_id INTEGER REFERENCES account (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX ticket_change_dialog_id_id ON ticket_change (dialog_id, id);
CREATE INDEX dialog_assignee_id_id ON dialog (assignee_id, id);
ALTER TABLE message ADD COLUMN sender_ref TEXT;
ALTER TABLE message ADD COLUMN message_type TEXT NOT NULL DEFAULT 'TEXT'
"""


def tickets(database: Database) -> None:
    """Make the tables of tickets; messages that exist keep their meaning."""
    run(database, STATEMENTS)

"""Version 1: log, accounts, assistants, widgets, visitors, dialogs, messages."""

from __future__ import annotations

import secrets

from peewee import Database

from replyx.database.migrations.statements import run

TABLES = """
CREATE TABLE installation (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counter (id INTEGER NOT NULL PRIMARY KEY, top BIGINT NOT NULL);
CREATE TABLE event (
    id BIGINT NOT NULL PRIMARY KEY,
    topics TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX event_created_at ON event (created_at);
CREATE TABLE event_topic (topic TEXT NOT NULL, event_id BIGINT NOT NULL, PRIMARY KEY (topic, event_id)) {clustered};
CREATE TABLE account (
    id {auto},
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    active {boolean} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_email ON account (email);
CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    refresh_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended {boolean} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX session_account_id ON session (account_id);
CREATE TABLE assistant (
    id {auto},
    name TEXT NOT NULL,
    greeting TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE widget (
    id {auto},
    assistant_id INTEGER NOT NULL REFERENCES assistant (id),
    name TEXT NOT NULL,
    domains TEXT NOT NULL,
    theme TEXT NOT NULL,
    type TEXT NOT NULL,
    position TEXT NOT NULL,
    locale TEXT,
    deleted {boolean} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX widget_assistant_id ON widget (assistant_id);
CREATE TABLE visitor (
    id {auto},
    assistant_id INTEGER NOT NULL REFERENCES assistant (id),
    guest_id TEXT NOT NULL,
    name TEXT,
    page TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX visitor_assistant_id_guest_id ON visitor (assistant_id, guest_id);
CREATE TABLE dialog (
    id {auto},
    kind TEXT NOT NULL,
    assistant_id INTEGER REFERENCES assistant (id),
    widget_id INTEGER REFERENCES widget (id),
    visitor_id INTEGER REFERENCES visitor (id),
    status TEXT NOT NULL,
    handler TEXT NOT NULL,
    assignee_id INTEGER REFERENCES account (id),
    last_message_id BIGINT,
    activity BIGINT NOT NULL,
    unread INTEGER NOT NULL,
    user_read BIGINT NOT NULL,
    manager_read BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX dialog_visitor_id ON dialog (visitor_id);
CREATE INDEX dialog_activity ON dialog (activity);
CREATE INDEX dialog_status_activity ON dialog (status, activity);
CREATE TABLE message (
    id {auto},
    dialog_id INTEGER NOT NULL REFERENCES dialog (id),
    sender TEXT NOT NULL,
    author_id INTEGER REFERENCES account (id),
    author TEXT,
    text TEXT NOT NULL,
    client_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX message_dialog_id_id ON message (dialog_id, id);
CREATE UNIQUE INDEX message_dialog_id_client_id ON message (dialog_id, client_id)
"""


def initial(database: Database) -> None:
    """Make every table, the counter row at 0, and draw the epoch of this database."""
    run(database, TABLES)
    database.execute_sql("INSERT INTO counter (id, top) VALUES (1, 0)")
    epoch = secrets.token_hex(4)
    database.execute_sql(f"INSERT INTO installation (key, value) VALUES ('epoch', '{epoch}')")

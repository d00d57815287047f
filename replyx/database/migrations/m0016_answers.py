"""Version 16: assistants that answer by themselves, questions that wait, and those that nothing was quoted for."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
ALTER TABLE assistant ADD COLUMN mode TEXT NOT NULL DEFAULT 'bot';
ALTER TABLE assistant ADD COLUMN quote_percent INTEGER NOT NULL DEFAULT 60;
ALTER TABLE message ADD COLUMN sources TEXT;
ALTER TABLE message ADD COLUMN suggestions TEXT;
ALTER TABLE passage_question ADD COLUMN folded TEXT NOT NULL DEFAULT '';
CREATE INDEX passage_question_assistant_id_folded ON passage_question (assistant_id, folded);
CREATE TABLE question (
    dialog_id INTEGER NOT NULL PRIMARY KEY REFERENCES dialog (id),
    assistant_id INTEGER NOT NULL REFERENCES assistant (id),
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    answer_id TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX question_due_at ON question (due_at);
CREATE TABLE gap (
    id {auto},
    assistant_id INTEGER NOT NULL REFERENCES assistant (id),
    dialog_id INTEGER NOT NULL REFERENCES dialog (id),
    message_id BIGINT NOT NULL,
    text TEXT NOT NULL,
    likeness TEXT NOT NULL,
    outcome TEXT NOT NULL,
    closed {boolean} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX gap_assistant_id_closed_id ON gap (assistant_id, closed, id);
CREATE INDEX gap_assistant_id_likeness ON gap (assistant_id, likeness)
"""


def answers(database: Database) -> None:
    """Make the tables; every assistant that there is goes on as it was."""
    run(database, STATEMENTS)

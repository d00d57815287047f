"""Version 23: what assistants know and answer: sources, passages, the index of their words, questions, gaps."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE source (
    id {auto},
    assistant_id INTEGER NOT NULL REFERENCES assistant (id),
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT,
    text TEXT NOT NULL,
    language TEXT,
    refetch_hours INTEGER,
    state TEXT NOT NULL,
    failure TEXT NOT NULL,
    version INTEGER NOT NULL,
    passages INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    checked_at BIGINT,
    changed_at BIGINT,
    next_at BIGINT,
    deleted {boolean} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX source_assistant_id_id ON source (assistant_id, id);
CREATE INDEX source_next_at ON source (next_at);
CREATE TABLE source_document (
    id {auto},
    source_id INTEGER NOT NULL REFERENCES source (id),
    url TEXT NOT NULL,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    digest TEXT NOT NULL
);
CREATE UNIQUE INDEX source_document_source_id_url ON source_document (source_id, url);
CREATE TABLE source_file (
    source_id INTEGER NOT NULL REFERENCES source (id),
    number INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (source_id, number)
);
CREATE TABLE passage (
    id {auto},
    source_id INTEGER NOT NULL REFERENCES source (id),
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    url TEXT NOT NULL,
    place TEXT NOT NULL,
    language TEXT NOT NULL,
    dated TEXT
);
CREATE UNIQUE INDEX passage_source_id_version_url_number ON passage (source_id, version, url, number);
CREATE TABLE passage_word (
    assistant_id INTEGER NOT NULL,
    word TEXT NOT NULL,
    passage_id INTEGER NOT NULL REFERENCES passage (id),
    question_id INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (assistant_id, word, passage_id, question_id)
) {clustered};
CREATE INDEX passage_word_passage_id ON passage_word (passage_id);
CREATE TABLE word_part (
    assistant_id INTEGER NOT NULL,
    part TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (assistant_id, part, word)
) {clustered};
CREATE TABLE passage_question (
    id {auto},
    assistant_id INTEGER NOT NULL,
    source_id INTEGER NOT NULL REFERENCES source (id),
    passage_id INTEGER NOT NULL REFERENCES passage (id),
    text TEXT NOT NULL,
    url TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    folded TEXT NOT NULL
);
CREATE INDEX passage_question_passage_id ON passage_question (passage_id);
CREATE INDEX passage_question_source_id ON passage_question (source_id);
ALTER TABLE assistant ADD COLUMN mode TEXT NOT NULL DEFAULT 'bot';
ALTER TABLE assistant ADD COLUMN quote_percent INTEGER NOT NULL DEFAULT 60;
ALTER TABLE message ADD COLUMN sources TEXT;
ALTER TABLE message ADD COLUMN suggestions TEXT;
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


def knowledge(database: Database) -> None:
    """Make the tables; every assistant that there is goes on as it was."""
    run(database, STATEMENTS)

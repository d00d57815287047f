"""Version 13: what assistants know: sources, documents, passages, and the index of their words."""

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
    created_at BIGINT NOT NULL
);
CREATE INDEX passage_question_passage_id ON passage_question (passage_id);
CREATE INDEX passage_question_source_id ON passage_question (source_id)
"""


def knowledge(database: Database) -> None:
    """Make the tables."""
    run(database, STATEMENTS)

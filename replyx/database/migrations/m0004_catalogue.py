"""Version 4: the shops' products, the history of their moderation, and the settings of the platform."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE product (
    id {auto},
    shop_id INTEGER NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    price BIGINT NOT NULL,
    status TEXT NOT NULL,
    moderation_notes TEXT,
    approval_fee BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX product_status_id ON product (status, id);
CREATE INDEX product_shop_id_id ON product (shop_id, id);
CREATE INDEX product_shop_id_status_id ON product (shop_id, status, id);
CREATE TABLE moderation_decision (
    id {auto},
    product_id INTEGER NOT NULL REFERENCES product (id),
    status TEXT NOT NULL,
    moderation_notes TEXT,
    approval_fee BIGINT,
    account_id INTEGER REFERENCES account (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX moderation_decision_product_id_id ON moderation_decision (product_id, id);
CREATE TABLE platform_setting (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)
"""


def catalogue(database: Database) -> None:
    """Make the tables; without rows the platform's settings are their defaults."""
    run(database, STATEMENTS)

"""Version 20: the e-mail addresses of accounts in the one spelling that each has."""

from __future__ import annotations

import logging

from peewee import Database

from replyx.database.dialect import dialect_of
from replyx.email_addresses import canonical

log = logging.getLogger("replyx.migrations")


def emails(database: Database) -> None:
    """Respell them. Where two are the same then, the one that is respelled already or older keeps the spelling.

    The other stays as it is, and its owner logs in by the address as it was typed; the log names both accounts.
    """
    dialect = dialect_of(database)
    found = database.execute_sql("SELECT id, email FROM account ORDER BY id").fetchall()
    held = {email: account_id for account_id, email in found}
    respell = dialect.own("UPDATE account SET email = ? WHERE id = ?")
    for account_id, email in found:
        spelled = canonical(email)
        if spelled is None or spelled == email:
            continue
        if spelled in held:
            log.warning(
                "accounts %d and %d have the same e-mail address in two spellings: the second one is logged in to by"
                " the spelling it was made with; disable one of them",
                *(held[spelled], account_id),
            )
            continue
        held[spelled] = account_id
        database.execute_sql(respell, (spelled, account_id))

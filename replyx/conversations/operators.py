"""Operators: whom a dialog can be given to."""

from __future__ import annotations

from replyx.database import models
from replyx.database.rows import Rows, value
from replyx.errors import AccountNotFound

_OPERATOR_NAME = value(models.Account.name).where(
    f"{models.Account.id} = ? AND {models.Account.active} AND {models.Account.role} IN ('admin', 'manager')"
)


def operator_named(rows: Rows, account_id: int | None) -> str | None:
    """The name of an active operator, None where there is none."""
    return None if account_id is None else _OPERATOR_NAME.one(rows, account_id)


def operator_name(rows: Rows, account_id: int) -> str:
    """The name of an active operator. Raises :class:`AccountNotFound` for anyone else."""
    name = operator_named(rows, account_id)
    if name is None:
        raise AccountNotFound(f"There is no operator {account_id}.")
    return name

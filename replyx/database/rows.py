"""SQL that the models make when a module is imported, and rows that become typed records by the names of their fields.

There are four statements: a :class:`Select` whose rows become records, an :class:`Insert` and an :class:`Update` that
take values by the names of columns, a :class:`Delete`. Conditions are SQL in which every name comes from a model, as in
``f"{Lease.name} = ?"``. A column that no model has fails at the import.

The texts are constants and the cursors the connection's own: peewee builds nothing while the server runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, Generic, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from peewee import BooleanField, Field, IntegerField, TextField

from replyx.database.fields import JsonField, MomentField
from replyx.database.models import Table
from replyx.schemas.dialogs import timestamp

T = TypeVar("T")
INSERTING = """
def add(rows, *, {given}):
    rows.execute(sql, ({values},))
def numbered(rows, *, {given}):
    row = rows.execute(sql_numbered, ({values},)).fetchone()
    return None if row is None else row[0]
"""  # a function of its own for each table: passing ten names on to another one costs 1 µs
FAMILIES: dict[type[Field[Any]], type] = {TextField: str, BooleanField: bool, IntegerField: int}
DEFAULT = object()  # a field that no column fills; such fields come last
Source = Any  # a column, SQL of a value, a Part, a Made, or DEFAULT


class Rows(Protocol):
    """What reading and writing need of a transaction: SQL with ``?`` in, rows out."""

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """Run one statement and return a cursor over its rows."""
        ...

    def stream(self, sql: str, params: Sequence[object] = ()) -> Iterable[Any]:
        """As ``execute``; the rows come from the database as they are asked for, few at a time."""
        ...

    def executemany(self, sql: str, params: Sequence[Sequence[object]]) -> Any:
        """Run one statement for each of several rows."""
        ...


class Made:
    """A field that ``make`` makes of columns; it gets None for one that is null."""

    def __init__(self, make: Callable[..., object], *columns: Field[Any]) -> None:
        self.make = make
        self.columns = columns


class Part(Generic[T]):
    """A record inside a record; its fields come from ``table``'s columns of the same names, or from ``sources``."""

    def __init__(self, shape: type[T], table: type[Table] | None = None, /, **sources: Source) -> None:
        self.shape = shape
        self.table = table
        self.sources = sources
        self.absent: tuple[object, ...] = ()

    def or_else(self, absent: object) -> Part[T]:
        """This part, or ``absent`` where its first column is null: an outer join has found nothing."""
        part = Part(self.shape, self.table, **self.sources)
        part.absent = (absent,)
        return part


class Select(Generic[T]):
    """A query whose rows become ``T``."""

    __slots__ = ("_read", "sql")

    def __init__(self, sql: str, read: Callable[[Sequence[Any]], T]) -> None:
        self.sql = sql
        self._read = read

    def where(self, condition: str, rest: str = "") -> Select[T]:
        """Only the rows of which ``condition`` is true; ``rest`` is the order, the limit and the like."""
        return Select(f"{self.sql} WHERE {condition} {rest}".rstrip(), self._read)

    def one(self, rows: Rows, *params: object) -> T | None:
        """The first row, or None."""
        row = rows.execute(self.sql, params).fetchone()
        return None if row is None else self._read(row)

    def only(self, rows: Rows, *params: object) -> T:
        """The row that must be there."""
        return self._read(rows.execute(self.sql, params).fetchone())

    def each(self, rows: Rows, *params: object) -> Iterator[T]:
        """As :meth:`all`, each row read when it is asked for: for whoever may stop before the last."""
        return map(self._read, rows.stream(self.sql, params))

    def all(self, rows: Rows, *params: object) -> list[T]:
        """Every row, in the order of the query."""
        return list(map(self._read, rows.execute(self.sql, params).fetchall()))


def select(shape: type[T], table: type[Table], joins: str = "", /, **sources: Source) -> Select[T]:
    """The query that reads ``shape``, a msgspec struct or a dataclass, from ``table`` and what is joined to it.

    A field is ``table``'s column of its name, or what ``sources`` name: another column, SQL, a :class:`Part`, a
    :class:`Made`, :data:`DEFAULT`. A time becomes text where the field is text, JSON becomes what the field holds, and
    a flag is a bool on every database. Raises :class:`TypeError` where a column cannot be what the field says.
    """
    reader = _Reader()
    read = reader.function(Part(shape, table, **sources))
    return Select(f"SELECT {', '.join(reader.columns)} FROM {table} {joins}".rstrip(), read)


def value(column: Field[T], joins: str = "") -> Select[T]:
    """The query that reads a single column of its table, to which others may be joined."""
    flag = isinstance(column, BooleanField)
    return Select(f"SELECT {column} FROM {column.model} {joins}".rstrip(), _first_as_bool if flag else _first)


def computed(kind: type[T], sql: str, table: type[Table]) -> Select[T]:
    """The query that reads one value of the given kind: a count, the lowest id of a table."""
    return stated(kind, f"SELECT {sql} FROM {table}")


def stated(kind: type[T], sql: str) -> Select[T]:
    """A whole query for one column, written elsewhere."""
    return Select(sql, _first)


def exists(table: type[Table], condition: str = "") -> Callable[..., bool]:
    """A question of a transaction and the condition's values: is there such a row?"""
    sql = f"SELECT 1 FROM {table} {f'WHERE {condition} ' if condition else ''}LIMIT 1"

    def ask(rows: Rows, *params: object) -> bool:
        return rows.execute(sql, params).fetchone() is not None

    return ask


class Insert:
    """Adds a row: ``add(rows, column=value, …)``. A name that is no column, or one that is missing, is ``TypeError``.

    What may be left out: the id that the database gives, what may be null, what has a default. ``numbered`` returns
    the row's id as well; ``numbered_if_new`` None where :func:`unless_taken` kept the row out. ``conflict`` says what
    becomes of a row that is there: :func:`unless_taken`, :func:`replacing`, or SQL of its own.
    """

    add: Callable[..., None]
    numbered: Callable[..., int]
    numbered_if_new: Callable[..., int | None]

    def __init__(self, table: type[Table], conflict: str = "") -> None:
        columns = [column for column in _columns(table) if not column.auto_increment]
        names_alone = [column.name for column in columns]
        marks = ", ".join("?" * len(columns))
        self.sql = f"INSERT INTO {table} ({names(*columns)}) VALUES ({marks}) {conflict}".rstrip()
        self._pick: Callable[[Mapping[str, object]], tuple[object, ...]] = itemgetter(*names_alone)
        made: dict[str, Any] = {f"d_{column.name}": column.default for column in columns}
        made |= {"sql": self.sql, "sql_numbered": f"{self.sql} RETURNING id"}
        given = ", ".join(f"{each.name}=d_{each.name}" if _may_lack(each) else each.name for each in columns)
        text = INSERTING.format(given=given, values=", ".join(names_alone))
        exec(text, made)  # noqa: S102 - names of columns alone
        self.add, self.numbered, self.numbered_if_new = made["add"], made["numbered"], made["numbered"]

    def many(self, rows: Rows, values: Iterable[Mapping[str, object]]) -> None:
        """As ``add``, for each of several rows, which leave nothing out."""
        rows.executemany(self.sql, list(map(self._pick, values)))


def unless_taken(*unique: Field[Any]) -> str:
    """For :class:`Insert`: a row with the same values of a unique index stays, and nothing is added."""
    return f"ON CONFLICT ({names(*unique)}) DO NOTHING"


def replacing(unique: Field[Any], *columns: Field[Any]) -> str:
    """For :class:`Insert`: a row with the same value of ``unique`` gets the new values of ``columns``."""
    assignments = ", ".join(f"{each.name} = excluded.{each.name}" for each in columns)
    return f"ON CONFLICT ({unique.name}) DO UPDATE SET {assignments}"


class Update:
    """Changes the rows of which ``condition`` is true: ``change(rows, values of the condition, column=value, …)``.

    ``always`` is SQL of further assignments. Each set of columns has its text, which is made when it is first used.
    """

    def __init__(self, table: type[Table], condition: str, always: str = "") -> None:
        self._table = table
        self._condition = condition
        self._always = always
        self._texts: dict[tuple[str, ...], str] = {}

    def change(self, rows: Rows, *params: object, **columns: object) -> int:
        """Set ``columns``; returns how many rows there were. A name that is no column is :class:`TypeError`."""
        named = tuple(columns)
        sql = self._texts.get(named) or self._text(named)
        return int(rows.execute(sql, (*columns.values(), *params)).rowcount)

    def _text(self, named: tuple[str, ...]) -> str:
        unknown = set(named) - {column.name for column in _columns(self._table)}
        if unknown:
            raise TypeError(f"{self._table} has no columns {sorted(unknown)}")
        assignments = ", ".join(filter(None, (*(f"{name} = ?" for name in named), self._always)))
        self._texts[named] = f"UPDATE {self._table} SET {assignments} WHERE {self._condition}"
        return self._texts[named]


class Delete:
    """Takes away the rows of which ``condition`` is true."""

    def __init__(self, table: type[Table], condition: str) -> None:
        self._sql = f"DELETE FROM {table} WHERE {condition}"

    def drop(self, rows: Rows, *params: object) -> int:
        """Delete, with the values of the condition; returns how many rows there were."""
        return int(rows.execute(self._sql, params).rowcount)


def given_in(change: msgspec.Struct) -> dict[str, Any]:
    """The fields that a change gives, for :meth:`Update.change`; those that are UNSET are left as they are."""
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}


def names(*columns: Field[Any]) -> str:
    """The bare names of columns, as an index or the list of an ``INSERT`` wants them."""
    return ", ".join(column.name for column in columns)


class _Reader:
    """Writes the function that makes a record of a row: one call with every value in its place.

    Written as text and compiled once, as dataclasses and named tuples are: it is as fast as what is written by hand.
    """

    def __init__(self) -> None:
        self.columns: list[str] = []
        self._known: dict[str, object] = {}

    def function(self, part: Part[T]) -> Callable[[Sequence[Any]], T]:
        expression = self._record(part)
        variables = "".join(f"c{number}, " for number in range(len(self.columns)))
        exec(f"def read(row):\n    {variables} = row\n    return {expression}", self._known)  # noqa: S102 - our names alone
        read: Any = self._known["read"]
        return read  # type: ignore[no-any-return]

    def _record(self, part: Part[Any]) -> str:
        first = len(self.columns)
        hints = get_type_hints(part.shape)
        if unknown := part.sources.keys() - hints.keys():
            raise TypeError(f"{part.shape.__name__} has no fields {sorted(unknown)}")
        arguments = [
            self._field(part, name, hint) for name, hint in hints.items() if part.sources.get(name) is not DEFAULT
        ]
        made = f"{self._name(part.shape)}({', '.join(arguments)})"
        return f"({made} if c{first} is not None else {self._name(part.absent[0])})" if part.absent else made

    def _field(self, part: Part[Any], name: str, hint: Any) -> str:
        source = part.sources.get(name) or getattr(part.table, name, None)
        if isinstance(source, Part):
            return self._record(source)
        if isinstance(source, Made):
            return f"{self._name(source.make)}({', '.join(map(self._column, source.columns))})"
        if isinstance(source, str):
            return self._column(source)
        if not isinstance(source, Field):
            raise TypeError(f"{part.shape.__name__}.{name} has no column")
        kinds = set(_kinds(hint))
        if not _fits(source, kinds):
            raise TypeError(f"{part.shape.__name__}.{name} cannot be {source}")
        return self._converted(source, self._column(source), hint, kinds)

    def _converted(self, column: Field[Any], variable: str, hint: Any, kinds: set[type]) -> str:
        if isinstance(column, JsonField):
            return f"{self._name(msgspec.json.Decoder(hint).decode)}({variable})"
        if isinstance(column, BooleanField):
            return f"bool({variable})"
        if isinstance(column, MomentField) and str in kinds:
            text = f"{self._name(timestamp)}({variable})"
            return f"(None if {variable} is None else {text})" if NoneType in kinds else text
        return variable

    def _column(self, sql: object) -> str:
        self.columns.append(str(sql))
        return f"c{len(self.columns) - 1}"

    def _name(self, known: object) -> str:
        name = f"k{len(self._known)}"
        self._known[name] = known
        return name


def _columns(table: type[Table]) -> Sequence[Field[Any]]:
    fields: Sequence[Field[Any]] = table._meta.sorted_fields
    return fields


def _may_lack(column: Field[Any]) -> bool:
    return column.null or column.default is not None


def _kinds(hint: Any) -> Iterator[type]:
    """The classes whose values an annotation takes."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        for each in get_args(hint):
            yield from _kinds(each)
    elif origin is Literal:
        yield from map(type, get_args(hint))
    else:
        yield origin or hint


def _fits(column: Field[Any], kinds: set[type]) -> bool:
    """Whether what the column holds may stand in a field of these kinds."""
    if column.null and NoneType not in kinds:
        return False
    if isinstance(column, JsonField):
        return str not in kinds
    if isinstance(column, MomentField):
        return bool(kinds & {int, str})
    return next(kind for family, kind in FAMILIES.items() if isinstance(column, family)) in kinds


def _first(row: Sequence[Any]) -> Any:
    return row[0]


def _first_as_bool(row: Sequence[Any]) -> Any:
    return bool(row[0])

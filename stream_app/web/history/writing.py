"""Rows into tables, many at a time, in both databases the same.

A statement with many rows is one message to PostgreSQL, which gets them as one JSON document: row by row, its driver waits for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Table, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

_NAMES_AT_ONCE: Final = 500


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows; one with the key of another takes its place."""
    _write(connection, table, rows, replace=True)


def put_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows; one with the key of another is left out."""
    _write(connection, table, rows, replace=False)


def add(connection: Connection, table: Table, deltas: Mapping[tuple[Any, ...], int]) -> None:
    """Add to the column `count` of the rows with these keys."""
    keys = [column.name for column in table.primary_key]
    rows = [{**dict(zip(keys, key, strict=True)), "count": delta} for key, delta in deltas.items() if delta]
    if rows:
        statement = _insert(connection, table, rows)
        count = table.c["count"]
        statement = statement.on_conflict_do_update(index_elements=keys, set_={"count": count + statement.excluded["count"]})
        _execute(connection, statement, rows)


def delete_named(connection: Connection, table: Table, names: Iterable[tuple[str, str]]) -> None:
    """Delete all rows of these customers."""
    customers: dict[str, list[str]] = {}
    for shop, customer in names:
        customers.setdefault(shop, []).append(customer)
    for shop, ids in customers.items():
        for start in range(0, len(ids), _NAMES_AT_ONCE):
            connection.execute(table.delete().where(table.c.shop == shop, table.c.customer.in_(ids[start : start + _NAMES_AT_ONCE])))


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool) -> None:
    if not rows:
        return
    statement = _insert(connection, table, rows)
    if replace:
        keys = [column.name for column in table.primary_key]
        others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = statement.on_conflict_do_nothing()
    _execute(connection, statement, rows)


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Any:
    """An insert of rows that all have the columns of the first."""
    if connection.dialect.name != "postgresql":
        return insert_sqlite(table)
    columns: list[Column[Any]] = [table.c[name] for name in rows[0]]
    document = cast(bindparam("rows", type_=Text), JSON)
    given = func.json_to_recordset(document).table_valued(*(column(one.name, one.type) for one in columns))
    told = given.render_derived(name="given", with_types=True)
    return insert_postgresql(table).from_select([one.name for one in columns], select(*(told.c[one.name] for one in columns)))


def _execute(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(statement, {"rows": msgspec.json.encode(rows).decode()})
    else:
        connection.execute(statement, rows)

"""Rows into tables, many at a time, in both databases the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite


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
        statement = _insert(connection, table)
        count = table.c["count"]
        statement = statement.on_conflict_do_update(index_elements=keys, set_={"count": count + statement.excluded["count"]})
        connection.execute(statement, rows)


def delete_named(connection: Connection, table: Table, names: Iterable[tuple[str, str]]) -> None:
    """Delete all rows of these customers."""
    for shop, customer in names:
        connection.execute(table.delete().where(table.c.shop == shop, table.c.customer == customer))


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool) -> None:
    if not rows:
        return
    statement = _insert(connection, table)
    if replace:
        keys = [column.name for column in table.primary_key]
        others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement, rows)


def _insert(connection: Connection, table: Table) -> Any:
    make: Any = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    return make(table)

"""Questions about customers: who is there, and what is known of one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.web.history.records import as_json, time_of
from stream_app.web.history.tables import counts, customers, notices, profiles, receipts

LOOKED_AT_MAX: Final = 10_000
"""So many customers are looked at for one page at most; what asks for more goes on with the next page."""

Statuses = Mapping[str, Sequence[str | None]]
"""Dimension -> values, one of which must hold; None is "has none"."""


def find_customers(
    connection: Connection, shop: str, *, statuses: Statuses, prefix: str = "", part: str = "", after: str | None = None, limit: int
) -> tuple[list[Row[Any]], str | None]:
    """A page of customers by id, and after which id the next one begins.

    Rows are looked at in the order of an index that one condition has, the rarest; however rare the others are together, the work for a
    page is bounded, and a page may be shorter than `limit` with more to come.
    """
    c = customers.c
    first = _rarest(connection, shop, statuses)
    bounds = [c.shop == shop]
    if after is not None:
        bounds.append(c.customer > after)
    if prefix:
        bounds += [c.customer >= prefix]
        above = _above(prefix)
        if above is not None:
            bounds.append(c.customer < above)
    looked = None
    if first is not None and len(statuses[first]) == 1:
        value = statuses[first][0]
        looked = c[first].is_(None) if value is None else c[first] == value
    narrow = select(*(column for column in c)).where(*bounds, *([] if looked is None else [looked])).order_by(c.customer)
    if looked is not None:
        # SQLite knows how many customers a value has on average, not how many this one has: left alone, it may look through them all.
        narrow = narrow.with_hint(customers, f"INDEXED BY customers_by_{first}", "sqlite")
    conditions = [_holds(c[name], wanted) for name, wanted in statuses.items()]
    if part:
        conditions.append(_contains(connection, c.customer, part))
    if not conditions or (looked is not None and len(conditions) == 1):
        rows = list(connection.execute(narrow.limit(limit + 1)))
        return rows[:limit], rows[limit - 1].customer if len(rows) > limit else None
    return _sifted(connection, narrow, conditions, limit)


def _sifted(
    connection: Connection, narrow: Any, conditions: Sequence[ColumnElement[bool]], limit: int
) -> tuple[list[Row[Any]], str | None]:
    window = narrow.limit(LOOKED_AT_MAX).subquery()
    moved = [condition.self_group() for condition in conditions]
    kept = select(window).where(*(_onto(condition, window) for condition in moved)).order_by(window.c.customer).limit(limit + 1)
    rows = list(connection.execute(kept))
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1].customer
    number, last = connection.execute(select(func.count(), func.max(window.c.customer))).one()
    return rows, last if number == LOOKED_AT_MAX else None


def _onto(condition: ColumnElement[bool], window: Any) -> ColumnElement[bool]:
    """The same condition on the rows that are looked at."""
    from sqlalchemy.sql.util import ClauseAdapter

    adapted: ColumnElement[bool] = ClauseAdapter(window).traverse(condition)
    return adapted


def _holds(column: ColumnElement[Any], wanted: Sequence[str | None]) -> ColumnElement[bool]:
    values = [value for value in wanted if value is not None]
    some = column.in_(values)
    return some if None not in wanted else or_(some, column.is_(None)) if values else column.is_(None)


def _contains(connection: Connection, column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether an id has a part, letter by letter."""
    if connection.dialect.name == "postgresql":
        return func.strpos(column, part) > 0
    return func.instr(column, part) > 0


def _rarest(connection: Connection, shop: str, statuses: Statuses) -> str | None:
    """The condition that fewest customers meet, of those with one value."""
    best: tuple[int, str] | None = None
    for name, wanted in statuses.items():
        if len(wanted) != 1:
            continue
        if wanted[0] is None:
            number = 1 << 62  # the counts know nothing of those who have none
        else:
            asked = select(counts.c.count).where(counts.c.shop == shop, counts.c.dimension == name, counts.c.value == wanted[0])
            number = connection.execute(asked).scalar() or 0
        best = min(best, (number, name)) if best else (number, name)
    return best[1] if best else None


def _above(prefix: str) -> str | None:
    """The least id that is above all with this prefix; None when there is none."""
    for place in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[place]) + 1
        if code == 0xD800:  # no character has these numbers
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:place] + chr(code)
    return None


def read_customer(connection: Connection, shop: str, customer: str) -> Row[Any] | None:
    """His row."""
    return connection.execute(select(customers).where(customers.c.shop == shop, customers.c.customer == customer)).first()


def read_profile(connection: Connection, shop: str, customer: str) -> Row[Any] | None:
    """His latest profile."""
    return connection.execute(select(profiles).where(profiles.c.shop == shop, profiles.c.customer == customer)).first()


def read_measures(connection: Connection, shop: str, ids: Sequence[str]) -> dict[str, dict[str, int | None]]:
    """The measures of those who have a profile."""
    asked = select(profiles.c.customer, profiles.c.document).where(profiles.c.shop == shop, profiles.c.customer.in_(ids))
    return {row.customer: as_json(row.document)["measures"] for row in connection.execute(asked)}


def read_receipt(connection: Connection, shop: str, customer: str) -> Row[Any] | None:
    """The receipt of his latest erasure."""
    asked = select(receipts).where(receipts.c.shop == shop, receipts.c.customer == customer).order_by(receipts.c.recorded_ms.desc())
    return connection.execute(asked.limit(1)).first()


def read_notices(connection: Connection, shop: str, customer: str) -> list[Row[Any]]:
    """What is announced for him."""
    return list(connection.execute(select(notices).where(and_(notices.c.shop == shop, notices.c.customer == customer))))


def statuses_of(row: Row[Any]) -> dict[str, str | None]:
    """All dimensions of a customer's row."""
    return {name: row._mapping[name] for name in DIMENSIONS}  # noqa: SLF001 - that is its public name


def erased_ms(receipt: Row[Any]) -> int:
    """Up to which time a receipt has erased him."""
    return time_of(as_json(receipt.document)["erased_at"])

"""Questions about changes: one customer's, the newest of a shop, those that went from here to there, and what was known when."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.web.history.tables import changes, counts

ANY = object()
"""No condition, where None would be one."""


def of_customer(connection: Connection, shop: str, customer: str, *, before: int | None, limit: int) -> tuple[list[Row[Any]], int | None]:
    """His changes, newest first, and before which sequence older ones begin."""
    c = changes.c
    asked = select(changes).where(c.shop == shop, c.customer == customer)
    if before is not None:
        asked = asked.where(c.sequence < before)
    rows = list(connection.execute(asked.order_by(c.sequence.desc()).limit(limit + 1)))
    return rows[:limit], rows[limit - 1].sequence if len(rows) > limit else None


def latest_of_each(connection: Connection, shop: str, customer: str) -> list[Row[Any]]:
    """The latest change of each of his dimensions."""
    c = changes.c
    mine = and_(c.shop == shop, c.customer == customer)
    # Two questions by his index: in one, the database looked through the changes of everybody.
    latest = {row.dimension: row.sequence for row in connection.execute(select(c.dimension, c.sequence).where(mine).order_by(c.sequence))}
    return list(connection.execute(select(changes).where(mine, c.sequence.in_(latest.values())).order_by(c.sequence)))


def of_shop(
    connection: Connection,
    shop: str,
    *,
    dimension: str | None,
    before: Any = ANY,
    after: Any = ANY,
    since_ms: int | None,
    until_ms: int | None,
    cursor: tuple[int, int] | None,
    limit: int,
) -> tuple[list[Row[Any]], tuple[int, int] | None]:
    """Changes of all customers, newest (by effect) first; `since_ms` is included, `until_ms` is not. Returns where the next page begins.

    With a dimension every pair of values has an index of its own, in order of time: however rare a pair is, a page costs as much.
    """
    c = changes.c
    asked = select(changes).where(c.shop == shop)
    if since_ms is not None:
        asked = asked.where(c.effective_ms >= since_ms)
    if until_ms is not None:
        asked = asked.where(c.effective_ms < until_ms)
    if cursor is not None:
        asked = asked.where(c.effective_ms <= cursor[0], or_(c.effective_ms < cursor[0], c.number < cursor[1]))
    newest_first = c.effective_ms.desc(), c.number.desc()
    asked = asked.limit(limit + 1)
    if dimension is None:
        rows = list(connection.execute(asked.order_by(*newest_first)))
    else:
        rows = []
        values = _values(connection, shop, dimension)
        for one in values if before is ANY else [before]:
            for other in values if after is ANY else [after]:
                if one != other:
                    narrow = asked.where(c.dimension == dimension, _is(c.before, one), _is(c.after, other))
                    # Both values are fixed, and named in the order all the same: else PostgreSQL looks through all times for a rare pair.
                    rows += connection.execute(narrow.order_by(c.before.desc(), c.after.desc(), *newest_first))
        rows.sort(key=lambda row: (row.effective_ms, row.number), reverse=True)
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], None if last is None else (last.effective_ms, last.number)


def _values(connection: Connection, shop: str, dimension: str) -> list[str | None]:
    """Every value that the dimension ever had, and none."""
    asked = select(counts.c.value).where(counts.c.shop == shop, counts.c.dimension == dimension)
    return [None, *connection.execute(asked).scalars()]


def _is(column: ColumnElement[Any], value: str | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def after_number(connection: Connection, number: int, *, shop: str | None, dimension: str | None, limit: int) -> list[Row[Any]]:
    """Changes in the order in which they were taken in."""
    asked = select(changes).where(changes.c.number > number, *_of(shop, dimension))
    return list(connection.execute(asked.order_by(changes.c.number).limit(limit)))


def newest_between(
    connection: Connection, after: int, up_to: int, *, shop: str | None, dimension: str | None, limit: int
) -> tuple[list[Row[Any]], int]:
    """The newest changes that were taken in after one number and up to another, in their order, and how many there are in all."""
    between = and_(changes.c.number > after, changes.c.number <= up_to, *_of(shop, dimension))
    rows = list(connection.execute(select(changes).where(between).order_by(changes.c.number.desc()).limit(limit)))
    if len(rows) < limit:
        return rows[::-1], len(rows)
    return rows[::-1], connection.execute(select(func.count()).select_from(changes).where(between)).scalar_one()


def _of(shop: str | None, dimension: str | None) -> list[ColumnElement[bool]]:
    found = [] if shop is None else [changes.c.shop == shop]
    return found if dimension is None else [*found, changes.c.dimension == dimension]


def newest_number(connection: Connection) -> int:
    """The number of the change that was taken in last, 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(changes.c.number), 0))).scalar_one())


def known_statuses(rows: Sequence[Any], at_ms: int, known_ms: int) -> dict[str, Any]:
    """What a customer's status was at one time, as was known at another: the change that decides each dimension, None for none.

    A change counts from when it was written, and no more from when one was written that takes it back; if that one is taken back
    in turn, the first counts again.

    Args:
        rows: all his changes, by sequence.
        at_ms: the time that is asked for; a change counts from its effect on, that moment included.
        known_ms: what was written later than this was not known.
    """
    known = [row for row in rows if row.recorded_ms <= known_ms]
    taken_back: set[str] = set()
    for row in reversed(known):
        if row.revokes is not None and row.id not in taken_back:
            taken_back.add(row.revokes)
    decides: dict[str, Any] = dict.fromkeys(DIMENSIONS)
    for row in known:
        if row.effective_ms <= at_ms and row.id not in taken_back:
            decides[row.dimension] = row
    return decides


def all_of_customer(connection: Connection, shop: str, customer: str) -> list[Row[Any]]:
    """All his changes by sequence, without their proofs."""
    c = changes.c
    asked = select(c.id, c.sequence, c.dimension, c.before, c.after, c.effective_ms, c.recorded_ms, c.revokes)
    return list(connection.execute(asked.where(c.shop == shop, c.customer == customer).order_by(c.sequence)))

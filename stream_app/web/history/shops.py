"""Questions about a shop: how many customers stand where, how they moved, and its insights."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, text

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.web.history.tables import QUARTER_MS, counts, insights, shops


def all_shops(connection: Connection) -> list[str]:
    """Every shop that has, or had, a customer."""
    return list(connection.execute(select(shops.c.shop).order_by(shops.c.shop)).scalars())


def read_shop(connection: Connection, shop: str) -> Row[Any] | None:
    """How much is known of a shop."""
    return connection.execute(select(shops).where(shops.c.shop == shop)).first()


def count_statuses(connection: Connection, shop: str) -> dict[str, dict[str, int]]:
    """How many customers have each value now; values that nobody has are left out."""
    found: dict[str, dict[str, int]] = {name: {} for name in DIMENSIONS}
    asked = select(counts).where(counts.c.shop == shop, counts.c.count > 0).order_by(counts.c.dimension, counts.c.value)
    for row in connection.execute(asked).mappings():
        found.setdefault(row["dimension"], {})[row["value"]] = row["count"]
    return found


def count_flows(
    connection: Connection, shop: str, dimension: str, periods: Sequence[tuple[int, int]]
) -> list[list[tuple[str | None, str | None, int]]]:
    """For each period (from, to, in ms; the end is not in it) who went from where to where, most first.

    A period is counted in whole quarters of an hour.
    """
    if not periods:
        return []
    # Numbers of ours as text: built as expressions, ninety periods cost more than the counting.
    named = " UNION ALL ".join(
        f"SELECT {place} AS place, {start_ms // QUARTER_MS} AS first_quarter, {end_ms // QUARTER_MS} AS next_quarter"
        for place, (start_ms, end_ms) in enumerate(periods)
    )
    asked = text(
        f"WITH periods AS ({named}) "  # noqa: S608 - integers alone
        "SELECT place, before, after, sum(count) AS total FROM periods "
        "JOIN flows ON shop = :shop AND dimension = :dimension AND quarter >= first_quarter AND quarter < next_quarter "
        "GROUP BY place, before, after HAVING sum(count) <> 0 ORDER BY total DESC, before, after"
    )
    found: list[list[tuple[str | None, str | None, int]]] = [[] for _ in periods]
    for row in connection.execute(asked, {"shop": shop, "dimension": dimension}):
        found[row.place].append((row.before or None, row.after or None, int(row.total)))
    return found


def read_insights(connection: Connection, shop: str) -> list[Row[Any]]:
    """The shop's insights by period."""
    return list(connection.execute(select(insights).where(insights.c.shop == shop).order_by(insights.c.period)))

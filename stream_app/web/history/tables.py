"""The tables. Times are integer milliseconds in UTC; a status that a customer does not have is null, and '' where it is part of a key.

Ids of shops and customers are compared by code point everywhere, so that pages are the same in every database.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint, text

from stream_app.domain.facts.state import DIMENSIONS

metadata: Final = MetaData()

QUARTER_MS: Final = 900_000
"""Flows are counted by quarter of an hour: every time zone in use begins its days at one."""

_ID: Final = String(128).with_variant(String(128, collation="C"), "postgresql")
_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
_FOREVER: Final[dict[str, Any]] = {"sqlite_autoincrement": True}  # a number is never used again, so that a stream can be resumed by it
_CLUSTERED: Final[dict[str, Any]] = {"sqlite_with_rowid": False}


def _shop() -> Column[Any]:
    return Column("shop", _ID, primary_key=True)


def _customer() -> Column[Any]:
    return Column("customer", _ID, primary_key=True)


schema_versions: Final = Table(
    "schema_versions", metadata, Column("version", Integer, primary_key=True, autoincrement=False), Column("applied_ms", BigInteger)
)

positions: Final = Table(
    "positions",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("topic_id", String(64), nullable=False),
)
"""How far each partition is taken in: written in the transaction that takes it in, so that nothing is lost and nothing comes twice."""

customers: Final = Table(
    "customers",
    metadata,
    _shop(),
    _customer(),
    *(Column(name, String(128)) for name in DIMENSIONS),
    # The statuses are those after change `sequence`, known from changes or from a profile; `whole` is less where changes before it were
    # never seen, until a profile tells what they did. `kept` is the latest change in the table.
    Column("sequence", Integer, nullable=False),
    Column("whole", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("effective_ms", BigInteger, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    *(Index(f"customers_by_{name}", "shop", name, "customer") for name in DIMENSIONS),
    **_CLUSTERED,
)

changes: Final = Table(
    "changes",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("shop", _ID, nullable=False),
    Column("customer", _ID, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("id", String(32), nullable=False),
    Column("dimension", String(32), nullable=False),
    Column("before", String(128)),
    Column("after", String(128)),
    Column("effective_ms", BigInteger, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("revokes", String(32)),
    Column("revoked", Boolean, nullable=False, server_default=text("false")),
    Column("proof", Text, nullable=False),  # what else the change says, as JSON
    UniqueConstraint("shop", "customer", "sequence", name="changes_of_customer"),
    Index("changes_by_time", "shop", "effective_ms", "number"),
    Index("changes_by_flow", "shop", "dimension", "before", "after", "effective_ms", "number"),
    **_FOREVER,
)

notices: Final = Table(
    "notices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("shop", _ID, nullable=False),
    Column("customer", _ID, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("notices_of_customer", "shop", "customer"),
)
"""Announced changes of the lifecycle that are neither taken back nor come true."""

profiles: Final = Table(
    "profiles",
    metadata,
    _shop(),
    _customer(),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("document", Text, nullable=False),
)

receipts: Final = Table(
    "receipts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("shop", _ID, nullable=False),
    Column("customer", _ID, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("receipts_of_customer", "shop", "customer"),
)
"""All that is left of erased customers."""

farewells: Final = Table("farewells", metadata, _shop(), _customer(), Column("recorded_ms", BigInteger, nullable=False))
"""Tombstones of profiles whose reason has not been read yet: a receipt, or the last changes of somebody who was merged."""

insights: Final = Table(
    "insights",
    metadata,
    _shop(),
    Column("period", String(32), primary_key=True),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

shops: Final = Table(
    "shops",
    metadata,
    _shop(),
    Column("customers", BigInteger, nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("erased", BigInteger, nullable=False),
    Column("latest_ms", BigInteger, nullable=False),
)

counts: Final = Table(
    "counts",
    metadata,
    _shop(),
    Column("dimension", String(32), primary_key=True),
    Column("value", String(128), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How many customers have each value now."""

flows: Final = Table(
    "flows",
    metadata,
    _shop(),
    Column("dimension", String(32), primary_key=True),
    Column("quarter", BigInteger, primary_key=True, autoincrement=False),
    Column("before", String(128), primary_key=True),
    Column("after", String(128), primary_key=True),
    Column("count", BigInteger, nullable=False),
    **_CLUSTERED,
)
"""Changes by the quarter of an hour in which they took effect, net of those that were taken back."""

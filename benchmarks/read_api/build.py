"""A history database of a size, filled by SQL: filling it from topics would take an hour, and what is measured is the answers."""

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text

from stream_app.codec.times import format_time
from stream_app.web.history.database import Database
from stream_app.web.history.tables import QUARTER_MS, changes, customers

DAY_MS = 86_400_000
BEGIN_MS = 1_704_067_200_000  # 2024-01-01
SPREAD_DAYS = 600
SLICE = 50_000
MEASURES = 25
MONTHS = 24
PRODUCTS = 150
PROOF = json.dumps(
    {
        "cause": {"kind": "time"},
        "reason": {
            "code": "silent_beyond_rhythm",
            "measures": {"product_group": "red wine", "last_order_at": "2024-03-01T10:00:00.000Z", "occasions": 3, "span_days": 266},
            "thresholds": {"patience_ms": 7776000000, "inactive_at": "2024-06-01T10:00:00.000Z"},
        },
        "policy": {"version": 1, "hash": "0" * 32},
        "valid_until": None,
        "counterfactual": {
            "to": "active",
            "event_type": "order.placed",
            "product_group": "red wine",
            "before_at": "2024-06-01T10:00:00.000Z",
        },
    },
    separators=(",", ":"),
)
LIFE: tuple[tuple[str, str | None, str | None, int], ...] = (
    ("lifecycle", None, "active", 0),
    ("churn_risk", None, "low", 0),
    ("class", None, "C", 0),
    ("contact", None, "ok", 0),
    ("class", "C", "B", 20),
    ("churn_risk", "low", "medium", 50),
    ("churn_risk", "medium", "high", 80),
    ("lifecycle", "active", "inactive", 100),
    ("churn_risk", "high", None, 100),
    ("winback", None, "recent", 100),
)
"""What everybody goes through: dimension, from, to, and after how many days."""


def build(database: Database, number: int, rounds: int, say: Callable[[str], None]) -> None:
    """Fill an empty database with `number` customers who live through `LIFE` `rounds` times."""
    patient = create_engine(database.engine.url) if database.dialect == "postgresql" else database.engine  # an index takes a minute
    indexes = [*changes.indexes, *customers.indexes]
    with patient.begin() as connection:
        for index in indexes:
            index.drop(connection)
    begin = time.monotonic()
    for start in range(0, number, SLICE):
        with patient.begin() as connection:
            _fill(connection, start, min(number, start + SLICE), rounds)
        say(f"  {min(number, start + SLICE):,} customers after {time.monotonic() - begin:.0f} s")
    finish(patient)
    patient.dispose()
    say(f"  built in {time.monotonic() - begin:.0f} s")


def finish(patient: Engine) -> None:
    """The indexes, the sums and the insights of rows that are there."""
    for index in [*changes.indexes, *customers.indexes]:
        with patient.begin() as connection:
            index.create(connection, checkfirst=True)
    with patient.begin() as connection:
        _sum_up(connection)
    if patient.dialect.name == "postgresql":  # which does that by itself after a while; a SQLite of ours never has statistics
        with patient.begin() as connection:
            connection.exec_driver_sql("ANALYZE")


def _fill(connection: Connection, start: int, end: int, rounds: int) -> None:
    many = f"WITH RECURSIVE n(i) AS (SELECT cast({start} AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {end})"
    name = "'customer-' || substr('0000000' || cast(i AS varchar(7)), length(cast(i AS varchar(7))) + 1)"
    born = f"{BEGIN_MS} + {_modulo('i * 7919', SPREAD_DAYS)} * {DAY_MS} + {_modulo('i', 86_400)} * 1000"
    last = len(LIFE) * rounds
    columns = "shop, customer, sequence, id, dimension, before, after, effective_ms, recorded_ms, origin, revoked, proof"
    for place, (dimension, before, after, day) in enumerate(LIFE * rounds):
        sequence = place + 1
        at = f"{born} + {(day + 120 * (place // len(LIFE))) * DAY_MS}"
        change_id = f"substr('{sequence:08}' || '0000000000000000' || cast(i AS varchar(7)), 1, 32)"
        proof = "cast(:proof AS varchar(2000))"
        values = "cast(:dimension AS varchar(32)), cast(:before AS varchar(128)), cast(:after AS varchar(128))"
        statement = f"""
            INSERT INTO changes ({columns})
            {many} SELECT 'acme', {name}, {sequence}, {change_id}, {values}, {at}, {at} + 500, 'live', false, {proof} FROM n"""
        connection.execute(text(statement), {"dimension": dimension, "before": before, "after": after, "proof": PROOF})
    is_lost, is_recent, is_high = f"{_modulo('i', 3)} = 0", f"{_modulo('i', 1_000)} = 0", f"{_modulo('i', 10)} = 1"
    final = (
        f"CASE WHEN {is_lost} THEN 'inactive' ELSE 'active' END, CASE WHEN {is_lost} THEN NULL WHEN {is_high} THEN 'high' ELSE 'low' END"
    )
    which = f"cast({_modulo('i', 5)} AS integer) + 1"
    rest = f"substr('ABBCC', {which}, 1), NULL, NULL, NULL, 'ok', CASE WHEN {is_recent} THEN 'recent' ELSE 'none' END, 'low'"
    columns = "shop, customer, lifecycle, churn_risk, class, segment, label, service_level, contact, winback, opportunity"
    statement = f"""
        INSERT INTO customers ({columns}, sequence, whole, kept, effective_ms, recorded_ms)
        {many} SELECT 'acme', {name}, {final}, {rest}, {last}, {last}, {last}, {born}, {born} FROM n"""
    measured = {f"measure_{number}": 1_000 * number for number in range(MEASURES)}
    profile = json.dumps({"clock_at": format_time(BEGIN_MS), "next_deadline": None, "statuses": {}, "measures": measured, "sequence": last})
    documents = f"""
        INSERT INTO profiles (shop, customer, recorded_ms, sequence, document)
        {many} SELECT 'acme', {name}, {born}, {last}, cast(:document AS varchar(2000)) FROM n"""
    connection.execute(text(statement))
    connection.execute(text(documents), {"document": profile})


def _modulo(what: str, by: int) -> str:
    """What is left of a division, in both databases; their drivers do not agree on a per cent sign."""
    return f"(({what}) - ({what}) / {by} * {by})"


def _sum_up(connection: Connection) -> None:
    connection.execute(
        text(f"""
        INSERT INTO flows (shop, dimension, quarter, before, after, count)
        SELECT shop, dimension, effective_ms / {QUARTER_MS}, coalesce(before, ''), coalesce(after, ''), count(*)
        FROM changes GROUP BY 1, 2, 3, 4, 5""")
    )
    for name in ("lifecycle", "churn_risk", "class", "contact", "winback", "opportunity"):
        connection.execute(
            text(f"""
            INSERT INTO counts (shop, dimension, value, count)
            SELECT shop, '{name}', {name}, count(*) FROM customers WHERE {name} IS NOT NULL GROUP BY shop, {name}""")
        )
    connection.execute(
        text("""
        INSERT INTO shops (shop, customers, changes, erased, latest_ms)
        SELECT 'acme', (SELECT count(*) FROM customers), (SELECT count(*) FROM changes), 0, (SELECT max(effective_ms) FROM changes)""")
    )
    _learn(connection)


def _learn(connection: Connection) -> None:
    """Two years of insights, as large as those of a shop with many products."""
    names = [f"category {number}" for number in range(PRODUCTS)]
    back = {"brought_back": {"categories": [{"name": name, "customers": 10} for name in names], "product_groups": []}}
    row = {"lost": 10, "kept": 20, "log_odds": 0.1, "low": -0.1, "high": 0.3, "corrected": False}
    lag = dict.fromkeys(("count", "mean", "median", "p90", "min", "max"), 30)
    documents: dict[str, Any] = {"now": {**back, "categories": [{"name": name, **row} for name in names], "revenue": {"customers": 1}}}
    for month in range(MONTHS):
        documents[f"{2024 + month // 12}-{month % 12 + 1:02}"] = {**back, "lost": 10, "churn_pct": 1.5, "lag_days": lag}
    insert = text("INSERT INTO insights (shop, period, recorded_ms, document) VALUES ('acme', :period, :at, :document)")
    rows = [{"period": period, "at": BEGIN_MS, "document": json.dumps(document)} for period, document in documents.items()]
    connection.execute(insert, rows)

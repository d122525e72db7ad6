"""`make bench-history`: a history database of a size, and the p95 of every answer of the read API from it.

The database is filled by SQL, since what is measured is the answers; it is kept, and asked again by the next run with its name.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from aiohttp import ClientSession, web
from sqlalchemy import Connection, text

from benchmarks.machine import machine
from stream_app.codec.times import format_time
from stream_app.errors import BrokerUnavailableError
from stream_app.feed import Batch, Partition, PolicyRecord, Pulse, Story
from stream_app.web.api.app import build_app
from stream_app.web.api.context import Context
from stream_app.web.history.database import Database
from stream_app.web.history.tables import QUARTER_MS, changes, customers

DAY_MS = 86_400_000
BEGIN_MS = 1_704_067_200_000  # 2024-01-01
SPREAD_DAYS = 600
P95_MAX_MS = 200.0
SLICE = 50_000
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


class NoTopics:
    """No Kafka: what is read from topics is not measured."""

    async def topic_ids(self) -> Mapping[str, str]:
        """None."""
        return _away()

    async def follow(self, positions: Mapping[Partition, int]) -> AsyncIterator[Batch]:
        """None."""
        yield _away()

    async def pulses(self) -> AsyncIterator[Pulse]:
        """None."""
        yield _away()

    async def find_customer(self, shop: str, customer: str) -> Story:
        """None."""
        return _away()

    async def read_policies(self) -> Sequence[PolicyRecord]:
        """None."""
        return _away()


def _away() -> NoReturn:
    raise BrokerUnavailableError("there is no broker here")


def build(database: Database, number: int, rounds: int, say: Callable[[str], None]) -> None:
    """Fill an empty database with `number` customers who live through `LIFE` `rounds` times."""
    indexes = [*changes.indexes, *customers.indexes]
    with database.writing() as connection:
        for index in indexes:
            index.drop(connection)
    begin = time.monotonic()
    for start in range(0, number, SLICE):
        with database.writing() as connection:
            _fill(connection, start, min(number, start + SLICE), rounds)
        say(f"  {min(number, start + SLICE):,} customers after {time.monotonic() - begin:.0f} s")
    for index in indexes:
        with database.writing() as connection:
            index.create(connection)
    with database.writing() as connection:
        _sum_up(connection)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if database.dialect == "sqlite" else "VACUUM ANALYZE")
    say(f"  built in {time.monotonic() - begin:.0f} s")


def _fill(connection: Connection, start: int, end: int, rounds: int) -> None:
    many = f"WITH RECURSIVE n(i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {end})"
    name = "'customer-' || substr('0000000' || cast(i AS varchar(7)), length(cast(i AS varchar(7))) + 1)"
    born = f"{BEGIN_MS} + ((i % {SPREAD_DAYS} * 7919) % {SPREAD_DAYS}) * {DAY_MS} + (i % 86400) * 1000"
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
    final = (
        "CASE WHEN i % 3 = 0 THEN 'inactive' ELSE 'active' END, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 10 = 1 THEN 'high' ELSE 'low' END"
    )
    rest = "substr('ABBCC', i % 5 + 1, 1), NULL, NULL, NULL, 'ok', CASE WHEN i % 1000 = 0 THEN 'recent' ELSE 'none' END, 'low'"
    columns = "shop, customer, lifecycle, churn_risk, class, segment, label, service_level, contact, winback, opportunity"
    statement = f"""
        INSERT INTO customers ({columns}, sequence, whole, kept, effective_ms, recorded_ms)
        {many} SELECT 'acme', {name}, {final}, {rest}, {last}, {last}, {last}, {born}, {born} FROM n"""
    profile = json.dumps(
        {"clock_at": format_time(BEGIN_MS), "next_deadline": None, "statuses": {}, "measures": {"revenue": 1}, "sequence": last}
    )
    documents = f"""
        INSERT INTO profiles (shop, customer, recorded_ms, sequence, document)
        {many} SELECT 'acme', {name}, {born}, {last}, cast(:document AS varchar(2000)) FROM n"""
    connection.execute(text(statement))
    connection.execute(text(documents), {"document": profile})


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


def questions(number: int, chance: random.Random) -> dict[str, Callable[[], str]]:
    """Every answer that comes from the database, each with parameters drawn anew."""

    def somebody() -> str:
        return f"customer-{chance.randrange(number):07}"

    def moment(days: int = SPREAD_DAYS) -> str:
        return format_time(BEGIN_MS + chance.randrange(days) * DAY_MS)[:10]

    return {
        "overview": lambda: "overview",
        "customers, by prefix": lambda: f"customers?search={somebody()[: chance.randrange(9, 16)]}",
        "customers, by a part": lambda: f"customers?search={chance.randrange(100_000):05}&match=substring",
        "customers, by a part that nobody has": lambda: f"customers?search=x{chance.randrange(100)}&match=substring",
        "customers, by one status": lambda: f"customers?status=lifecycle:{chance.choice(['active', 'inactive'])}&search={somebody()[:12]}",
        "customers, by three statuses": lambda: "customers?status=lifecycle:inactive&status=class:A,B&status=winback:recent",
        "customers, by statuses that exclude each other": lambda: "customers?status=lifecycle:inactive&status=churn_risk:low",
        "customer": lambda: f"customer?id={somebody()}",
        "customer/changes": lambda: f"customer/changes?id={somebody()}&limit=5",
        "customer/status": lambda: f"customer/status?id={somebody()}&at={moment()}&known_at={moment()}",
        "changes": lambda: f"changes?until={moment()}",
        "changes of a dimension": lambda: f"changes?dimension=class&until={moment()}",
        "changes of a flow": lambda: f"changes?dimension=lifecycle&from=active&to=inactive&since={moment()}",
        "flows by month": lambda: f"flows?dimension={chance.choice(['lifecycle', 'churn_risk'])}",
        "flows by day": lambda: "flows?period=day&since=2024-06-01&until=2024-08-30",
        "insights": lambda: "insights",
    }


async def measure(database: Database, number: int, times: int) -> dict[str, dict[str, float]]:
    """Ask each question `times` times over HTTP, one after another; milliseconds."""
    context = Context(database, NoTopics())
    runner = web.AppRunner(build_app(context, None, 1_000_000), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1/"
    found: dict[str, dict[str, float]] = {}
    async with ClientSession() as session:
        for name, question in questions(number, random.Random(1)).items():
            took = []
            for _ in range(times):
                began = time.perf_counter()
                async with session.get(base + question()) as response:
                    assert response.status == 200, await response.text()
                    await response.read()
                took.append((time.perf_counter() - began) * 1000)
            took.sort()
            found[name] = {
                "median_ms": round(statistics.median(took), 1),
                "p95_ms": round(took[int(len(took) * 0.95)], 1),
                "max_ms": round(took[-1], 1),
            }
    await runner.cleanup()
    context.close()
    return found


def main() -> int:
    """Build, ask, print; 1 when an answer is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="each has 10 changes a round")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--url", default="", help="an empty database, or one that this has filled; without it a SQLite file that is thrown away"
    )
    parser.add_argument("--times", type=int, default=60, help="how often each question is asked")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    with tempfile.TemporaryDirectory(prefix="stream-app-bench-") as directory:
        database = Database(given.url, Path(directory))
        with database.reading() as connection:
            is_empty = connection.execute(text("SELECT count(*) FROM shops")).scalar_one() == 0
        if is_empty:
            say(f"building {given.customers:,} customers in {database.name}")
            build(database, given.customers, given.rounds, say)
        with database.reading() as connection:
            size = connection.execute(text("SELECT customers, changes FROM shops")).one()
        answers = asyncio.run(measure(database, size.customers, given.times))
        database.close()
    result = {"customers": size.customers, "changes": size.changes, "database": database.dialect, "machine": machine(), "answers": answers}
    if given.json:
        print(json.dumps(result))
    else:
        print(f"{size.customers:,} customers, {size.changes:,} changes in {database.dialect}")
        for name, took in answers.items():
            print(f"{name:<48} median {took['median_ms']:8.1f} ms   p95 {took['p95_ms']:8.1f} ms")
    slow = [name for name, took in answers.items() if took["p95_ms"] >= P95_MAX_MS]
    for name in slow:
        say(f"{name}: slower than {P95_MAX_MS:.0f} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

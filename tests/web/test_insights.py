"""Insights of The Complete Journey through a real Kafka, with kills in between, equal what SQL makes of raw events and changes."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

from stream_app.demo.broker import free_port
from stream_app.demo.dataset import events_file
from stream_app.demo.run import POLICY
from stream_app.domain.calendar import DAY_MS
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from tests.integration import product
from tests.integration.workers import Worker, workers
from tests.oracle.days import parse_ms
from tests.pages import page

STATEMENT = Path(__file__).with_name("insights.sql")
ZONE = "America/New_York"
SHOP = "completejourney"
EVERY = 61
"""Every so manieth household of the data, so that the test stays short."""

LATE, CANCELLED, WHOLE = 1, 11, 21  # what comes of an order by its number, modulo 40; of 31 a part is refunded
FLOWS = ("active_at_start", "new", "lost", "won_back", "left_otherwise", "revoked", "false_alarms", "active_at_end")
SHARES = ("churn_pct", "false_alarm_pct")
LAGS = ("count", "mean", "median", "p90", "min", "max")
REVENUE = ("customers", "total_minor", "top_customers", "top_minor")
ODDS = ("name", "lost", "kept", "log_odds", "low", "high", "corrected")
MONTH = {"period", "currency", *FLOWS, *SHARES, "lag_days", "brought_back"}
NOW = {"period", "currency", "customers", "counts", "erased", "lost", "kept", "product_groups", "categories", "brought_back", "revenue"}


def history(cache: Path) -> Iterator[dict[str, Any]]:
    """Some households; now and then an order is cancelled or refunded days later, and one comes a fortnight late."""
    late: list[tuple[str, dict[str, Any]]] = []
    with events_file(SHOP, cache).open("rb") as file:
        for number, line in enumerate(file):
            event = json.loads(line)
            if int(event["subject"].rpartition("-")[2]) % EVERY:
                continue
            while late and late[0][0] <= event["time"]:
                yield late.pop(0)[1]
            if event["type"] == "order.placed" and number % 10 == 1:
                late = sorted([*late, hold(event, number)], key=lambda entry: entry[0])
                if number % 40 == LATE:
                    continue
            yield event
    yield from (event for _, event in late)


def hold(event: dict[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    """What comes of an order days later, and when: the order itself, its cancel, or a refund."""
    data, kind = event["data"], number % 40
    if kind == LATE:
        return after(event["time"], 14), event
    at = after(event["time"], 3)
    amount = data["total_minor"] if kind == WHOLE else data["total_minor"] // 2
    if kind == CANCELLED or not amount:
        return at, event | {"id": f"c-{number}", "type": "order.cancelled", "time": at, "data": {"order_id": data["order_id"]}}
    refund = {"order_id": data["order_id"], "refund_id": f"r-{number}", "amount_minor": amount}
    return at, event | {"id": f"r-{number}", "type": "order.refunded", "time": at, "data": refund}


def after(time_: str, days: int) -> str:
    return (datetime.fromisoformat(time_) + timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_insights_are_what_sql_says_after_kills(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    document = yaml.safe_load(POLICY.read_text()) | {"time_zone": ZONE, "horizon_days": 21}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(document))
    events = list(history(settings.cache_dir))
    product.run(environment, "topics", "create", "--partitions", "3")
    product.run(environment, "policy", "publish", str(tmp_path / "policy.yaml"))
    product.run(environment, "publish", "--history", str(product.write_lines(tmp_path / "history.jsonl", events)))
    with workers(tmp_path, "stream_app", "worker") as start:
        port = free_port()
        extra = {"INSIGHTS": "true", "INSIGHTS_EVERY_MS": "100", "UNIT_RECORDS_MAX": "300", "INSIGHTS_METRICS_PORT": str(port)}
        worker = start(environment, **extra)
        killed = 0
        for limit in (2, 5):
            await until_some(settings, worker, limit)
            await until_beside(worker)
            killed += kill_beside(worker) if limit == 2 else kill_all(worker)
            if limit != 2:
                worker = start(environment, **extra)
        assert killed == 2
        expected = recompute(events, await all_published(settings, len(events)), document)
        began = time.monotonic()
        while (found := told(await latest(settings))) != expected and time.monotonic() - began < 60:
            await asyncio.sleep(0.2)
        assert found == expected
        while set((lag := lag_of(port)).values()) != {0.0} and time.monotonic() - began < 60:
            await asyncio.sleep(0.2)
    assert set(lag.values()) == {0.0}
    assert {"orders", "status-changes"} <= {topic.removeprefix(settings.topic_prefix) for topic, _ in lag}
    data_says_something(found)


def lag_of(port: int) -> dict[tuple[str, str], float]:
    """By topic and partition, what the insights process has not yet applied, as it says itself."""
    found = re.findall(r'customer_status_lag_records\{partition="(.*)",topic="(.*)"\} (\S+)', page(port, "/metrics")[1])
    return {(topic, partition): float(count) for partition, topic, count in found}


def data_says_something(found: dict[str, Any]) -> None:
    """The data is no good if a number never moves."""
    months = [data for period, data in found.items() if period != "now"]
    for name in (*FLOWS[:4], "revoked", "false_alarms"):
        assert sum(data[name] for data in months) > 0, name
    assert any(data["back"] for data in months)
    assert any(data["churn_pct"] for data in months)
    assert any(data["false_alarm_pct"] for data in months)
    assert any(row[-1] for row in found["now"]["categories"])
    assert not all(row[-1] for row in found["now"]["categories"])


async def until_some(settings: Settings, worker: Worker, records: int) -> None:
    """Wait until so many records of insights are published."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        assert worker.process.poll() is None
        if len([record async for record in read_to_end(settings, "insights")]) >= records:
            return
    raise AssertionError("no insights within a minute")


async def until_beside(worker: Worker) -> None:
    """Wait until the insights process lives; one that was killed is started again after a pause."""
    began = time.monotonic()
    while not children_of(worker):
        assert time.monotonic() - began < 60
        await asyncio.sleep(0.05)


def children_of(worker: Worker) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()]


def kill_beside(worker: Worker) -> int:
    """Kill the insights process alone; the worker starts it again."""
    (pid,) = children_of(worker)
    os.kill(pid, signal.SIGKILL)
    return 1


def kill_all(worker: Worker) -> int:
    """Kill the worker, and with it, by the kernel's hand, the process beside it."""
    beside = children_of(worker)
    worker.kill()
    began = time.monotonic()
    while any(Path(f"/proc/{pid}").exists() for pid in beside):
        assert time.monotonic() - began < 10
    return len(beside)


async def all_published(settings: Settings, events: int) -> list[tuple[Any, ...]]:
    """The changes, once everything is folded and nothing more comes."""
    began = time.monotonic()
    rows: list[tuple[Any, ...]] = []
    while time.monotonic() - began < 60:
        if await product.applied(settings) > events:
            before, rows = rows, await published(settings)
            if rows and rows == before:
                return rows
        await asyncio.sleep(0.5)
    raise AssertionError("the statuses do not come to rest")


async def published(settings: Settings) -> list[tuple[Any, ...]]:
    """The changes as rows."""
    found = []
    async for record in read_to_end(settings, "status-changes"):
        event = json.loads(record.value)
        if event["type"] == "status.changed":
            data = event["data"]
            row = (
                event["subject"],
                event["id"],
                data["dimension"],
                data["from"],
                data["to"],
                parse_ms(data["effective_at"]),
                data["sequence"],
            )
            found.append((*row, data["cause"]["kind"], data["cause"].get("event_id"), data.get("revokes")))
    return sorted(found)


async def latest(settings: Settings) -> dict[str, dict[str, Any]]:
    """The latest record of each period."""
    found = {}
    async for record in read_to_end(settings, "insights"):
        shop, period = record.key.decode().split("/")
        event = json.loads(record.value)
        assert (shop, event["subject"], event["data"]["period"], event["data"]["currency"]) == (SHOP, period, period, "USD")
        found[period] = event["data"]
    return found


def told(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the records say, in the shape of `recompute`; a number that is not compared has no place in them."""
    found: dict[str, Any] = {}
    for period, data in records.items():
        back = [(what, row["name"], row["customers"]) for what, rows in data["brought_back"].items() for row in rows]
        found[period] = {"back": sorted(back)}
        if period == "now":
            assert set(data) == NOW
            for what in ("product_groups", "categories"):
                assert all(set(row) == set(ODDS) for row in data[what])
                found[period][what] = sorted(tuple(row[c] for c in ODDS) for row in data[what])
            found[period]["counts"] = sorted((d, value, n) for d, values in data["counts"].items() for value, n in values.items())
            found[period]["people"] = tuple(data[name] for name in ("customers", "lost", "kept"))
            assert set(data["revenue"]) == {*REVENUE, "top_share_pct"}
            found[period]["revenue"] = tuple(data["revenue"][name] for name in REVENUE)
            assert data["revenue"]["top_share_pct"] == pytest.approx(
                100 * found[period]["revenue"][3] / found[period]["revenue"][1], abs=0.0051
            )
            assert data["erased"] == {}
        else:
            assert set(data) == MONTH
            found[period] |= {name: data[name] for name in (*FLOWS, *SHARES)}
            assert data["lag_days"] is None or set(data["lag_days"]) == set(LAGS)
            found[period]["lag"] = data["lag_days"] and tuple(data["lag_days"][name] for name in LAGS)
    return found


def recompute(events: list[dict[str, Any]], changes: list[tuple[Any, ...]], document: dict[str, Any]) -> dict[str, Any]:
    """Every number, from the raw events and the published changes, in SQL."""
    sql = duckdb.connect()
    sql.execute("CREATE TABLE event (customer VARCHAR, id VARCHAR, type VARCHAR, ms BIGINT, known_ms BIGINT, data JSON)")
    times = [parse_ms(raw["time"]) for raw in events]
    known = accumulate(times, max)  # when it was read, in event time
    rows = [
        (raw["subject"], raw["id"], raw["type"], ms, known_ms, json.dumps(raw["data"]))
        for raw, ms, known_ms in zip(events, times, known, strict=True)
    ]
    fill(sql, "event", [row for row in rows if row[2].startswith("order.")])
    sql.execute(
        "CREATE TABLE change (customer VARCHAR, id VARCHAR, dimension VARCHAR, before VARCHAR, after VARCHAR, ms BIGINT, seq BIGINT,"
        " cause VARCHAR, event_id VARCHAR, revokes VARCHAR)"
    )
    fill(sql, "change", changes)
    sql.execute("CREATE TABLE month (name VARCHAR, begins BIGINT, ends BIGINT)")
    begins = [
        (year, n, int(datetime(year, n, 1, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)) for year in range(2016, 2020) for n in range(1, 13)
    ]
    fill(sql, "month", [(f"{year}-{n:02}", at, later[2]) for (year, n, at), later in pairwise(begins)])
    sql.execute("CREATE TABLE category_group (category VARCHAR, name VARCHAR)")
    fill(sql, "category_group", [(category, name) for name, all_ in document["product_groups"].items() for category in all_])
    sql.execute(f"CREATE TABLE setting AS SELECT {document['horizon_days'] * DAY_MS}::BIGINT AS horizon_ms")
    sql.execute(STATEMENT.read_text())
    found: dict[str, Any] = {}
    for period, *numbers in sql.execute(f"SELECT period, {', '.join((*FLOWS, *SHARES))} FROM monthly").fetchall():
        found[period] = {"back": [], "lag": None, **dict(zip((*FLOWS, *SHARES), numbers, strict=True))}
        found[period] |= {
            name: share if share is None else pytest.approx(share, abs=0.0051) for name, share in zip(SHARES, numbers[-2:], strict=True)
        }
    for period, *numbers in sql.execute(f"SELECT period, {', '.join(LAGS)} FROM lag").fetchall():
        found[period]["lag"] = tuple(numbers)
    found["now"] = {"back": []}
    for what, column in (("product_groups", "product_group"), ("categories", "category")):
        query = f"SELECT month, {column}, count(DISTINCT id) FROM returned WHERE {column} IS NOT NULL GROUP BY ALL"
        query += f" UNION ALL SELECT 'now', {column}, count(DISTINCT id) FROM returned WHERE {column} IS NOT NULL GROUP BY ALL"
        for period, name, count in sql.execute(query).fetchall():
            found[period]["back"] = sorted([*found[period]["back"], (what, name, count)])
        query = f"SELECT {', '.join(ODDS)} FROM product WHERE what = ? ORDER BY name"
        found["now"][what] = sql.execute(query, [what]).fetchall()
    found["now"]["counts"] = sql.execute(
        "SELECT dimension, value, count(*) FROM standing WHERE value <> '' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    query = "SELECT count(*) FILTER (value <> ''), count(*) FILTER (value = 'inactive'), count(*) FILTER (value = 'active') FROM standing"
    found["now"]["people"] = sql.execute(f"{query} WHERE dimension = 'lifecycle'").fetchone()
    found["now"]["revenue"] = tuple(int(n) for n in sql.execute(f"SELECT {', '.join(REVENUE)} FROM revenue").fetchall()[0])
    top_minor, total_minor = (int(n) for n in sql.execute("SELECT top_minor, total_minor FROM concentration").fetchall()[0])
    assert (found["now"]["revenue"][1], found["now"]["revenue"][3]) == (total_minor, pytest.approx(top_minor, rel=0.01))
    return found


def fill(sql: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows, many at a time; one statement a row would take minutes."""
    import pyarrow as pa

    names = [row[0] for row in sql.execute(f"DESCRIBE {table}").fetchall()]
    given = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})  # noqa: F841 - DuckDB finds it by its name
    sql.execute(f"INSERT INTO {table} SELECT * FROM given")

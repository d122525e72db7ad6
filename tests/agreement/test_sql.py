"""Statuses, values, classes and segments of real customers, recomputed in SQL from the raw events: statement.sql."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import pytest

from stream_app.demo.dataset import events_file
from stream_app.settings import load_settings
from tests.agreement.product import replay
from tests.oracle.cdnow import orders
from tests.oracle.days import parse_ms

STATEMENT = Path(__file__).with_name("statement.sql")
ALIVE = {"r": 0.52484, "alpha": 43.28093, "a": 0.89136, "b": 1.61400, "theta": 0.5}
RHYTHM = {"days": 400, "prior_days": 60, "prior_weight": 2, "factor_pct": 250, "min_days": 30, "max_days": 730, "r": 1.0, "alpha": 1.0}
RHYTHM |= {"a": 1.0, "b": 1.0, "theta": 0.5}
CHANNELS = {"email": 5, "mailing": 150, "phone": 600, "visit": 12_000, "chat": 200, "other": 100}
STATUSES = ("lifecycle", "churn_risk", "winback", "class", "segment", "service_level")
MEASURES = (
    *(
        "revenue",
        "orders",
        "occasions",
        "average_order",
        "product_groups",
        "margin",
        "discount_pct",
        "contacts",
        "contact_cost",
        "value_now",
    ),
    *("value_future", "value_total", "recency_days", "tenure_days", "p_alive_pct", "score"),
)

CDNOW = {
    "shop": "cdnow",
    "currency": "USD",
    "rhythm": {"default": {"method": "alive", **ALIVE, "min_days": 14, "max_days": 400}},
    "criteria": [
        {"measure": "value_total", "weight": 3, "bands": {0: 10, 2000: 50, 8000: 100}},
        {"measure": "p_alive_pct", "weight": 2, "bands": {20: 30, 60: 100}},
        {"measure": "recency_days", "weight": 1, "bands": {0: 100, 60: 50, 180: 0}},
    ],
}
JOURNEY = {
    "shop": "completejourney",
    "currency": "USD",
    "margin_pct": 25,
    "product_groups": {"groceries": ["GROCERY", "FROZEN GROCERY"], "fresh": ["PRODUCE", "SALAD BAR"], "fuel": ["FUEL"]},
    "rhythm": {
        "default": {"method": "own_rhythm", "prior_days": 15, "prior_weight": 2, "factor_pct": 300, "min_days": 14, "max_days": 60},
        "fuel": {"method": "fixed", "days": 21},
        "fresh": {"method": "own_rhythm", "prior_days": 19, "prior_weight": 3, "factor_pct": 250, "min_days": 7, "max_days": 90},
    },
    "costs": {"channel": {"mailing": 60}},
    "criteria": [
        {"measure": "value_now", "weight": 3, "bands": {0: 10, 10000: 30, 30000: 60, 80000: 100}},
        {"measure": "occasions", "weight": 2, "bands": {1: 10, 12: 40, 52: 70, 104: 100}},
        {"measure": "average_order", "weight": 1, "bands": {1000: 20, 3000: 60, 6000: 100}},
    ],
}
SHARED: dict[str, Any] = {
    "clock": "events",
    "window_days": 200,
    "winback": {"cooling_days": 30, "gone_days": 90},
    "classes": {"by": "score", "A": 60, "B": 40},
    "downgrade_dwell_days": 0,
    "segments": [
        {"name": "exit", "value_now_below": 500, "value_future_below": 300, "exit_dwell_days": 0, "min_age_days": 100},
        {"name": "stars", "when": [{"measure": "class", "is": "A"}, {"measure": "churn_risk", "in": ["low", "medium"]}]},
        {"name": "sleeping", "when": [{"measure": "lifecycle", "is": "inactive"}, {"measure": "value_now", "at_least": 2_000}]},
        {"name": "strangers", "when": [{"measure": "tenure_days", "is": None}]},
        {"name": "young", "when": [{"measure": "tenure_days", "below": 90}, {"measure": "score", "at_least": 30}]},
    ],
    "service_levels": {"segment": {"exit": "none", "stars": "personal"}, "class": {"A": "premium", "B": "standard", "C": "basic"}},
}
SEGMENTS = """
SELECT *, CASE segment WHEN 'exit' THEN 'none' WHEN 'stars' THEN 'personal' ELSE
              CASE class WHEN 'A' THEN 'premium' WHEN 'B' THEN 'standard' WHEN 'C' THEN 'basic' END END AS service_level
FROM (
    SELECT *, CASE
        WHEN tenure_days >= 100 AND value_now < 500 AND value_future < 300 THEN 'exit'
        WHEN class = 'A' AND churn_risk IN ('low', 'medium') THEN 'stars'
        WHEN lifecycle = 'inactive' AND value_now >= 2000 THEN 'sleeping'
        WHEN tenure_days IS NULL THEN 'strangers'
        WHEN tenure_days < 90 AND score >= 30 THEN 'young' END AS segment
    FROM standing)
"""


def journey() -> Iterator[dict[str, Any]]:
    with events_file("completejourney", load_settings().cache_dir).open("rb") as file:
        yield from map(json.loads, file)


def tables(policy: dict[str, Any], history: Path, until: str) -> duckdb.DuckDBPyConnection:
    """The events and the policy's numbers as tables; every column that the statement reads."""
    sql = duckdb.connect()
    columns = "{'type': 'VARCHAR', 'subject': 'VARCHAR', 'time': 'TIMESTAMP', 'data': 'JSON'}"
    source = f"read_json('{history}', format = 'newline_delimited', columns = {columns})"
    sql.execute(f"CREATE TABLE event AS SELECT subject AS customer, type, epoch_ms(time) AS ms, data FROM {source}")
    sql.execute("CREATE TABLE category_group (category VARCHAR, name VARCHAR)")
    pairs = [(category, name) for name, categories in policy.get("product_groups", {"-": ["-"]}).items() for category in categories]
    sql.executemany("INSERT INTO category_group VALUES (?, ?)", pairs)
    numbers = ", ".join(f"{name} {'DOUBLE' if isinstance(value, float) else 'HUGEINT'}" for name, value in RHYTHM.items())
    sql.execute(f"CREATE TABLE rhythm (name VARCHAR, method VARCHAR, {numbers})")
    for name, line in policy["rhythm"].items():
        given = [line.get(field, default) for field, default in RHYTHM.items()]
        sql.execute(f"INSERT INTO rhythm VALUES (?, ?, {', '.join('?' * len(given))})", [name, line["method"], *given])
    sql.execute("CREATE TABLE price (channel VARCHAR, cost HUGEINT)")
    sql.executemany("INSERT INTO price VALUES (?, ?)", list((CHANNELS | policy.get("costs", {}).get("channel", {})).items()))
    sql.execute("CREATE TABLE criterion (place INTEGER, measure VARCHAR, weight HUGEINT)")
    sql.execute("CREATE TABLE band (place INTEGER, threshold HUGEINT, points HUGEINT)")
    for place, line in enumerate(policy["criteria"]):
        sql.execute("INSERT INTO criterion VALUES (?, ?, ?)", [place, line["measure"], line["weight"]])
        sql.executemany("INSERT INTO band VALUES (?, ?, ?)", [(place, threshold, points) for threshold, points in line["bands"].items()])
    setting = {
        "now_ms": parse_ms(until),
        "window_days": policy["window_days"],
        "horizon_days": 365,
        "margin_pct": policy.get("margin_pct", 40),
    }
    setting |= {"medium_pct": 50, "high_pct": 80, "cut_a": policy["classes"]["A"], "cut_b": policy["classes"]["B"], **policy["winback"]}
    sql.execute("CREATE TABLE setting AS SELECT " + ", ".join(f"{value}::HUGEINT AS {name}" for name, value in setting.items()))
    return sql


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("events", "own", "until", "customers"),
    [(orders, CDNOW, "1998-03-31T12:00:00Z", 23_570), (journey, JOURNEY, "2017-10-15T08:00:00Z", 2_452)],
    ids=["cdnow", "completejourney"],
)
def test_real_customers_stand_where_sql_says(events: Any, own: dict[str, Any], until: str, customers: int, tmp_path: Path) -> None:
    policy = own | SHARED
    output = replay(tmp_path, events(), policy, until=until)
    sql = tables(policy, tmp_path / "history.jsonl", until)
    sql.execute(STATEMENT.read_text())
    found = sql.execute(SEGMENTS)
    names = [column[0] for column in found.description]
    expected = {row[names.index("customer")]: dict(zip(names, row, strict=True)) for row in found.fetchall()}
    assert len(expected) == len(output.customers) == customers
    wrong = []
    for (_, customer), told in output.customers.items():
        profile, row = told.profile["data"], expected[customer]
        said = profile["statuses"] | profile["measures"]
        wrong += [(customer, name, said[name], row[name]) for name in (*STATUSES, *MEASURES) if said[name] != row[name]]
    assert wrong[:20] == []
    for name in STATUSES:
        assert len({row[name] for row in expected.values()}) >= 2, f"the data says nothing of {name}"


EVALUATED = "1998-03-02T00:00:00Z"
WEIGHED_ONE_BY_ONE = 2_000
CUT_OFFS = """
WITH worth AS (SELECT value_total AS value, sum(value_total) AS together FROM standing WHERE value_total > 0 GROUP BY value_total),
     richest_first AS (SELECT value, sum(together) OVER (ORDER BY value DESC) AS reached, sum(together) OVER () AS whole FROM worth)
SELECT max(value) FILTER (reached * 100 >= 80 * whole), max(value) FILTER (reached * 100 >= 95 * whole) FROM richest_first
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_few_who_carry_the_shop_are_those_whom_sql_finds(tmp_path: Path) -> None:
    """At the moment of an evaluation: a cut-off lies at most 1/256 below the exact one, and everybody stands where the cut-offs put him."""
    assert (parse_ms(EVALUATED) // 86_400_000 + 719_163) % 30 == 0, "not an evaluation day"
    half = (order for order in orders() if crc32(order["subject"].encode()) % 2 == 0)  # more than are weighed one by one
    output = replay(tmp_path, half, CDNOW | SHARED | {"classes": {"by": "pareto"}}, until=EVALUATED)
    sql = tables(CDNOW | SHARED, tmp_path / "history.jsonl", EVALUATED)
    sql.execute(STATEMENT.read_text())
    exact = sql.execute(CUT_OFFS).fetchall()[0]
    worth = dict(sql.execute("SELECT customer, value_total FROM standing").fetchall())
    wrong, counts = [], dict.fromkeys("ABC", 0)
    for (_, customer), told in output.customers.items():
        profile = told.profile["data"]
        cut = profile["cut_offs"]
        assert cut["evaluated_at"] == EVALUATED.replace("Z", ".000Z")
        assert all(limit * 255 <= cut[name] * 256 <= limit * 256 for name, limit in zip("AB", exact, strict=True))
        value = worth[customer]
        expected = "A" if value >= cut["A"] else "B" if value >= cut["B"] else "C"
        wrong += [(customer, profile["statuses"]["class"], expected)] if profile["statuses"]["class"] != expected else []
        counts[expected] += 1
    assert wrong[:20] == []
    assert len(set(worth.values())) > WEIGHED_ONE_BY_ONE
    assert min(counts.values()) > 100, counts

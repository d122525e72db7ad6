"""The Complete Journey as events: the counts that are known, and that each line is an event the codec accepts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stream_app.codec.policy import load_policy_file
from stream_app.demo.dataset import COUNTS, CUSTOMERS, SHOP, events_file
from stream_app.demo.run import POLICY
from stream_app.errors import ConfigError
from stream_app.settings import load_settings


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    with events_file("completejourney", load_settings().cache_dir).open() as lines:
        return [json.loads(line) for line in lines]


def test_the_known_counts(events: list[dict[str, Any]]) -> None:
    assert Counter(event["type"] for event in events) == COUNTS
    assert len({event["subject"] for event in events}) == CUSTOMERS
    assert len({event["id"] for event in events}) == len(events)
    orders = [event["data"] for event in events if event["type"] == "order.placed"]
    assert sum(not order["lines"] for order in orders) == 330
    assert len({order["order_id"] for order in orders}) == len(orders)
    assert all(len({line["sku"] for line in order["lines"]}) == len(order["lines"]) for order in orders)


def test_events_are_in_time_order_and_contacts_at_noon(events: list[dict[str, Any]]) -> None:
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert {event["time"][10:] for event in events if event["type"] != "order.placed"} == {"T12:00:00.000Z"}


def test_totals_hold_what_the_lines_hold(events: list[dict[str, Any]]) -> None:
    orders = [event["data"] for event in events if event["type"] == "order.placed"]
    more = sum(order["total_minor"] > sum(line["total_minor"] for line in order["lines"]) for order in orders)
    assert all(order["total_minor"] >= sum(line["total_minor"] for line in order["lines"]) for order in orders)
    assert 0 < more < 60, "only what was paid for rows without a quantity is in no line"


def test_the_policy_of_the_demo_covers_the_departments(events: list[dict[str, Any]]) -> None:
    policy = load_policy_file(POLICY)
    assert (policy.shop, policy.clock) == (SHOP, "events")
    lines = Counter(line.get("category") for event in events if event["type"] == "order.placed" for line in event["data"]["lines"])
    covered = sum(count for name, count in lines.items() if name in policy.category_groups)
    assert set(policy.category_groups) <= set(lines)
    assert covered / lines.total() > 0.95


def test_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such data set"):
        events_file("nothing", tmp_path)

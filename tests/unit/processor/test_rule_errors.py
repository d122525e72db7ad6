"""A rule that raises for one shop: its customers stand still, the others go on, and everything is said exactly once."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stream_app.domain.pareto import ParetoClasses
from stream_app.domain.policy import Alive, Criterion, Fixed, Policy, ScoreClasses
from stream_app.replay.course import Course, Job, plan_memory
from stream_app.replay.spill import Spill
from stream_app.replay.team import together
from stream_app.telemetry import rule_errors
from tests.builders import at, policy
from tests.unit.processor.rig import Record, Rig, book, bought, iso, told, watermark

BARE: dict[str, Any] = {"rhythms": {}, "default_rhythm": Fixed(100), "service_levels": None, "downgrade_dwell_days": 0}


def by_orders(shop: str, version: int = 1, **changes: Any) -> Policy:
    """Class by the number of orders: C, from two on B, from five on A."""
    criteria = (Criterion("orders", 1, (2, 5), (50, 100)),)
    bare = BARE | {"criteria": criteria, "classes": ScoreClasses(100, 50), "hash": f"{shop:>31}{version}", "version": version}
    return policy(shop=shop, **(bare | changes))


def broken(shop: str = "broken", version: int = 1, **changes: Any) -> Policy:
    """What no check lets through, and stands for what none has thought of: there is no label for class B."""
    return by_orders(shop, version, **({"labels": {"A": "gold", "C": "bronze"}} | changes))


def sound(shop: str = "broken", version: int = 2) -> Policy:
    return by_orders(shop, version)


@pytest.fixture(autouse=True)
def _untold() -> Iterator[None]:
    rule_errors.forget()
    yield
    rule_errors.forget()


def orders(shop: str) -> list[Record]:
    return [bought(at(0), shop=shop), bought(at(1), shop=shop), bought(at(2), shop=shop)]


def said(rig: Rig, shop: str) -> list[dict[str, Any]]:
    """The changes of a shop's customers, in order."""
    return [one.event["data"] for one in rig.of("status-changes") if one.event["source"] == f"/shops/{shop}"]


def test_the_others_go_on_and_everything_is_said_once() -> None:
    alone, both = Rig(book(by_orders("well"))), Rig(book(by_orders("well"), broken()))
    alone.work(*orders("well"), watermark(at(300), shop="well"))
    alone.drain()
    mixed = [one for pair in zip(orders("broken"), orders("well"), strict=True) for one in pair]
    both.work(*mixed, watermark(at(300), shop="broken"), watermark(at(300), shop="well"))
    both.drain()
    assert both.counts()["rule_errors",] > 0, "nothing was broken"
    assert said(both, "well") == said(alone, "well")
    assert both.state(shop="well") == alone.state(shop="well")
    assert rule_errors.reported() == {"broken"}


def test_he_stands_as_he_was_with_all_his_facts() -> None:
    rig = Rig(book(broken()))
    rig.work(bought(at(0), shop="broken"))
    before = rig.state(shop="broken")
    assert before is not None
    rig.work(bought(at(1), shop="broken"))
    state = rig.state(shop="broken")
    assert state is not None
    assert (state.values, state.sequence, state.changed_at) == (before.values, before.sequence, before.changed_at)
    assert state.values[0] == "active"
    assert state.counting == 2
    assert [change["sequence"] for change in said(rig, "broken")] == list(range(1, state.sequence + 1))
    assert rig.counts()["rule_errors",] == 1


def test_he_is_looked_at_less_and_less_often_and_his_waits_end_in_time() -> None:
    rig = Rig(book(broken()))
    rig.work(bought(at(0), shop="broken"), bought(at(0.5), shop="broken"))
    seen = []
    while (state := rig.state(shop="broken")) is not None and state.deadline_ms is not None and state.deadline_ms < at(180):
        seen.append((state.deadline_ms - at(0)) / 86_400_000)
        rig.work(watermark(state.deadline_ms, shop="broken"))
    assert seen[:5] == [1, 2, 3, 5, 9]
    assert len(seen) < 15, "a shop that stands still must not be a busy loop"
    late = Rig(book(broken()))
    late.work(bought(at(0), shop="broken"), bought(at(1), shop="broken"))
    late.work(refunded(at(1.5)), watermark(at(40), shop="broken"))
    late.drain()
    assert [one.header("error.code") for one in late.of("dead-letters")] == ["order_unknown"]


def refunded(time_ms: int) -> Record:
    record = told(time_ms, shop="broken")
    event = json.loads(record.value or b"")
    data = {"order_id": "nobody's", "refund_id": "r", "amount_minor": 1}
    return Record(json.dumps(event | {"type": "order.refunded", "data": data}).encode(), record.key, "orders", timestamp=time_ms)


def test_a_version_that_works_brings_him_where_he_should_be() -> None:
    policies = book(broken())
    rig = Rig(policies)
    rig.work(*orders("broken"))
    policies.add("broken", at(5), sound())
    rig.work(watermark(at(6), shop="broken"), sweep=9)
    assert [(one["to"], one["effective_at"], one["cause"]["kind"]) for one in said(rig, "broken") if one["dimension"] == "class"] == [
        ("C", iso(0), "event"),
        ("B", iso(5), "policy"),
    ]
    numbers = [one["sequence"] for one in said(rig, "broken")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_version_that_does_not_work_leaves_him_as_he_was() -> None:
    policies = book(sound(version=1))
    rig = Rig(policies)
    rig.work(*orders("broken"))
    before = rig.state(shop="broken")
    policies.add("broken", at(5), broken(version=2))
    rig.work(watermark(at(6), shop="broken"), sweep=9)
    state = rig.state(shop="broken")
    assert before is not None
    assert state is not None
    assert rig.counts()["rule_errors",] >= 1
    assert (state.values, state.policy_version) == (before.values, 2)
    assert rig.processor.sweeping() is None, "the sweep does not come to him again and again"


def test_who_cannot_be_weighed_is_outside_the_sums_and_his_profile_has_no_measures() -> None:
    no_number = Alive(float("nan"), 1.0, 1.0, 1.0, 0.5, 100, 100)
    rig = Rig(book(by_orders("broken", classes=None, pareto=ParetoClasses(80, 95, 30), labels=None, default_rhythm=no_number)))
    rig.work(bought(at(0), shop="broken"), watermark(at(70), shop="broken"))
    rig.drain()
    assert rig.counts()["rule_errors",] >= 3, "a profile, and evaluation days"
    assert rig.counts().get(("evaluations", "taken"), 0) == 0
    profile = rig.of("customer-profiles")[-1].event["data"]
    assert profile["statuses"]["lifecycle"] == "active"
    assert profile["measures"].keys() >= {"value_total", "score", "p_alive_pct"}
    assert set(profile["measures"].values()) == {None}


def test_a_replay_says_the_same(tmp_path: Path) -> None:
    history = [*orders("broken"), bought(at(10), shop="broken"), *orders("broken")[:1], told(at(200), shop="broken")]
    file, out = tmp_path / "events.jsonl", tmp_path / "out.jsonl"
    file.write_bytes(b"\n".join(record.value or b"" for record in history))
    job = Job([file], broken(), out, None, False, at(5_000), *plan_memory(1 << 30, 1))
    with closing(Spill(1)) as spill:
        together(1, lambda team: Course(team, job, spill).run())
    replayed = [json.loads(line) for line in out.read_text().splitlines()]
    assert rule_errors.reported() == {"broken"}
    rig = Rig(book(broken()))
    for record in history:
        rig.work(record)
    rig.drain()
    lived = [one.event for one in rig.of("status-changes")]
    assert [one["event"] for one in replayed if one["topic"] == "status-changes"] == lived
    assert replayed[-1]["event"]["data"]["sequence"] == lived[-1]["data"]["sequence"]

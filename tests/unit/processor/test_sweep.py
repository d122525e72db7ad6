"""A new policy version reaches the silent customers, too (domain.md, section 6)."""

import json

import pytest

from stream_app.domain.policy import Policy
from stream_app.engine.unit import UnitOfWork
from tests.builders import at
from tests.unit.processor.rig import Rig, book, bought, iso, told, watermark
from tests.unit.processor.test_policies import adopted, version

SHOP = ["c-1", "c-2", "c-3", "c-4", "c-5"]


def shop(*others: Policy) -> Rig:
    """Five customers who bought on day 0, under a patience of 100 days."""
    rig = Rig(book(version(1, 100), *others))
    rig.work(*(bought(at(0), customer) for customer in SHOP))
    return rig


def swept(rig: Rig) -> list[tuple[str, str | None, str]]:
    """Who was changed by policy, in order, to what, and when."""
    return [(who, to, when) for who, to, when, cause in rig.changes("churn_risk") if cause == "policy"]


def test_it_reaches_those_who_say_nothing_in_key_order() -> None:
    rig = shop()
    assert rig.processor.sweeping() is None
    rig.policies.add("acme", at(60), version(2, 200))
    assert rig.processor.sweeping() == 0
    rig.work(watermark(at(60)), sweep=2)
    assert swept(rig) == [("c-1", "low", iso(60)), ("c-2", "low", iso(60))]
    assert rig.processor.sweeping() == 2
    rig.work(sweep=99)
    assert swept(rig) == [(customer, "low", iso(60)) for customer in SHOP]
    assert rig.processor.sweeping() is None
    assert {adopted(rig, customer) for customer in SHOP} == {"2"}
    assert rig.counts()["swept",] == 5
    assert len({output.event["id"] for output in rig.of("customer-profiles")[-5:]}) == 5


@pytest.mark.parametrize("clock", ["events", "wall"])
def test_it_waits_until_time_has_reached_the_version(clock: str) -> None:
    rig = Rig(book(version(1, 100, clock=clock)))
    rig.work(bought(at(0)))
    rig.policies.add("acme", at(55), version(2, 200, clock=clock))
    rig.work(told(at(54), "c-2"), sweep=9)
    assert swept(rig) == []
    assert (rig.processor.sweeping() is None) is (clock == "events"), "by the wall clock it may be any moment"
    rig.work(wall=at(55), sweep=9)
    assert swept(rig) == ([("c-1", "low", iso(55))] if clock == "wall" else [])
    rig.work(told(at(55), "c-2", event_id="t"), sweep=9)
    assert swept(rig) == [("c-1", "low", iso(55))]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_version_that_is_put_back_before_anybody_met_it_sweeps_nobody(restarts: bool) -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200))
    rig.policies.add("acme", at(61), version(1, 100))
    if restarts:
        rig.restart()
    rig.work(told(at(70), "c-9"))
    assert rig.processor.sweeping() is None
    assert "owed" not in rig.memo


def test_what_the_new_version_makes_due_fires_at_once() -> None:
    rig = shop()
    rig.policies.add("acme", at(10), version(2, 40))
    rig.work(watermark(at(45)), sweep=1)
    assert [change[1:] for change in rig.changes("churn_risk") if change[0] == "c-1"] == [
        ("low", iso(0), "event"),
        ("medium", iso(20), "time"),
        ("high", iso(32), "time"),
        (None, iso(40), "time"),
    ]


@pytest.mark.parametrize("sweep_first", [True, False])
def test_a_late_event_finds_the_same_whether_the_sweep_was_there_or_not(sweep_first: bool) -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200))
    rig.work(watermark(at(70)), sweep=9 if sweep_first else 0)
    rig.work(told(at(58)), sweep=9)
    assert [change[1:] for change in rig.changes("churn_risk") if change[0] == "c-1"] == [
        ("low", iso(0), "event"),
        ("medium", iso(50), "time"),
        ("low", iso(60), "policy"),
    ]
    state = rig.state()
    assert state is not None
    assert (state.clock_ms, adopted(rig)) == (at(60), "2")


def test_it_goes_on_after_a_restart_and_reaches_each_once() -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200))
    rig.work(watermark(at(60)), sweep=2)
    rig.restart()
    assert rig.processor.sweeping() == 2
    lost = UnitOfWork(0, rig.store, rig.cache, rig.bounds)
    rig.processor.fire(lost, None, None, 500)
    assert rig.processor.sweep(lost, 2) == 2
    rig.restart()  # before that unit was committed
    while rig.processor.sweeping() is not None:
        rig.work(sweep=1)
    assert swept(rig) == [(customer, "low", iso(60)) for customer in SHOP]


def test_a_version_published_while_nobody_worked_is_noticed() -> None:
    rig = shop()
    rig.work(watermark(at(10)))
    rig.policies = book(version(1, 100))
    rig.policies.add("acme", at(60), version(2, 200))
    rig.restart()
    rig.work(watermark(at(60)), sweep=9)
    assert len(swept(rig)) == 5
    rig.restart()
    assert rig.processor.sweeping() is None


def test_a_version_that_comes_during_a_sweep_reaches_everybody_too() -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200))
    rig.work(watermark(at(61)), sweep=2)
    rig.policies.add("acme", at(61), version(3, 90))
    rig.work(watermark(at(62)), sweep=9)
    rig.work(sweep=9)
    expected = [(customer, to, iso(day)) for customer in SHOP for to, day in (("low", 60), ("medium", 61))]
    assert sorted(swept(rig)) == sorted(expected)
    assert rig.processor.sweeping() is None


def test_the_default_reaches_the_shops_without_their_own() -> None:
    policies = book(version(1, 100, shop=None), version(1, 100, shop="own"))
    rig = Rig(policies)
    rig.work(*(bought(at(0), shop=name) for name in ("a", "a-b", "own")))
    policies.add("*", at(60), version(2, 200, shop=None))
    rig.work(*(watermark(at(60), name) for name in ("a", "a-b", "own")), sweep=9)
    found = [output.event["source"] for output in rig.of("status-changes") if output.event["data"].get("cause") == {"kind": "policy"}]
    assert sorted(set(found)) == ["/shops/a", "/shops/a-b"]


def test_a_shop_whose_time_has_not_come_holds_up_no_other() -> None:
    policies = book(version(1, 100, shop="a"), version(1, 100, shop="b"))
    rig = Rig(policies)
    rig.work(bought(at(0), shop="a"), bought(at(0), shop="b"))
    for name in ("a", "b"):
        policies.add(name, at(60), version(2, 200, shop=name))
    rig.work(watermark(at(60), "b"), sweep=9)
    assert [output.event["source"] for output in rig.of("status-changes")][-1] == "/shops/b"
    rig.work(watermark(at(60), "a"), sweep=9)
    assert [output.event["source"] for output in rig.of("status-changes")][-1] == "/shops/a"


def test_without_a_policy_it_has_nothing_to_do() -> None:
    rig = shop()
    rig.policies.put("acme", at(60), None)
    rig.work(wall=at(90), sweep=9)
    assert rig.processor.sweeping() is None
    rig.policies.add("acme", at(95), version(2, 200))
    rig.work(watermark(at(95)), sweep=9)
    assert rig.changes("churn_risk")[-1] == ("c-5", "low", iso(95), "policy")
    assert len(swept(rig)) == 5


def test_what_is_no_customer_is_passed_over() -> None:
    rig = shop()
    unit = UnitOfWork(0, rig.store, rig.cache, rig.bounds)
    unit.write(b"acme/\x00mark", b"\x01 no state", None)
    rig.store.apply(unit.changes(None, None))
    rig.policies.add("acme", at(60), version(2, 200))
    rig.work(watermark(at(60)), sweep=9)
    assert len(swept(rig)) == 5


def test_the_marker_names_nobody_who_is_gone() -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200))
    rig.work(watermark(at(60)), sweep=2)
    assert "acme/c-2" in json.dumps(rig.memo)
    unit = UnitOfWork(0, rig.store, rig.cache, rig.bounds)
    unit.write(b"acme/c-2", None, None)
    rig.store.apply(unit.changes(None, None))
    unit.settle()
    rig.work()
    assert "c-2" not in json.dumps(rig.memo)
    rig.work(sweep=9)
    assert [who for who, _, _ in swept(rig)] == SHOP


@pytest.mark.parametrize(("live_since", "origin"), [(None, "live"), (60, "live"), (61, "backfill")])
def test_the_origin_follows_the_new_version(live_since: int | None, origin: str) -> None:
    rig = shop()
    rig.policies.add("acme", at(60), version(2, 200, live_since_ms=None if live_since is None else at(live_since)))
    rig.work(watermark(at(60)), sweep=9)
    assert {output.event["origin"] for output in rig.of("status-changes")[-5:]} == {origin}


def test_many_shops_at_once_do_not_fill_the_marker() -> None:
    names = [f"shop-{n:03}" for n in range(250)]
    rig = Rig(book(version(1, 100, shop=None)))
    rig.work(*(bought(at(0), shop=name) for name in names))
    rig.policies.add("*", at(60), version(2, 200, shop=None))
    rig.work(*(watermark(at(60), name) for name in names), sweep=20)
    assert rig.memo["sweep"] is None
    assert "come" not in rig.memo
    rig.restart()
    while rig.processor.sweeping() is not None:
        rig.work(*(watermark(at(60), name) for name in names[:1]), sweep=100)
        rig.restart()
    assert len([1 for output in rig.of("status-changes") if output.event["data"].get("cause") == {"kind": "policy"}]) == 250

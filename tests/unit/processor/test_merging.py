"""A merge across partitions: where facts and later events go, what is published, and who is refused."""

from dataclasses import replace

import pytest

from stream_app.domain.facts.state import is_customer
from stream_app.domain.policy import Fixed
from stream_app.engine.stores.store import Changes
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from tests.builders import at
from tests.unit.processor.rig import RULES, Record, Rig, Rigs, book, bought, iso, text, told, watermark
from tests.unit.processor.test_derived import PARTITIONS, elsewhere


def merges(time_ms: int, customer: str, into: str) -> Record:
    return text("customer.merged", time_ms, customer, into=into)


def orders(rigs: Rigs, customer: str) -> int:
    state = rigs.of(customer).state(customer)
    return 0 if state is None else state.counting


def test_facts_and_later_events_go_where_the_other_lives() -> None:
    rigs, other = Rigs(PARTITIONS), elsewhere("x")
    rigs.work(bought(at(1), "x"), bought(at(2), other), merges(at(3), "x", other), bought(at(4), "x"), bought(at(1), "x"))
    home, away = rigs.of("x"), rigs.of(other)
    assert [(one.key, one.partition) for one in home.of(REKEYED)] == [(f"acme/{other}".encode(), away.partition)] * 3
    assert [home.counts()["derived", kind] for kind in ("customer.facts", "forwarded")] == [1, 2]
    assert orders(rigs, other) == 3
    assert away.counts()["duplicates",] == 1, "the subject's first order came again"
    assert [change[1:] for change in home.changes() if change[0] == "x"][-1] == (None, "2024-10-07T00:00:00.000Z", "merge")


def test_his_profile_is_taken_away_and_the_others_is_written() -> None:
    rigs = Rigs(1)
    rigs.work(bought(at(1), "x"), merges(at(2), "x", "y"))
    profiles = {output.key: output.value for output in rigs.rigs[0].of("customer-profiles")}
    assert profiles[b"acme/x"] is None
    assert profiles[b"acme/y"] is not None


def test_nothing_fires_for_one_who_has_left() -> None:
    rigs = Rigs(1)
    rigs.work(bought(at(1), "x"), merges(at(2), "x", "y"), watermark(at(4_000)))
    assert [change[:2] for change in rigs.rigs[0].changes()] == [("x", "active"), ("x", None), ("y", "active"), ("y", "inactive")]
    rigs.rigs[0].restart()
    rigs.work(told(at(4_001), "x"))
    assert orders(rigs, "y") == 1


@pytest.mark.parametrize("first", ["x", "y"])
def test_of_a_circle_that_closes_between_partitions_nothing_is_lost(first: str) -> None:
    rigs, other = Rigs(PARTITIONS), elsewhere("x")
    rigs.work(bought(at(1), "x"), bought(at(2), other))
    rigs.of("x").work(merges(at(3), "x", other))
    rigs.of(other).work(merges(at(3), other, "x"))
    hops = rigs.hops()
    assert len(hops) == 2
    for partition, record in hops if first == "x" else hops[::-1]:
        rigs.rigs[partition].work(record)
        rigs.deliver()
    living = [name for name in ("x", other) if is_customer(rigs.of(name).state(name))]
    assert living
    assert sum(orders(rigs, name) for name in living) == 2
    letters = [output.header("error.code") for rig in rigs.rigs for output in rig.of("dead-letters")]
    assert letters == ["merge_refused"] * len(letters)
    assert len(letters) == len(living)
    rigs.work(bought(at(5), "x"), bought(at(6), other))
    assert sum(orders(rigs, name) for name in living) == 4


def test_who_comes_home_stands_under_the_policy_he_has_left_with_until_the_next() -> None:
    policies = book()
    rigs, other = Rigs(PARTITIONS, policies), elsewhere("x")
    rigs.work(bought(at(1), "x"), bought(at(2), other))
    rigs.of("x").work(merges(at(3), "x", other))
    rigs.of(other).work(merges(at(3), other, "x"))
    policies.add("*", at(5), replace(RULES, version=2, hash="2" * 32, default_rhythm=Fixed(1)))
    rigs.deliver()
    home = next(rig for name in ("x", other) if is_customer((rig := rigs.of(name)).state(name)))
    name = home.changes()[-1][0]
    assert home.changes()[-1] == (name, "active", iso(3), "merge"), "the version was published while he was away, and is later"
    home.work(watermark(at(5)), sweep=10)
    home.work(told(at(6), name))
    assert home.changes()[-1] == (name, "inactive", iso(5), "policy")


def test_a_dead_letter_of_a_forwarded_event_names_where_it_was_read() -> None:
    rigs, other = Rigs(PARTITIONS), elsewhere("x")
    again = bought(at(5), "x", order_id="o")
    again.offset = 77
    rigs.work(bought(at(1), other, order_id="o"), merges(at(3), "x", other), again)
    letter = rigs.of(other).of("dead-letters")[0]
    assert (letter.header("error.code"), letter.header("error.topic"), letter.header("error.offset")) == ("order_exists", "orders", "77")
    assert (letter.key, letter.value) == (again.key, again.value)
    assert not [name for name, _ in letter.headers if name.startswith("rekeyed.")]


def test_an_event_for_one_who_is_no_more_goes_back() -> None:
    """Whom somebody was merged into is unknown here: erased, for instance. The event begins its own customer anew."""
    rigs, other = Rigs(PARTITIONS), elsewhere("x")
    rigs.work(bought(at(1), "x"), merges(at(2), "x", other))
    home, away = rigs.of("x"), rigs.of(other)
    away.store.apply(_without(f"acme/{other}".encode()))
    away.restart()
    rigs.work(bought(at(3), "x"))
    assert is_customer(home.state("x"))
    assert orders(rigs, "x") == 1
    assert away.state(other) is None


def _without(key: bytes) -> Changes:
    """A write that takes a state away."""
    return Changes({key: None}, [], [], None, None)


def test_a_forwarding_header_from_outside_means_nothing() -> None:
    rig = Rig()
    forged = bought(at(1), "x")
    forged.headers = [("rekeyed.from", b"z"), ("rekeyed.into", b"y")]
    rig.work(forged)
    assert rig.state("x") is not None
    assert rig.state("y") is None
    assert partition_of(b"acme/x", 1) == 0

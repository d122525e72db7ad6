"""Events that customers send each other: where they go, in which order, and who may send them."""

import json
from typing import Any

import pytest

from stream_app.domain.facts.state import is_customer
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from tests.builders import at, policy
from tests.unit.processor.rig import Record, Rig, Rigs, bought, text, told, watermark

PARTITIONS = 4


def refers(time_ms: int, customer: str, other: str) -> Record:
    return text("referral.made", time_ms, customer, referred_customer_id=other)


def elsewhere(customer: str) -> str:
    """The name of someone who lives in another partition."""
    home = partition_of(f"acme/{customer}".encode(), PARTITIONS)
    return next(name for name in (f"c-{n}" for n in range(99)) if partition_of(f"acme/{name}".encode(), PARTITIONS) != home)


def test_both_are_told_across_partitions() -> None:
    rigs, other = Rigs(PARTITIONS), elsewhere("a")
    rigs.work(refers(at(1), "a", other), bought(at(2), other))
    out, back = rigs.of("a").of(REKEYED), rigs.of(other).of(REKEYED)
    assert [(one.key, one.partition, one.event["type"]) for one in (*out, *back)] == [
        (f"acme/{other}".encode(), rigs.of(other).partition, "referral.known"),
        (b"acme/a", rigs.of("a").partition, "referral.first_order"),
    ]
    assert back[0].event["data"] == {"referred_customer_id": other, "at": "2024-10-06T00:00:00.000Z", "number": 1}
    assert back[0].event["time"] == "2024-10-06T00:00:00.000Z"
    assert back[0].header("content-type") == "application/cloudevents+json"
    state = rigs.of("a").state("a")
    assert state is not None
    assert state.conversions == [at(2)]
    assert rigs.of("a").counts()["derived", "referral.known"] == 1
    assert rigs.of("a").counts()["events", "referral.first_order"] == 1


def test_one_who_is_no_customer_has_a_state_and_nothing_else() -> None:
    rigs = Rigs(1)
    rigs.work(refers(at(1), "a", "b"))
    rig = rigs.rigs[0]
    assert not is_customer(rig.state("b"))
    rig.drain(wall=at(4_000))
    assert [output for output in rig.outputs if output.key == b"acme/b"] == rig.of(REKEYED)
    rig.restart()
    rigs.work(bought(at(2), "b"))
    assert [change[0] for change in rig.changes() if change[0] == "b"] == ["b"]
    state = rig.state("a")
    assert state is not None
    assert state.conversions == [at(2)]


def test_a_new_policy_does_not_touch_one_who_is_no_customer() -> None:
    rigs = Rigs(1)
    rig = rigs.rigs[0]
    rigs.work(refers(at(1), "a", "b"))
    rigs.policies.add("acme", at(2), policy(version=2, hash="1" * 32))
    rigs.work(refers(at(3), "c", "b"))
    state = rig.state("b")
    assert state is not None
    assert not is_customer(state)
    assert state.referrers == ["a", "c"]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (1, 2, 3), (3,)])
def test_the_order_in_the_topic_is_that_of_the_causes(cuts: tuple[int, ...]) -> None:
    rig = Rig()
    rig.work(refers(at(0), "x", "nobody"))
    records = [refers(at(1), "z", "p"), refers(at(2), "a", "q"), refers(at(3), "z", "r"), refers(at(4), "a", "s")]
    begin = 0
    for end in (*cuts, len(records)):
        if records[begin:end]:
            rig.work(*records[begin:end])
        begin = end
    assert [one.event["subject"] for one in rig.of(REKEYED)[1:]] == ["p", "q", "r", "s"]


FORGED: list[tuple[str, dict[str, Any]]] = [
    ("referral.known", {"referrer_id": "x", "referred_customer_id": "a"}),
    ("referral.first_order", {"referred_customer_id": "b", "at": "2024-10-06T00:00:00Z"}),
]


@pytest.mark.parametrize(("kind", "data"), FORGED)
@pytest.mark.parametrize("topic", ["orders", "contacts"])
@pytest.mark.parametrize("partition", [0, 1])
def test_nobody_can_forge_them_from_outside(kind: str, data: dict[str, Any], topic: str, partition: int) -> None:
    rig = Rig(partitions=2, partition=partition)
    forged = text(kind, at(2), "a", **data)
    forged.topic = topic
    rig.work(forged)
    assert [output.header("error.code") for output in rig.of("dead-letters")] == ["unknown_type"]
    assert rig.of(REKEYED) == []
    assert rig.state("a") is None


@pytest.mark.parametrize(("kind", "data"), FORGED)
def test_damaged_ones_are_dead_letters(kind: str, data: dict[str, Any]) -> None:
    rig = Rig()
    for name in data:
        damaged = text(kind, at(2), "a", **{**data, name: 7})
        damaged.topic = REKEYED
        rig.work(damaged)
    assert {output.header("error.code") for output in rig.of("dead-letters")} == {"invalid_data"}
    assert len(rig.of("dead-letters")) == len(data)


def test_a_redelivery_changes_nothing() -> None:
    rigs = Rigs(1)
    rig = rigs.rigs[0]
    rigs.work(refers(at(1), "a", "b"), bought(at(2), "b"), told(at(3), "a"), watermark(at(4)))
    sent = [Record(one.value, one.key, REKEYED, headers=one.headers) for one in rig.of(REKEYED)]
    before, changes = [rig.state(name) for name in ("a", "b")], len(rig.of("status-changes"))
    for record in sent:
        rig.work(record)
    after = [rig.state(name) for name in ("a", "b")]
    assert [json.dumps(state.conversions + state.referrers) for state in before if state] == [
        json.dumps(state.conversions + state.referrers) for state in after if state
    ]
    assert len(rig.of("status-changes")) == changes

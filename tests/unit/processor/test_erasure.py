"""Erasure in one partition: nothing that is stored or remembered names him, and nothing from before brings him back."""

import json

import pytest

from stream_app.codec.columns import to_columns
from stream_app.codec.marks import decode_mark, mark_key
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.engine.stores.store import FIRST
from stream_app.engine.transactions.partitioner import forget_keys, partition_of
from stream_app.errors import ErasureKeyError
from stream_app.processor.hop import REKEYED
from stream_app.processor.marks import Erasing
from tests.builders import at, policy
from tests.unit.processor.rig import RULES, Record, Rig, Rigs, book, bought, iso, text, told, watermark

ERASING = Erasing(b"a secret of thirty-two bytes, say", {"t-orders": None, "t-status-changes": 86_400_000})
MARK = mark_key(ERASING.secret, Who("acme", "canary-77"))
NAME = "canary-77"


def erased(time_ms: int, customer: str = NAME, event_id: str | None = None) -> Record:
    return text("customer.erased", time_ms, customer, event_id=event_id)


def rig(**given: object) -> Rig:
    return Rig(book(policy(**{**_RULES, "suppress_days": 400})), erasing=ERASING, **given)  # type: ignore[arg-type]


_RULES = {name: getattr(RULES, name) for name in ("shop", "default_rhythm", "rhythms", "labels", "service_levels", "classes")}


def contents(one: Rig) -> str:
    """Everything that a partition keeps: states, timers, memo, cache."""
    store = one.store
    timers = [list(store.timers_from(timeline, FIRST)) for timeline in store._timelines]
    streams = one.processor._streams
    return repr((store._states, timers, one.memo, one.cache._frames, streams._spared, one.processor._touched))


def test_nothing_that_is_kept_names_him_and_the_search_finds_him_before() -> None:
    one = rig()
    one.work(bought(at(0), NAME), bought(at(0), "other"), text("order.cancelled", at(1), NAME, order_id="never"))
    one.work(bought(at(1), NAME))  # a deadline that moves leaves a stale timer behind
    assert NAME in contents(one)
    assert any(NAME in repr(timer) for timer in one.store.timers_from("acme", FIRST))
    one.work(erased(at(2), NAME))
    assert NAME not in contents(one)
    assert "other" in contents(one)
    (receipt,) = [output for output in one.of("status-changes") if output.event["type"] == "erasure.completed"]
    assert receipt.key == b"acme/canary-77"
    assert receipt.event["data"]["kept"] == {
        "t-orders": {"retention_ms": None, "until_at": None},
        "t-status-changes": {"retention_ms": 86_400_000, "until_at": iso(3)},
    }
    assert [(output.key, output.value, output.headers) for output in one.of("customer-profiles")][-1] == (b"acme/canary-77", None, ())
    assert one.units[-1].states[b"acme/canary-77"] is None
    assert one.of("dead-letters") == [], "what waited went with him"
    framed = one.store.get(MARK)
    assert framed is not None
    assert decode_mark(framed[8:]) == (at(2), at(402), [])


def test_an_unknown_customer_gets_a_receipt_and_a_mark_and_no_tombstone() -> None:
    one = rig()
    one.work(erased(at(2)))
    assert set(one.units[-1].states) == {MARK}
    assert one.of("customer-profiles") == []
    assert one.of("status-changes")[0].event["data"]["was_known"] is False


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_old_events_are_dropped_and_counted_and_a_later_one_begins_a_new_customer(restart: bool, together: bool) -> None:
    one = rig()
    records = [
        bought(at(0), NAME),
        erased(at(2)),
        bought(at(1), NAME),
        told(at(2), NAME),
        bought(at(3), NAME),
        told(at(2), NAME, event_id="x"),
    ]
    for part in [records] if together else [[record] for record in records]:
        one.work(*part, bound=at(0))
        if restart:
            one.restart()
    assert one.counts()["suppressed",] == 3
    assert one.counts()["erasures",] == 1
    state = one.state(NAME)
    assert state is not None
    assert (state.born_ms, state.counting, state.mark) == (at(3), 1, (at(2), at(402), []))
    assert one.store.get(MARK) is None, "his state knows it now"
    assert one.processor._marks.count == 0
    assert "marks" not in one.memo
    assert one.of("customer-profiles")[-1].value is not None


def test_a_dropped_event_costs_no_record() -> None:
    one = rig()
    one.work(bought(at(0), NAME), erased(at(2)))
    one.work(bought(at(1), NAME))
    unit = one.units[-1]
    assert (unit.states, unit.outputs) == ({}, {})


def test_the_mark_ends_by_its_own_deadline() -> None:
    one = rig()
    one.work(bought(at(0), NAME), erased(at(2)))
    one.work(watermark(at(402) - 1))
    assert one.store.get(MARK) is not None
    one.work(watermark(at(402)))
    assert one.units[-1].states == {MARK: None}
    assert "marks" not in one.memo
    one.work(bought(at(1), NAME))
    assert one.state(NAME) is not None, "nobody knows any more that he was erased"


def test_the_memo_spares_no_erased_customer() -> None:
    one = rig()
    one.work(*(bought(at(0), f"c-{n}") for n in range(9)))
    one.work(watermark(at(300)), limit=1)
    # Deadlines up to day 300 are owed, and he, who came after that, is spared them: the marker says so.
    one.work(bought(at(150), NAME), bound=at(160), limit=1)
    assert NAME in json.dumps(one.memo)
    one.work(erased(at(301)), fire=False)
    assert NAME not in json.dumps(one.memo)


def test_without_a_key_it_is_a_dead_letter_and_nothing_is_forgotten() -> None:
    one = Rig()
    one.work(bought(at(0), NAME), erased(at(2)))
    assert [letter.header("error.code") for letter in one.of("dead-letters")] == ["erasure_key_missing"]
    assert one.state(NAME) is not None


@pytest.mark.parametrize(("erasing", "said"), [(None, "is not set"), (Erasing(b"another"), "is another one")])
def test_a_worker_that_cannot_read_the_marks_does_not_start(erasing: Erasing | None, said: str) -> None:
    one = rig()
    one.work(erased(at(2)))
    one.erasing = erasing
    with pytest.raises(ErasureKeyError, match=said) as caught:
        one.restart()
    assert "\n" not in str(caught.value)


def test_without_marks_any_key_will_do() -> None:
    one = rig()
    one.work(bought(at(0), NAME), erased(at(2)), bought(at(3), NAME))
    one.erasing = None
    one.restart()
    one.work(bought(at(1), NAME))
    assert one.counts()["suppressed",] == 1


def test_the_mark_lies_in_his_own_partition_whatever_its_own_key_hashes_to() -> None:
    partitions = 7
    home = partition_of(b"acme/canary-77", partitions)
    assert partition_of(MARK, partitions) != home, "else this would prove nothing"
    one = rig(partitions=partitions, partition=home)
    one.work(bought(at(0), NAME), erased(at(2)))
    assert one.store.get(MARK) is not None
    one.restart()
    one.work(bought(at(1), NAME))
    assert one.counts()["suppressed",] == 1
    one.work(watermark(at(500)))
    assert one.store.get(MARK) is None
    assert one.of("customer-events-rekeyed") == []


def test_an_erasure_in_a_foreign_partition_is_sent_home_first() -> None:
    home = partition_of(b"acme/canary-77", 2)
    one = rig(partitions=2, partition=1 - home)
    one.work(erased(at(2)))
    assert [output.partition for output in one.of("customer-events-rekeyed")] == [home]
    assert one.units[-1].states == {}


def test_others_forget_his_name_and_are_told_without_it() -> None:
    rigs = Rigs(4)
    for one in rigs.rigs:
        one.erasing = ERASING
        one.restart()
    rigs.work(bought(at(0), "referrer"), bought(at(0), "friend"))
    rigs.work(
        text("referral.made", at(1), "referrer", referred_customer_id=NAME),
        text("referral.made", at(1), NAME, referred_customer_id="friend"),
    )
    rigs.work(bought(at(2), NAME))
    assert [name for name in ("referrer", "friend") if NAME in repr(vars_of(rigs.of(name).state(name)))] == ["referrer", "friend"]
    before = [len(one.outputs) for one in rigs.rigs]
    rigs.work(erased(at(3)))
    referrer, friend = rigs.of("referrer").state("referrer"), rigs.of("friend").state("friend")
    assert referrer is not None
    assert (referrer.conversions, referrer.referred) == ([at(2)], {}), "what he brought stays, without a name"
    assert NAME not in repr((vars_of(referrer), vars_of(friend)))
    new = [output for one, count in zip(rigs.rigs, before, strict=True) for output in one.outputs[count:]]
    assert sorted(output.event["type"] for output in new if output.topic == REKEYED) == ["relation.erased"] * 2
    naming = [output for output in new if NAME.encode() in (output.key or b"") + (output.value or b"")]
    assert [(output.topic, output.value is None) for output in naming] == [("status-changes", False), ("customer-profiles", True)]


def test_a_referral_from_before_the_erasure_is_forgotten_by_who_made_it() -> None:
    rigs = Rigs(4)
    for one in rigs.rigs:
        one.erasing = ERASING
        one.restart()
    rigs.work(bought(at(0), "referrer"), bought(at(0), NAME), erased(at(3)))
    rigs.work(text("referral.made", at(2), "referrer", referred_customer_id=NAME))
    assert rigs.of(NAME).counts()["suppressed",] == 1
    assert NAME not in repr(vars_of(rigs.of("referrer").state("referrer")))


def vars_of(state: State | None) -> list[object]:
    assert state is not None
    return to_columns(state)


def test_the_partitioner_forgets() -> None:
    partition_of(b"acme/canary-77", 3)
    assert partition_of.cache_info().currsize
    forget_keys()
    assert not partition_of.cache_info().currsize


def test_keys_tell_marks_from_customers_and_nothing_about_anybody() -> None:
    assert MARK.startswith(b"acme/\x00")
    assert b"canary" not in MARK
    assert mark_key(b"another secret", Who("acme", NAME)) != MARK
    assert mark_key(b"s", Who("a", "bc")) != mark_key(b"s", Who("ab", "c"))

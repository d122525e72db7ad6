"""Erasing who was merged, or into whom others were: all his names go, whatever comes first, and nothing from before brings them back."""

from itertools import permutations

import pytest

from stream_app.codec.marks import mark_key
from stream_app.domain.facts.state import is_customer
from stream_app.domain.ids import Who
from stream_app.engine.transactions.partitioner import partition_of
from tests.builders import at, policy
from tests.unit.processor.rig import Record, Rigs, book, bought, text
from tests.unit.processor.test_derived import PARTITIONS, refers
from tests.unit.processor.test_erasure import _RULES as SHORT
from tests.unit.processor.test_erasure import ERASING, contents, erased
from tests.unit.processor.test_merging import merges, orders

X, Y, Z = "canary-1", "canary-2", "canary-3"


def rigs() -> Rigs:
    return Rigs(PARTITIONS, book(policy(**{**SHORT, "suppress_days": 400})), ERASING)


def kept(some: Rigs) -> str:
    """What every partition keeps; the cache knows for a while that there is nobody under a name, so it is emptied."""
    for one in some.rigs:
        one.restart()
    return "".join(contents(one) for one in some.rigs)


def letters(some: Rigs) -> list[str]:
    return [output.header("error.code") for one in some.rigs for output in one.of("dead-letters")]


def receipts(some: Rigs) -> list[str]:
    return [one.event["subject"] for rig in some.rigs for one in rig.of("status-changes") if one.event["type"] == "erasure.completed"]


def test_the_three_live_apart() -> None:
    assert len({partition_of(f"acme/{name}".encode(), PARTITIONS) for name in (X, Y, Z)}) == 3


@pytest.mark.parametrize("erase", [X, Y, Z])
def test_all_names_of_a_chain_go_and_none_comes_back(erase: str) -> None:
    some = rigs()
    before = [bought(at(0), X), bought(at(1), Y), bought(at(2), Z), refers(at(1), X, "friend"), refers(at(1), "friend", Y)]
    links = [merges(at(3), X, Y), merges(at(4), Y, Z)]
    some.work(bought(at(0), "friend"), *before, *links)
    assert orders(some, Z) == 3
    assert all(name in kept(some) for name in (X, Y, Z))
    some.work(erased(at(5), erase))
    assert [name for name in (X, Y, Z) if name in kept(some)] == []
    assert receipts(some) == [Z], "an erasure of the subject is one of whom he has become"
    assert all(mark_key(ERASING.secret, Who("acme", name)) in some.of(name).store._states for name in (X, Y, Z))
    some.work(*before, *links, erased(at(5), erase))
    assert [name for name in (X, Y, Z) if some.of(name).state(name) is not None] == []
    assert (receipts(some), letters(some)) == ([Z], [])
    some.work(bought(at(6), X))
    assert orders(some, X) == 1, "who comes after it is somebody new"
    friend = some.of("friend").state("friend")
    assert friend is not None
    assert (friend.referred, friend.referrers) == ({}, [])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_erasure_and_merges_in_any_order(order: tuple[int, int, int]) -> None:
    """Whatever comes first: at the end nothing is kept of the erased one, unless an event of after it has brought him back."""
    some = rigs()
    some.work(bought(at(0), X), bought(at(1), Y), bought(at(2), Z))
    steps = [merges(at(3), X, Y), merges(at(4), Y, Z), erased(at(5), Y)]
    some.work(*(steps[number] for number in order))
    living = {name: orders(some, name) for name in (X, Y, Z) if is_customer(some.of(name).state(name))}
    gone = {name for name in (X, Y, Z) if name not in living}
    assert Y in gone
    assert all(name not in kept(some) for name in gone), gone
    # Who was merged into him before goes with him; who was to be merged into him later stays, and so does Z if Y never got there.
    expected = {
        (0, 1, 2): {},
        (1, 0, 2): {},
        (0, 2, 1): {Z: 1},
        (2, 0, 1): {X: 1, Z: 1},
        (1, 2, 0): {X: 1},
        (2, 1, 0): {X: 1, Z: 1},
    }
    assert living == expected[order]
    assert letters(some) == (["merge_refused"] if X in living else [])


def test_a_merge_into_an_erased_one_is_refused_and_the_subject_goes_on() -> None:
    some = rigs()
    some.work(bought(at(0), X), bought(at(1), Y), erased(at(2), Y), merges(at(3), X, Y), bought(at(4), X))
    home = some.of(X)
    assert orders(some, X) == 2
    assert letters(some) == ["merge_refused"]
    (letter,) = [output for rig in some.rigs for output in rig.of("dead-letters")]
    assert (letter.header("error.topic"), letter.key, letter.value) == ("contacts", b"acme/canary-1", merges(at(3), X, Y).value)
    changes = [one.event["data"] for one in home.of("status-changes") if "sequence" in one.event["data"]]
    assert [change["sequence"] for change in changes] == list(range(1, len(changes) + 1))
    said = [(change["from"], change["to"], change["cause"]["kind"]) for change in changes if change["dimension"] == "lifecycle"]
    assert said == [(None, "active", "event"), ("active", None, "merge"), (None, "active", "merge")]
    assert [one.value is None for one in home.of("customer-profiles")][-1] is False
    assert some.of(Y).state(Y) is None
    some.work(bought(at(5), Y), merges(at(6), X, Y))
    assert orders(some, Y) == 3, "who has come back is nobody who was erased"


def test_what_was_erased_of_the_subject_stays_so_after_he_was_merged() -> None:
    some = rigs()
    old = bought(at(0), X)
    some.work(old, erased(at(1), X), bought(at(2), X), merges(at(3), X, Y), old, bought(at(1), X, order_id="late"))
    assert orders(some, Y) == 1
    assert some.of(X).counts()["suppressed",] == 2
    some.work(erased(at(4), Y), old)
    assert [name for name in (X, Y) if name in kept(some)] == []


@pytest.mark.parametrize("first", ["facts", "erasure"])
def test_an_erasure_while_facts_travel(first: str) -> None:
    some = rigs()
    some.work(bought(at(0), X), bought(at(1), Y))
    home, away = some.of(X), some.of(Y)
    home.work(merges(at(2), X, Y))
    travelling: list[tuple[int, Record]] = some.hops()
    gone = erased(at(3), Y)
    for record in [*(one for _, one in travelling), gone] if first == "facts" else [gone, *(one for _, one in travelling)]:
        away.work(record)
    some.work(bought(at(4), X))
    assert letters(some) == ([] if first == "facts" else ["merge_refused"])
    assert orders(some, X) == (1 if first == "facts" else 2)
    assert Y not in kept(some)


def test_who_was_merged_and_is_told_twice_is_erased_once() -> None:
    some = rigs()
    some.work(bought(at(0), X), merges(at(1), X, Y), erased(at(2), Y))
    again = [output for output in some.of(Y).outputs if output.topic == "customer-events-rekeyed"]
    told = Record(again[-1].value, again[-1].key, "customer-events-rekeyed", some.of(X).partition, 99, at(2), again[-1].headers)
    some.of(X).work(told)
    assert some.of(X).state(X) is None
    some.work(bought(at(3), X), text("interest.shown", at(4), X, kind="visit"))
    some.of(X).work(told)
    assert orders(some, X) == 1

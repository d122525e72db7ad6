"""What counts once, who is told, who becomes whom and for how long the erased stay away (domain.md, sections 2, 3.5 and 9)."""

from datetime import date

import pytest

from stream_app.domain import evaluate
from stream_app.domain.events import Event, ReferralFirstOrder
from stream_app.domain.pareto import ParetoClasses
from tests.builders import WHO, Life, at, event, order, policy
from tests.unit.domain.test_erasure import Lives, erased
from tests.unit.domain.test_merging import Merging, merges
from tests.unit.domain.test_referrals import Shop, buys, cancels, refers


def interest(day: float, event_id: str) -> Event:
    return event("interest.shown", at(day), event_id, kind="quote")


def again(day: float, event_id: str) -> Event:
    """The order o-1 under another event id."""
    placed = order(at(day))
    placed.id = placed.name = event_id
    return placed


TWICE: list[tuple[str, list[Event], int, list[str], float]] = [
    # (what, the events, how many are duplicates, the codes of the dead letters, the clock); ids are remembered for 30 days
    ("two ids", [interest(0, "a"), interest(1, "b")], 0, [], 1),
    ("one id", [interest(0, "a"), interest(0, "a")], 1, [], 0),
    ("one id of two kinds", [interest(0, "a"), again(0, "a")], 1, [], 0),
    ("a later time moves no clock", [interest(0, "a"), interest(5, "a")], 1, [], 0),
    ("before anything else is looked at", [order(at(0)), order(at(0))], 1, [], 0),
    ("the id of a refused event", [order(at(0)), again(1, "b"), again(1, "b")], 1, ["order_exists"], 1),
    ("on the last day", [interest(0, "a"), interest(30, "b"), interest(0, "a")], 1, [], 30),
    ("after it", [interest(0, "a"), interest(30.1, "b"), interest(0, "a")], 0, [], 30.1),
    ("a refused event ends it, too", [interest(0, "a"), order(at(1)), again(30.1, "b"), interest(0, "a")], 0, ["order_exists"], 30.1),
    ("its own later time ends it", [interest(0, "a"), interest(30.1, "a")], 0, [], 30.1),
    ("thrice", [interest(0, "a"), interest(0, "a"), interest(0, "a")], 2, [], 0),
]


@pytest.mark.parametrize(("what", "events", "duplicates", "codes", "clock"), TWICE, ids=[row[0] for row in TWICE])
def test_what_comes_twice(what: str, events: list[Event], duplicates: int, codes: list[str], clock: float) -> None:
    life = Life(policy(dedup_days=30)).take(*events)
    assert (life.outcome.duplicates, [code for code, _ in life.rejected()], life.now.clock_ms) == (duplicates, codes, at(clock))


Told = tuple[str, float, float | None]
TOLD: list[tuple[str, list[Event], list[Told]]] = [
    # (what, the events, who is told on which day that the earliest counting order of b was when)
    ("nobody knows him", [buys("b", 1)], []),
    ("he has not bought", [refers("a", "b", 1)], []),
    ("he buys", [refers("a", "b", 1), buys("b", 2)], [("a", 2, 2)]),
    ("he bought before", [buys("b", 1), refers("a", "b", 2)], [("a", 2, 1)]),
    ("he buys again", [refers("a", "b", 1), buys("b", 2), buys("b", 3)], [("a", 2, 2)]),
    ("an earlier one comes late", [refers("a", "b", 1), buys("b", 4), buys("b", 3)], [("a", 4, 4), ("a", 3, 3)]),
    ("it is cancelled", [refers("a", "b", 1), buys("b", 2, "o"), cancels("b", "o", 3)], [("a", 2, 2), ("a", 3, None)]),
    (
        "it is cancelled, and the next is the earliest",
        [refers("a", "b", 1), buys("b", 2, "o"), buys("b", 3), cancels("b", "o", 4)],
        [("a", 2, 2), ("a", 4, 3)],
    ),
    ("a later one is cancelled", [refers("a", "b", 1), buys("b", 2), buys("b", 3, "o"), cancels("b", "o", 4)], [("a", 2, 2)]),
    ("every referrer", [refers("c", "b", 1), refers("a", "b", 1), buys("b", 2)], [("a", 2, 2), ("c", 2, 2)]),
    ("himself", [refers("b", "b", 1), buys("b", 2)], []),
]


@pytest.mark.parametrize(("what", "events", "expected"), TOLD, ids=[row[0] for row in TOLD])
def test_who_is_told_of_a_first_order(what: str, events: list[Event], expected: list[Told]) -> None:
    found: list[tuple[str, int, int | None]] = []
    for one in Shop().take(*events).told:
        if isinstance(one.data, ReferralFirstOrder):
            assert one.data.referred_customer_id == "b"
            found.append((one.customer_id, one.time_ms, one.data.at_ms))
    assert found == [(who, at(day), None if first is None else at(first)) for who, day, first in expected]


BOTH = [buys("x", 0), buys("y", 5)]
MERGES: list[tuple[str, list[Event], str, int, list[str]]] = [
    # (what, the events, whose the orders of both are in the end, how many, the codes of the subject's dead letters)
    ("both bought", [*BOTH, merges("x", "y", 10)], "y", 2, []),
    ("only the subject did", [buys("x", 0), merges("x", "y", 10)], "y", 1, []),
    ("only the other did", [buys("y", 5), merges("x", "y", 10)], "y", 1, []),
    ("the subject buys afterwards", [*BOTH, merges("x", "y", 10), buys("x", 12)], "y", 3, []),
    ("an old order of the subject comes late", [*BOTH, merges("x", "y", 10), buys("x", 3)], "y", 3, []),
    ("one that was known comes again", [*BOTH, merges("x", "y", 10), buys("x", 0)], "y", 2, []),
    ("a cancel comes under the old name", [buys("x", 0, "o"), merges("x", "y", 10), cancels("x", "o", 11)], "y", 0, []),
    ("a cancel comes under the new name", [buys("x", 0, "o"), merges("x", "y", 10), cancels("y", "o", 11)], "y", 0, []),
    ("a cancel waited under the other name", [cancels("y", "o", 1), buys("x", 2, "o"), merges("x", "y", 3)], "y", 0, []),
    ("one after the other", [*BOTH, merges("x", "y", 10), buys("z", 11), merges("y", "z", 12), buys("x", 13)], "z", 4, []),
    ("into himself", [buys("x", 0), merges("x", "x", 10)], "x", 1, ["merge_refused"]),
]


@pytest.mark.parametrize(("what", "events", "whose", "orders", "codes"), MERGES, ids=[row[0] for row in MERGES])
def test_who_becomes_whom(what: str, events: list[Event], whose: str, orders: int, codes: list[str]) -> None:
    some, gone = Merging(), {one.customer_id for one in events if one.type == "customer.merged"} - {whose}
    some.take(*events)
    assert some.life(whose).measure("orders") == orders
    assert some.life(whose).status("lifecycle") == ("active" if orders else "potential")
    assert some.rejected("x") == codes
    assert all(set(some.life(name).now.values) == {None} for name in gone)


EVALUATIONS = [
    # (every so many days, the day, the latest evaluation, the next one): the proleptic ordinal divides
    (1, date(2024, 10, 4), date(2024, 10, 4), date(2024, 10, 5)),
    (7, date(2024, 10, 4), date(2024, 9, 29), date(2024, 10, 6)),
    (30, date(2024, 10, 4), date(2024, 9, 11), date(2024, 10, 11)),
    (30, date(2024, 10, 10), date(2024, 9, 11), date(2024, 10, 11)),
    (30, date(2024, 10, 11), date(2024, 10, 11), date(2024, 11, 10)),
    (365, date(2024, 10, 4), date(2024, 8, 27), date(2025, 8, 27)),
]


@pytest.mark.parametrize(("every", "day", "latest", "following"), EVALUATIONS, ids=[f"{row[0]} on {row[1]}" for row in EVALUATIONS])
def test_the_days_on_which_cut_offs_are_taken(every: int, day: date, latest: date, following: date) -> None:
    epoch = date(1970, 1, 1).toordinal()
    pareto = ParetoClasses(80, 95, every)
    assert pareto.last_day(day.toordinal() - epoch) == latest.toordinal() - epoch
    assert pareto.next_day(day.toordinal() - epoch) == following.toordinal() - epoch
    assert latest.toordinal() % every == following.toordinal() % every == 0


AWAY: list[tuple[str, int, float, float, int]] = [
    # (what, suppress_days, the day time has reached, the time of the event that comes then, events dropped); erased on day 10
    ("before the end", 400, 409.9, 5, 1),
    ("at the end", 400, 410, 5, 0),
    ("before an earlier end", 30, 39.9, 5, 1),
    ("at an earlier end", 30, 40, 5, 0),
    ("from the erasure's own time", 30, 39.9, 10, 1),
    ("from after it", 30, 39.9, 10.1, 0),
]


@pytest.mark.parametrize(("what", "suppress_days", "reached", "time", "dropped"), AWAY, ids=[row[0] for row in AWAY])
def test_how_long_old_events_are_dropped(what: str, suppress_days: int, reached: float, time: float, dropped: int) -> None:
    rules = policy(suppress_days=suppress_days)
    lives = Lives(rules).take(order(at(0)), erased(at(10)), order(at(12), "o-2"))
    evaluate.advance(WHO, lives.now, at(reached), rules, lives.outcome)
    lives.take(order(at(time), "o-3"))
    assert lives.outcome.suppressed == dropped
    assert lives.now.counting == 2 - dropped

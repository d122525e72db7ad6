"""When a dimension changes, how long its value lasts, what a new policy changes and what is set off (domain.md, 3 to 7)."""

from typing import Any

import pytest

from stream_app.domain import evaluate
from stream_app.domain.events import Event
from stream_app.domain.ids import STATUS_CHANGED
from stream_app.domain.policy import (
    Cap,
    Condition,
    ContactRule,
    ContactRules,
    Criterion,
    Fixed,
    Opportunity,
    Policy,
    ScoreClasses,
    SegmentRule,
    Segments,
    ServiceLevels,
)
from stream_app.domain.settle import Outcome
from tests.builders import DAY, WHO, Life, at, cancel, contact, event, order, policy, refund

RICH = Segments((SegmentRule("rich", (Condition("revenue", -1, "at_least", limit=5_000),)),))
FITS = Criterion("criteria.fit", 1, tuple(range(101)), tuple(range(101)))


def rules(**changes: Any) -> Policy:
    """Every dimension exists; the class is what was assessed (A from 70, B from 40), without dwell."""
    fields: dict[str, Any] = {
        "default_rhythm": Fixed(100),
        "rhythms": {},
        "criteria": (FITS,),
        "downgrade_dwell_days": 0,
        "segments": RICH,
        "opportunity": Opportunity(150, 10, {}),
        "contact": ContactRules({}, ContactRule((Cap(None, 1, 10),))),
    }
    return policy(**{**fields, **changes})


def assessed(day: float, fit: int) -> Event:
    return event("profile.assessed", at(day), f"a-{day}", criteria={"fit": fit})


RULED_OUT = event("lead.ruled_out", at(2), "out")
AGAIN = [order(at(0)), cancel(at(1)), order(at(2), "o-2")]
MOVES: list[tuple[str, str, list[Event], float, list[tuple[str | None, str | None]]]] = [
    # (what, the dimension, the events, the clock, every change from and to)
    ("the first value", "lifecycle", [contact(at(0))], 0, [(None, "potential")]),
    ("another", "lifecycle", [contact(at(0)), order(at(1))], 1, [(None, "potential"), ("potential", "active")]),
    ("the same again", "lifecycle", [order(at(0)), order(at(1), "o-2")], 1, [(None, "active")]),
    ("stays null", "churn_risk", [contact(at(0)), contact(at(1))], 300, []),
    ("by time", "churn_risk", [order(at(0))], 60, [(None, "low"), ("low", "medium")]),
    ("is lost", "churn_risk", AGAIN[:2], 1, [(None, "low"), ("low", None)]),
    ("comes again", "churn_risk", AGAIN, 2, [(None, "low"), ("low", None), (None, "low")]),
    ("exists for everybody", "winback", [contact(at(0))], 300, [(None, "none")]),
    ("stays null", "opportunity", [contact(at(0))], 300, []),
    ("is lost", "opportunity", AGAIN[:2], 1, [(None, "low"), ("low", None)]),
    ("comes again", "opportunity", AGAIN, 2, [(None, "low"), ("low", None), (None, "low")]),
    ("stays null", "class", [assessed(0, 99)], 300, []),
    ("is lost", "class", AGAIN[:2], 1, [(None, "C"), ("C", None)]),
    ("comes again", "class", AGAIN, 2, [(None, "C"), ("C", None), (None, "C")]),
    ("another", "class", [order(at(0)), assessed(1, 40), assessed(2, 70)], 2, [(None, "C"), ("C", "B"), ("B", "A")]),
    ("stays null", "segment", [order(at(0))], 0, []),
    ("is lost", "segment", [order(at(0), total=5_000), refund(at(1), 1)], 1, [(None, "rich"), ("rich", None)]),
    ("is lost by time", "segment", [order(at(0), total=5_000)], 365, [(None, "rich"), ("rich", None)]),
    ("stays null", "label", [assessed(0, 99)], 0, []),
    ("follows C", "label", [order(at(0)), assessed(1, 39)], 1, [(None, "bronze")]),
    ("follows B", "label", [order(at(0)), assessed(1, 40)], 1, [(None, "bronze"), ("bronze", "silver")]),
    ("follows A", "label", [order(at(0)), assessed(1, 70)], 1, [(None, "bronze"), ("bronze", "gold")]),
    ("follows the class to null", "label", AGAIN[:2], 1, [(None, "bronze"), ("bronze", None)]),
    ("stays null", "service_level", [contact(at(0))], 0, []),
    ("is lost", "service_level", AGAIN[:2], 1, [(None, "basic"), ("basic", None)]),
    ("is lost", "contact", [contact(at(0)), RULED_OUT], 2, [(None, "ok"), ("ok", None)]),
    ("comes again", "contact", [contact(at(0)), RULED_OUT, order(at(3))], 3, [(None, "ok"), ("ok", None), (None, "ok")]),
]


@pytest.mark.parametrize(("what", "dimension", "events", "clock", "moves"), MOVES, ids=[f"{row[1]} {row[0]}" for row in MOVES])
def test_a_change_is_from_one_value_to_another(
    what: str, dimension: str, events: list[Event], clock: float, moves: list[tuple[str | None, str | None]]
) -> None:
    assert [change[:2] for change in Life(rules()).take(*events).until(at(clock)).changes(dimension)] == moves


GROWS = [order(at(0), "a", 100), order(at(10), "b", 150)]
LASTS: list[tuple[str, list[Event], float, str | None, float | None]] = [
    # (the dimension, the events, the clock, the value, the day on which it changes without an event)
    ("lifecycle", [contact(at(0))], 0, "potential", None),
    ("lifecycle", [order(at(0))], 0, "active", 100),
    ("lifecycle", [order(at(0)), cancel(at(1))], 1, "potential", None),
    ("lifecycle", [order(at(0))], 100, "inactive", None),
    ("churn_risk", [order(at(0))], 0, "low", 50),
    ("churn_risk", [order(at(0))], 50, "medium", 80),
    ("churn_risk", [order(at(0))], 80, "high", 100),
    ("churn_risk", [order(at(0))], 100, None, None),
    ("winback", [contact(at(0))], 0, "none", None),
    ("winback", [order(at(0))], 0, "none", 100),
    ("winback", [order(at(0))], 100, "recent", 190),
    ("winback", [order(at(0))], 190, "cooling", 465),
    ("winback", [order(at(0))], 465, "gone", None),
    ("opportunity", GROWS, 10, "high", 20),
    ("opportunity", GROWS, 20, "low", None),
    ("segment", [order(at(0.5), total=5_000)], 0.5, "rich", 365),
    ("segment", [order(at(0.5), total=5_000)], 365, None, None),
    ("contact", [contact(at(0.5)), contact(at(1))], 1, "too_often", 10),
    ("contact", [contact(at(0.5)), contact(at(1))], 10, "ok", None),
]


@pytest.mark.parametrize(
    ("dimension", "events", "clock", "value", "day"), LASTS, ids=[f"{row[0]} {row[3]} on day {row[2]}" for row in LASTS]
)
def test_how_long_a_value_lasts(dimension: str, events: list[Event], clock: float, value: str | None, day: float | None) -> None:
    life = Life(rules()).take(*events).until(at(clock))
    change = [one.data for one in life.published() if one.data["dimension"] == dimension][-1]
    assert change["to"] == value
    if day is None:
        assert change["valid_until"] is None
    else:
        assert change["effective_at"] < change["valid_until"] <= at(day), "it may say less, and never more"
    known = len(life.changes(dimension))
    life.until(at(2_000))
    assert [moment for _, _, moment, _ in life.changes(dimension)[known : known + 1]] == ([] if day is None else [at(day)])


def again(day: float, event_id: str) -> Event:
    """The order o-1 under another event id."""
    placed = order(at(day))
    placed.id = placed.name = event_id
    return placed


BOUGHT, LOST = ("active", 0, "event"), ("inactive", 100, "time")
ORDER_OF_TIME: list[tuple[str, list[Event], list[tuple[str, float, str]]]] = [
    # (what, the events in log order, every lifecycle with its day and cause)
    ("before the deadline", [order(at(0)), order(at(99.9), "o-2")], [BOUGHT]),
    ("at the deadline", [order(at(0)), order(at(100), "o-2")], [BOUGHT, LOST, ("active", 100, "event")]),
    ("long after it", [order(at(0)), order(at(500), "o-2")], [BOUGHT, LOST, ("active", 500, "event")]),
    (
        "a late order is judged at the clock",
        [order(at(0)), contact(at(120)), order(at(50), "o-2")],
        [BOUGHT, LOST, ("active", 120, "late")],
    ),
    ("a late order of no avail", [order(at(0)), contact(at(300)), order(at(50), "o-2")], [BOUGHT, LOST]),
    ("at one moment", [order(at(0)), cancel(at(0))], [BOUGHT, ("potential", 0, "void")]),
    ("at one moment, the other way round", [cancel(at(0)), order(at(0))], [("possibly_interested", 0, "void"), ("potential", 0, "void")]),
    ("a refused event fires what is due", [order(at(0)), again(150, "b")], [BOUGHT, LOST]),
    ("a duplicate fires nothing", [order(at(0)), again(150, "e-o-1")], [BOUGHT]),
]


@pytest.mark.parametrize(("what", "events", "expected"), ORDER_OF_TIME, ids=[row[0] for row in ORDER_OF_TIME])
def test_what_is_due_comes_first(what: str, events: list[Event], expected: list[tuple[str, float, str]]) -> None:
    # The duplicate has its id within the days for which ids are remembered.
    life = Life(rules(dedup_days=200)).take(*events)
    assert [change[1:] for change in life.changes("lifecycle")] == [(value, at(day), kind) for value, day, kind in expected]


RENAMED = {"A": "platinum", "B": "silver", "C": "bronze"}
SERVED = ServiceLevels({}, {"A": "butler", "B": "standard", "C": "basic"})
Turn = tuple[str, str | None, str | None]
DOWN: list[Turn] = [("class", "A", "B"), ("label", "gold", "silver"), ("service_level", "premium", "standard")]
GONE: list[Turn] = [("class", "A", None), ("label", "gold", None), ("service_level", "premium", None)]
LEFT: list[Turn] = [("lifecycle", "active", "inactive"), ("churn_risk", "low", None), ("winback", "none", "recent")]
POLICIES: list[tuple[str, dict[str, Any], float, list[Turn]]] = [
    # (what, what the new version changes, the day of its record, the changes); his clock is at day 5, his one order on day 0
    ("nothing that concerns him", {"refund_cost": 1}, 6, []),
    ("a shorter patience", {"default_rhythm": Fixed(6)}, 6, LEFT),
    ("a shorter patience, from before his clock", {"default_rhythm": Fixed(5)}, 1, LEFT),
    ("a patience not yet over", {"default_rhythm": Fixed(6)}, 1, [("churn_risk", "low", "high")]),
    ("an earlier risk", {"medium_pct": 6}, 6, [("churn_risk", "low", "medium")]),
    ("another name for his class", {"labels": RENAMED}, 6, [("label", "gold", "platinum")]),
    ("no labels", {"labels": None}, 6, [("label", "gold", None)]),
    ("another service", {"service_levels": SERVED}, 6, [("service_level", "premium", "butler")]),
    ("no service levels", {"service_levels": None}, 6, [("service_level", "premium", None)]),
    ("a higher cut-off", {"classes": ScoreClasses(80, 40)}, 6, DOWN),
    ("a higher cut-off, with dwell", {"classes": ScoreClasses(80, 40), "downgrade_dwell_days": 30}, 6, []),
    ("no classes", {"classes": None, "labels": None, "service_levels": None}, 6, GONE),
    ("a segment he is in", {"segments": Segments((SegmentRule("all", ()),))}, 6, [("segment", None, "all")]),
    ("no opportunities", {"opportunity": None}, 6, [("opportunity", "low", None)]),
    ("no limits to contact", {"contact": None}, 6, [("contact", "too_often", None)]),
    ("a wider limit", {"contact": ContactRules({}, ContactRule((Cap(None, 2, 10),)))}, 6, [("contact", "too_often", "ok")]),
]


@pytest.mark.parametrize(("what", "changes", "day", "moves"), POLICIES, ids=[row[0] for row in POLICIES])
def test_what_a_new_policy_changes(what: str, changes: dict[str, Any], day: float, moves: list[Turn]) -> None:
    life, outcome = Life(rules()).take(assessed(0, 75), order(at(0)), contact(at(4)), contact(at(5))), Outcome()
    new = rules(version=2, hash="2" * 32, **changes)
    evaluate.adopt(WHO, life.now, life.rules, new, at(day), outcome)
    found = [one for one in outcome.published if one.type == STATUS_CHANGED]
    assert [(one.data["dimension"], one.data["from"], one.data["to"]) for one in found] == moves
    first = life.published()[-1].sequence + 1
    for number, one in enumerate(found):
        assert (one.sequence, one.data["cause"], one.data["effective_at"]) == (first + number, {"kind": "policy"}, at(max(5, day)))
    assert (life.now.policy_version, life.now.clock_ms) == (2, at(max(5, day)))


REACTIONS: list[tuple[str, list[Event], float, list[tuple[str, float, str | None, str | None]]]] = [
    # (what, the events, the clock, each reaction with its day, from and to)
    ("a relation", [contact(at(0))], 0, [("contact-advice", 0, None, "ok")]),
    ("a first order", [order(at(0))], 0, [("service-level", 0, None, "basic"), ("contact-advice", 0, None, "ok")]),
    ("nothing changes", [contact(at(0)), contact(at(20))], 20, [("contact-advice", 0, None, "ok")]),
    (
        "a better class",
        [order(at(0)), assessed(1, 70)],
        1,
        [("service-level", 0, None, "basic"), ("contact-advice", 0, None, "ok"), ("service-level", 1, "basic", "premium")],
    ),
    (
        "the class is lost",
        [order(at(0)), cancel(at(1))],
        1,
        [("service-level", 0, None, "basic"), ("contact-advice", 0, None, "ok"), ("service-level", 1, "basic", None)],
    ),
    (
        "too often, and no more",
        [contact(at(0)), contact(at(1))],
        10,
        [("contact-advice", 0, None, "ok"), ("contact-advice", 1, "ok", "too_often"), ("contact-advice", 10, "too_often", "ok")],
    ),
    ("ruled out", [contact(at(0)), RULED_OUT], 2, [("contact-advice", 0, None, "ok"), ("contact-advice", 2, "ok", None)]),
]


@pytest.mark.parametrize(("what", "events", "clock", "expected"), REACTIONS, ids=[row[0] for row in REACTIONS])
def test_what_a_change_sets_off(
    what: str, events: list[Event], clock: float, expected: list[tuple[str, float, str | None, str | None]]
) -> None:
    life = Life(rules()).take(*events).until(at(clock))
    found = life.published("service_level.changed", "contact.advised")
    assert [(one.topic, (one.time_ms - at(0)) / DAY, one.data["from"], one.data["to"]) for one in found] == expected
    changes = {one.id: one for one in life.published()}
    for one in found:
        change = changes[one.causation_id or ""]
        assert (change.data["from"], change.data["to"], change.time_ms) == (one.data["from"], one.data["to"], one.time_ms)

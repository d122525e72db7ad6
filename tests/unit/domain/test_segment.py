"""Segments by ordered rules, and the service level that follows (domain.md, 3.6 and 3.8)."""

from typing import Any

import pytest

from stream_app.codec.policy import compile_policy, read_policy_document
from stream_app.domain.events import Event
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.domain.policy import Condition, Criterion, Fixed, Policy, SegmentRule, Segments, ServiceLevels
from tests.builders import Life, at, cancel, contact, event, order, policy

QUOTE = event("interest.shown", at(0), "i", kind="quote")


def when(measure: str, **test: Any) -> Condition:
    """A condition as the policy compiles it: one of is_, in_, at_least, below."""
    ((name, wanted),) = test.items()
    dimension = DIMENSIONS.index(measure) if measure in DIMENSIONS else -1
    if name in ("is_", "in_"):
        return Condition(measure, dimension, name[:-1], wanted if name == "in_" else (wanted,))
    return Condition(measure, dimension, name, limit=wanted)


def rules(*named: tuple[str, list[Condition]], **changes: Any) -> Policy:
    segments = Segments(tuple(SegmentRule(name, tuple(conditions)) for name, conditions in named))
    fields = {"default_rhythm": Fixed(100), "rhythms": {}, "downgrade_dwell_days": 0, "segments": segments}
    return policy(**{**fields, **changes})


CONDITIONS: list[tuple[Condition, list[Event], float, bool]] = [
    # the condition, the events, the day and whether it matches
    (when("orders", at_least=2), [order(at(0)), order(at(1), "o-2")], 1, True),
    (when("orders", at_least=3), [order(at(0)), order(at(1), "o-2")], 1, False),
    (when("orders", below=3), [order(at(0)), order(at(1), "o-2")], 1, True),
    (when("orders", below=2), [order(at(0)), order(at(1), "o-2")], 1, False),
    (when("orders", is_=1), [order(at(0))], 0, True),
    (when("orders", is_=0), [QUOTE], 0, True),
    (when("orders", in_=(2, 1)), [order(at(0))], 0, True),
    (when("orders", in_=(2, 3)), [order(at(0))], 0, False),
    (when("value_now", below=0), [order(at(0), total=100), contact(at(1), "visit")], 1, True),
    (when("recency_days", at_least=0), [QUOTE], 0, False),  # null is met by no comparison
    (when("recency_days", below=10**9), [QUOTE], 0, False),
    (when("recency_days", is_=None), [QUOTE], 0, True),
    (when("recency_days", is_=0), [QUOTE], 0, False),
    (when("recency_days", is_=None), [order(at(0))], 0, False),
    (when("recency_days", in_=(3, None)), [QUOTE], 0, True),  # null among the answers is an answer
    (when("criteria.fit", at_least=0), [order(at(0))], 0, False),
    (when("criteria.fit", at_least=60), [event("profile.assessed", at(0), "a", criteria={"fit": 60})], 0, True),
    (when("strategic", is_=0), [QUOTE], 0, True),
    (when("score", is_=None), [QUOTE], 0, True),
    (when("score", at_least=1), [order(at(0), total=100_000)], 0, True),
    (when("p_alive_pct", is_=None), [order(at(0))], 0, True),
    (when("lifecycle", is_="active"), [order(at(0))], 99.9, True),
    (when("lifecycle", is_="active"), [order(at(0))], 100, False),
    (when("lifecycle", in_=("potential", "inactive")), [QUOTE], 0, True),
    (when("churn_risk", is_=None), [order(at(0))], 100, True),
    (when("churn_risk", is_="medium"), [order(at(0))], 50, True),
    (when("churn_risk", in_=("low", None)), [order(at(0))], 49, True),
    (when("winback", is_="recent"), [order(at(0))], 100, True),
    (when("winback", is_="none"), [QUOTE], 0, True),
    (when("class", is_=None), [QUOTE], 0, True),
    (when("class", is_="A"), [order(at(0), total=100_000)], 0, True),
    (when("opportunity", is_=None), [order(at(0))], 0, True),  # the policy has none
]


@pytest.mark.parametrize(("condition", "events", "day", "matches"), CONDITIONS)
def test_a_condition(condition: Condition, events: list[Event], day: float, matches: bool) -> None:
    life = Life(rules(("it", [condition]))).take(*events).until(at(day))
    assert life.status("segment") == ("it" if matches else None)


RICH, NEW = ("rich", [when("revenue", at_least=5_000)]), ("new", [when("tenure_days", below=30), when("lifecycle", is_="active")])
ORDERED: list[tuple[list[tuple[str, list[Condition]]], list[Event], str | None]] = [
    ([RICH, NEW, ("others", [])], [order(at(0), total=9_000)], "rich"),
    ([NEW, RICH, ("others", [])], [order(at(0), total=9_000)], "new"),
    ([RICH, NEW, ("others", [])], [order(at(0))], "new"),
    ([RICH, NEW, ("others", [])], [QUOTE], "others"),  # without conditions a rule always matches
    ([RICH, NEW], [QUOTE], None),
    ([("others", []), RICH], [order(at(0), total=9_000)], "others"),
    ([NEW], [order(at(0)), contact(at(30))], None),  # one of two conditions is not enough
]


@pytest.mark.parametrize(("named", "events", "segment"), ORDERED)
def test_the_first_rule_that_matches_wins(named: list[tuple[str, list[Condition]]], events: list[Event], segment: str | None) -> None:
    assert Life(rules(*named)).take(*events).status("segment") == segment


DEADLINES: list[tuple[list[Condition], list[Event], list[float]]] = [
    # conditions of the one rule, events, and the days on which time alone moves a customer in or out
    ([when("recency_days", at_least=7)], [order(at(0.5))], [7]),
    ([when("recency_days", is_=7)], [order(at(0.5))], [7, 8]),
    ([when("recency_days", in_=(7, 8, 20))], [order(at(0.5))], [7, 9, 20, 21]),
    ([when("tenure_days", below=30)], [order(at(0.5)), order(at(9), "o-2")], [30]),
    ([when("orders", at_least=1)], [order(at(0.5))], [365]),
    ([when("contacts", at_least=1)], [contact(at(0.5))], [365]),  # somebody who never bought
    ([when("feedback", is_=0)], [event("feedback.given", at(0.5), "f", kind="idea", accepted=True)], [365]),
    ([when("value_future", below=1)], [order(at(0.5))], [100.5]),
    ([when("churn_risk", is_="medium")], [order(at(0))], [50, 80]),
    ([when("winback", is_="cooling")], [order(at(0))], [190, 465]),
    ([when("lifecycle", is_="inactive"), when("recency_days", below=120)], [order(at(0.5))], [100.5, 120]),
    ([when("class", is_="C")], [order(at(0.5), total=100_000)], [365]),
    ([when("score", at_least=30)], [order(at(0.5), total=20_000)], [365]),
]


@pytest.mark.parametrize(("conditions", "events", "days"), DEADLINES)
def test_time_alone_moves_a_customer(conditions: list[Condition], events: list[Event], days: list[float]) -> None:
    life = Life(rules(("it", conditions))).take(*events).until(at(1_000))
    by_time = [(moment - at(0)) / 86_400_000 for _, _, moment, kind in life.changes("segment") if kind == "time"]
    assert by_time == days
    for one in life.published():
        if one.data["dimension"] == "segment" and one.data["valid_until"] is not None:
            later = [other for other in life.published() if other.data["dimension"] == "segment" and other.sequence > one.sequence]
            assert not later or one.data["valid_until"] <= later[0].time_ms


def test_nobody_is_woken_for_what_no_rule_reads() -> None:
    life = Life(rules(("fans", [when("criteria.fit", at_least=60)]), classes=None, labels=None, service_levels=None))
    life.take(order(at(0))).until(at(2_000))
    assert life.outcome.deadlines == 5, "medium, high, inactive, cooling, gone"


LEVELS = ServiceLevels({"rich": "butler"}, {"A": "premium", "B": "standard", "C": "basic"})
SERVICE: list[tuple[ServiceLevels, dict[str, Any], list[Event], str | None]] = [
    (LEVELS, {}, [order(at(0), total=9_000)], "butler"),  # the segment goes before the class
    (LEVELS, {}, [order(at(0))], "basic"),
    (LEVELS, {}, [QUOTE], None),
    (LEVELS, {"classes": None, "labels": None}, [order(at(0), total=9_000)], "butler"),
    (LEVELS, {"classes": None, "labels": None}, [order(at(0))], None),
    (ServiceLevels({"rich": "butler", "new": "guide"}, {}), {}, [order(at(0))], "guide"),
    (ServiceLevels({"rich": "butler"}, {}), {}, [order(at(0))], None),
]


@pytest.mark.parametrize(("levels", "changes", "events", "level"), SERVICE)
def test_the_service_level_follows_the_segment_then_the_class(
    levels: ServiceLevels, changes: dict[str, Any], events: list[Event], level: str | None
) -> None:
    assert Life(rules(RICH, NEW, service_levels=levels, **changes)).take(*events).status("service_level") == level


def test_a_level_by_segment_says_so_and_lasts_as_long() -> None:
    life = Life(rules(RICH, service_levels=LEVELS)).take(order(at(0.5), total=9_000)).until(at(400))
    first, second = [one.data for one in life.published() if one.data["dimension"] == "service_level"]
    assert first["reason"] == {"code": "segment", "measures": {"segment": "rich"}, "thresholds": {}}
    assert (first["to"], second["to"], second["effective_at"]) == ("butler", "basic", at(365))
    assert first["valid_until"] <= at(365)
    assert second["reason"] == {"code": "class", "measures": {"segment": None, "class": "C"}, "thresholds": {}}
    (told,) = [one.data for one in life.published("service_level.changed") if one.time_ms == at(365)]
    assert told == {"from": "butler", "to": "basic", "class": "C", "segment": None}


def reasons(life: Life) -> list[tuple[str | None, dict[str, Any]]]:
    return [(one.data["to"], one.data["reason"]) for one in life.published() if one.data["dimension"] == "segment"]


def test_the_evidence_shows_every_condition_met_and_the_one_no_longer_met() -> None:
    low = ("safe", [when("churn_risk", in_=("low", None)), when("product_groups", at_least=1), when("contacts", is_=0)])
    life = Life(rules(low, ("old", [when("recency_days", at_least=40), when("recency_days", at_least=50)])))
    life.take(order(at(0))).until(at(150))
    assert reasons(life) == [
        (
            "safe",
            {
                "code": "rule_matches",
                "measures": {"churn_risk": "low", "product_groups": 1, "contacts": 0},
                "thresholds": {"churn_risk_in": "low, null", "product_groups_at_least": 1, "contacts_is": 0},
            },
        ),
        (
            "old",
            {
                "code": "rule_matches",
                "measures": {"recency_days": 50, "churn_risk": "medium"},
                "thresholds": {
                    "recency_days_at_least": 40,
                    "recency_days_at_least and": 50,
                    "safe: churn_risk_in": "low, null",
                },
            },
        ),
        (
            "safe",
            {
                "code": "rule_matches",
                "measures": {"churn_risk": None, "product_groups": 1, "contacts": 0},
                "thresholds": {"churn_risk_in": "low, null", "product_groups_at_least": 1, "contacts_is": 0},
            },
        ),
    ]


def test_leaving_all_segments_says_why() -> None:
    life = Life(rules(NEW)).take(order(at(0.5))).until(at(40))
    assert reasons(life)[-1] == (
        None,
        {"code": "no_rule_matches", "measures": {"tenure_days": 30}, "thresholds": {"new: tenure_days_below": 30}},
    )


def test_a_void_takes_the_segment_back() -> None:
    life = Life(rules(RICH)).take(order(at(0)), order(at(1), "o-2", 9_000), cancel(at(2), "o-2"))
    assert life.changes("segment") == [(None, "rich", at(1), "event"), ("rich", None, at(2), "void")]
    first, second = [one for one in life.published() if one.data["dimension"] == "segment"]
    assert second.data["revokes"] == first.id


DOCUMENT = """
currency: EUR
segments:
  - {name: exit, exit_dwell_days: 5, protect_criteria: {reach: 30, default: 70}}
  - {name: promising, when: [{measure: churn_risk, is: low}, {measure: product_groups, at_least: 2}, {measure: class, in: [A, null]}]}
  - {name: all}
service_levels: {segment: {exit: none}}
"""


def test_the_policy_document_compiles_to_these_rules() -> None:
    compiled = compile_policy(read_policy_document(DOCUMENT.encode(), "policy.yaml"))
    segments = compiled.segments
    assert segments is not None
    assert segments.rules == (
        SegmentRule("exit", ()),
        SegmentRule("promising", (when("churn_risk", is_="low"), when("product_groups", at_least=2), when("class", in_=("A", None)))),
        SegmentRule("all", ()),
    )
    leave = segments.exit
    assert leave is not None
    assert (leave.value_now_below, leave.value_future_below, leave.strategic_below) == (0, 1_000, 40)
    assert (leave.exit_dwell_days, leave.min_age_days) == (5, 180)
    assert (leave.protect_criteria["reach"], leave.protect_default) == (30, 70)
    assert compiled.service_levels == ServiceLevels({"exit": "none"}, {})


def test_criteria_are_read_when_a_rule_reads_the_score() -> None:
    criteria = (Criterion("recency_days", 1, (0, 7), (100, 0)),)
    life = Life(rules(("fresh", [when("score", at_least=50)]), criteria=criteria, classes=None, labels=None, service_levels=None))
    life.take(order(at(0.5))).until(at(30))
    assert [change[1:3] for change in life.changes("segment")] == [("fresh", at(0.5)), (None, at(7))]

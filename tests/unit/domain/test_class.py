"""Class by score with the anti-flap rule, label and service level (domain.md, 3.5, 3.7 and 3.8).

The score is one assessed criterion, so that the tables can set it at will: A from 70, B from 40, and 30 days of dwell.
"""

import pytest

from stream_app.domain.events import Event
from stream_app.domain.policy import Criterion, Fixed, Policy, ScoreClasses, ServiceLevels
from tests.builders import Life, at, cancel, contact, event, order, policy

CRITERIA = (Criterion("criteria.fit", 1, tuple(range(101)), tuple(range(101))),)


def rules(dwell_days: int = 30) -> Policy:
    return policy(criteria=CRITERIA, downgrade_dwell_days=dwell_days, default_rhythm=Fixed(400), rhythms={})


def score(day: float, points: int) -> Event:
    return event("profile.assessed", at(day), f"s-{day}", criteria={"fit": points})


A, B, C = 70, 40, 0
Move = tuple[str | None, str | None, float]
TABLE: list[tuple[str, int, list[tuple[float, int]], list[Move]]] = [
    # (what, dwell, scores by day, the moves of the class up to day 200)
    ("from null at once", 30, [(0, C)], [(None, "C", 0)]),
    ("cut-offs are inclusive", 30, [(0, 70)], [(None, "A", 0)]),
    ("just below A", 30, [(0, 69)], [(None, "B", 0)]),
    ("just below B", 30, [(0, 39)], [(None, "C", 0)]),
    ("better at once", 30, [(0, C), (5, B), (6, A)], [(None, "C", 0), ("C", "B", 5), ("B", "A", 6)]),
    ("worse after the dwell", 30, [(0, A), (10, B)], [(None, "A", 0), ("A", "B", 40)]),
    ("one step at a time, the hold starts anew", 30, [(0, A), (10, C)], [(None, "A", 0), ("A", "B", 40), ("B", "C", 70)]),
    ("an upswing breaks the hold", 30, [(0, A), (10, B), (39, A), (50, B)], [(None, "A", 0), ("A", "B", 80)]),
    ("an upswing at the very end comes too late", 30, [(0, A), (10, B), (40, A)], [(None, "A", 0), ("A", "B", 40), ("B", "A", 40)]),
    ("moving between lower classes is no break", 30, [(0, A), (10, C), (25, B)], [(None, "A", 0), ("A", "B", 40)]),
    ("down and further down", 30, [(0, A), (10, B), (25, C)], [(None, "A", 0), ("A", "B", 40), ("B", "C", 70)]),
    ("a rest on the way clears the hold", 30, [(0, A), (10, C), (45, B), (60, C)], [(None, "A", 0), ("A", "B", 40), ("B", "C", 90)]),
    ("half way up is still lower", 30, [(0, A), (10, C), (39, B)], [(None, "A", 0), ("A", "B", 40)]),
    (
        "up from below clears the hold",
        30,
        [(0, B), (10, C), (20, A), (25, C)],
        [(None, "B", 0), ("B", "A", 20), ("A", "B", 55), ("B", "C", 85)],
    ),
    ("without dwell straight down", 0, [(0, A), (10, C)], [(None, "A", 0), ("A", "C", 10)]),
    ("a dwell of a day", 1, [(0, A), (10, C)], [(None, "A", 0), ("A", "B", 11), ("B", "C", 12)]),
]


@pytest.mark.parametrize(("what", "dwell", "scores", "moves"), TABLE, ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("disturbed", [False, True])
def test_anti_flap(what: str, dwell: int, scores: list[tuple[float, int]], moves: list[Move], disturbed: bool) -> None:
    events = [score(day, points) for day, points in scores]
    events.insert(1, order(at(scores[0][0])))
    if disturbed:  # other events on the way change nothing
        events += [contact(at(day + 0.7)) for day in range(60)]
        events.sort(key=lambda one: one.time_ms)
    life = Life(rules(dwell)).take(*events).until(at(200))
    assert [(before, after, (moment - at(0)) / 86_400_000) for before, after, moment, _ in life.changes("class")] == moves
    for before, _, moment, kind in life.changes("class"):
        downward = before is not None and (moment - at(0)) / 86_400_000 not in [day for day, points in scores]
        assert kind == ("time" if downward or (what.startswith("an upswing at the very end") and before == "A") else "event")
    assert [change[:3] for change in life.changes("label")] == [
        (LABELS.get(before or ""), LABELS[after or ""], moment) for before, after, moment, _ in life.changes("class")
    ]


LABELS = {"A": "gold", "B": "silver", "C": "bronze"}


def test_without_a_counting_order_there_is_no_class() -> None:
    life = Life(rules()).take(score(0, 100))
    assert [life.status(name) for name in ("class", "label", "service_level")] == [None, None, None]
    life.take(order(at(1)))
    assert [life.status(name) for name in ("class", "label", "service_level")] == ["A", "gold", "premium"]
    life.take(cancel(at(2)))
    assert [life.status(name) for name in ("class", "label", "service_level")] == [None, None, None]
    assert life.changes("class")[-1] == ("A", None, at(2), "void")
    life.take(order(at(3), "o-2"), score(4, C))
    assert life.changes("class")[-1] == (None, "A", at(3), "event"), "the next value has from null again"


def test_losing_the_class_clears_the_hold() -> None:
    life = Life(rules()).take(score(0, A), order(at(0)), score(10, C), cancel(at(20)), order(at(21), "o-2"))
    assert life.status("class") == "C", "from null at once, not down a step"
    assert life.now.class_hold_ms is None


def test_the_class_stays_when_orders_are_out_of_the_window() -> None:
    life = Life(rules()).take(score(0, B), order(at(0))).until(at(3_000))
    assert (life.status("lifecycle"), life.status("class")) == ("inactive", "B")


def test_value_that_leaves_the_window_begins_the_hold_by_itself() -> None:
    criteria = (Criterion("revenue", 1, (0, 1_000, 2_000), (0, 40, 70)),)
    life = Life(policy(criteria=criteria, window_days=50, default_rhythm=Fixed(400), rhythms={}))
    life.take(order(at(0.5)), order(at(20.5), "o-2")).until(at(300))
    # day 0 leaves at day 50: B from then; day 20 leaves at day 70: C, no break of the hold.
    assert [change[:3] for change in life.changes("class")] == [
        (None, "B", at(0.5)),
        ("B", "A", at(20.5)),
        ("A", "B", at(80)),
        ("B", "C", at(110)),
    ]


def test_value_future_ends_with_activity() -> None:
    criteria = (Criterion("value_future", 1, (0, 1), (0, 100)),)
    life = Life(policy(criteria=criteria, default_rhythm=Fixed(20), rhythms={}, downgrade_dwell_days=0)).take(order(at(0))).until(at(30))
    assert [change[:3] for change in life.changes("class")] == [(None, "A", at(0)), ("A", "C", at(20))]


@pytest.mark.parametrize(("measure", "orders", "moment"), [("recency_days", [0.5, 3.5], 10), ("tenure_days", [0.5, 3.5], 7)])
def test_days_that_pass_are_deadlines(measure: str, orders: list[float], moment: int) -> None:
    criteria = (Criterion(measure, 1, (0, 7), (100, 0)),)
    life = Life(policy(criteria=criteria, default_rhythm=Fixed(99), rhythms={}, downgrade_dwell_days=0))
    life.take(*[order(at(day), f"o-{day}") for day in orders]).until(at(30))
    assert life.changes("class")[1:] == [("A", "C", at(moment), "time")]


def test_the_score_is_published_with_what_it_is_made_of() -> None:
    life = Life(rules()).take(score(0, B), order(at(0)))
    change = next(one.data for one in life.published() if one.data["dimension"] == "class")
    assert change["reason"] == {
        "code": "score",
        "measures": {"score": 40, "criteria.fit": 40},
        "thresholds": {"A": 70, "B": 40, "downgrade_dwell_days": 30},
    }
    assert change["counterfactual"] == {"measure": "score", "at_least": 70, "to": "A"}


@pytest.mark.parametrize(
    ("changes", "existing"),
    [
        ({"classes": None}, set()),
        ({"labels": None, "service_levels": None}, {"class"}),
        ({"labels": None}, {"class", "service_level"}),
        ({"service_levels": None}, {"class", "label"}),
        (
            {"classes": ScoreClasses(0, 0), "service_levels": ServiceLevels({}, {"A": "a", "B": "b", "C": "c"})},
            {"class", "label", "service_level"},
        ),
    ],
)
def test_a_dimension_exists_when_the_policy_asks_for_it(changes: dict[str, object], existing: set[str]) -> None:
    life = Life(policy(**changes)).take(order(at(0))).until(at(999))
    found = {one.data["dimension"] for one in life.published()}
    assert found == {"lifecycle", "churn_risk", "winback"} | existing

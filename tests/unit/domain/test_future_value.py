"""`value_future` by the probability model: what goes in, that it moves at local midnight only, and who is woken for it (domain.md, 3.4)."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from stream_app.codec.policy.zones import read_calendar
from stream_app.domain.calendar import Calendar
from stream_app.domain.events import Event
from stream_app.domain.model import future_value
from stream_app.domain.policy import Alive, Criterion, Fixed, GammaGamma, Policy
from tests.builders import DAY, Life, at, cancel, contact, order, policy

MODEL = Alive(0.52484, 43.28093, 0.89136, 1.614, 0.5, 30, 400, GammaGamma(6.25, 3.74, 1_545.0))
PLAIN = Alive(0.52484, 43.28093, 0.89136, 1.614, 0.5, 30, 400)


def rules(**changes: object) -> Policy:
    fields: dict[str, object] = {"default_rhythm": MODEL, "rhythms": {}, "criteria": (), "classes": None, "labels": None}
    return policy(**{**fields, "service_levels": None, **changes})


def basket() -> list[Event]:
    return [order(at(0.5), "o-1", 10_000), order(at(20.25), "o-2", 4_000), order(at(20.75), "o-3", 3_000)]


@pytest.mark.parametrize(
    ("events", "clock", "n", "span", "silent_days", "occasions", "margin"),
    [
        (basket()[:1], 0.5, 0, 0, 0, 1, 4_000),  # taken at the start of the day: before the order itself, which counts as no silence
        (basket()[:1], 0.999, 0, 0, 0, 1, 4_000),
        (basket()[:1], 1, 0, 0, 0.5, 1, 4_000),
        (basket()[:1], 1.999, 0, 0, 0.5, 1, 4_000),
        (basket(), 20.75, 1, 20, 0, 2, 6_800),  # two orders on one day are one occasion
        (basket(), 60.3, 1, 20, 60 - 20.75, 2, 6_800),
        ([*basket(), cancel(at(21), "o-2"), cancel(at(21), "o-3")], 60.3, 0, 0, 59.5, 1, 4_000),
        ([order(at(0.5), total=1_000, cost_minor=4_000)], 5, 0, 0, 4.5, 1, -3_000),  # a loss
        (basket(), 366, 1, 20, 366 - 20.75, 1, 2_800),  # the first order has left the window, and counts for the model all the same
        (basket(), 390, 1, 20, 390 - 20.75, 0, 0),  # all have: the shop's mean margin
        (basket(), 4_000, 1, 20, 4_000 - 20.75, 0, 0),  # inactive: the model knows how unlikely he is to come back
    ],
)
def test_what_goes_into_the_model(
    events: list[Event], clock: float, n: int, span: int, silent_days: float, occasions: int, margin: int
) -> None:
    life = Life(rules()).take(*events).until(at(clock))
    assert life.measure("value_future") == future_value(MODEL, n, span, silent_days * DAY, 365, occasions, margin)
    assert life.measure("value_total") == (life.measure("value_now") or 0) + (life.measure("value_future") or 0)


def test_only_the_leading_groups_model_counts() -> None:
    both = {"wine": MODEL, "shoes": Fixed(300)}
    wine = Life(rules(rhythms=both, default_rhythm=PLAIN)).take(order(at(0), categories=("red wine",)))
    assert wine.measure("value_future") == future_value(MODEL, 0, 0, 0, 365, 1, 400)
    wine.take(order(at(1), "o-2", categories=("sneakers",)))
    assert wine.measure("value_future") == 800 * 365 // (2 * 300), "shoes lead, and have no model"
    plain = Life(rules(default_rhythm=PLAIN)).take(order(at(0)))
    assert plain.measure("value_future") == 400 * 365 // 82, "without gamma_gamma the rhythm goes on: (43.28 + 0) / .52484 days"
    assert plain.until(at(3_000)).measure("value_future") == 0


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Pacific/Apia"])
def test_it_moves_at_local_midnight_and_at_no_other_time(zone: str) -> None:
    assert ZoneInfo(zone)
    calendar = Calendar() if zone == "UTC" else read_calendar(zone)
    life = Life(rules(calendar=calendar)).take(*basket())
    seen = []
    for hour in range(24 * 21, 24 * 40):
        life.until(at(hour / 24 - 1 / DAY)).until(at(hour / 24))
        day = calendar.day(life.now.clock_ms)
        seen.append((day, life.measure("value_future")))
    assert len({day for day, _ in seen}) > 15
    assert all((one == other) == (value == next_value) for (one, value), (other, next_value) in pairwise(seen))


CRITERIA = (Criterion("value_future", 2, (-9_000, -1_000, 0, 300, 2_000, 8_000), (50, 71, 0, 30, 50, 100)),)
TOTAL = (Criterion("value_total", 1, (-40_000, -5_000, 0, 12_000, 30_000), (10, 30, 50, 75, 100)),)
HISTORIES: list[list[Event]] = [
    basket(),
    [order(at(0.5), total=50_000)],
    [order(at(0.5), total=1_000, cost_minor=40_000), order(at(30), "o-2", 1_000, cost_minor=30_000)],
    [order(at(day + 0.3), f"o-{day}", 3_000) for day in range(0, 90, 9)],
    [*basket(), contact(at(21), "visit"), contact(at(100), "visit")],
]


@pytest.mark.parametrize("criteria", [CRITERIA, TOTAL])
@pytest.mark.parametrize("events", HISTORIES)
def test_each_threshold_it_passes_is_a_deadline_and_nothing_else_is(criteria: tuple[Criterion, ...], events: list[Event]) -> None:
    """As often as looking every midnight would, and at the same moments, without waking the customer every night."""
    calendar = read_calendar("America/New_York")
    more = {"criteria": criteria, "classes": policy().classes, "downgrade_dwell_days": 0, "calendar": calendar}
    sleeper, watcher = Life(rules(**more)).take(*events), Life(rules(**more)).take(*events)
    before = sleeper.outcome.deadlines
    sleeper.until(at(700))
    for day in range(calendar.day(watcher.now.clock_ms) + 1, calendar.day(at(700)) + 1):
        watcher.until(calendar.start(day))
        watcher.take(contact(calendar.start(day), "email", cost=0))  # an event that changes no value, to look
    watcher.until(at(700))
    assert [change[:3] for change in sleeper.changes("class")] == [change[:3] for change in watcher.changes("class")]
    assert len(sleeper.changes("class")) > 1
    thresholds = sum(len(criterion.thresholds) for criterion in criteria)
    assert sleeper.outcome.deadlines - before <= thresholds + len(events) + 12


def test_nobody_is_woken_when_nothing_reads_it() -> None:
    life = Life(rules()).take(*basket())
    life.until(at(5_000))
    assert life.outcome.deadlines == 5, "medium, high, inactive, cooling, gone"
    assert life.now.deadline_ms is None


def test_a_class_that_depends_on_it_says_until_when() -> None:
    life = Life(rules(criteria=CRITERIA, classes=policy().classes, downgrade_dwell_days=0)).take(*basket())
    life.until(at(2_000))
    moves = [one.data for one in life.published() if one.data["dimension"] == "class" and one.data["cause"]["kind"] == "time"]
    first, second = moves[:2]
    assert first["effective_at"] % DAY == 0, "a midnight"
    assert first["valid_until"] is not None
    assert first["effective_at"] < first["valid_until"] <= second["effective_at"]

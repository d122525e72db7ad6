"""Local days: `start(D)` and `day(t)` in zones with odd midnights, and windows that move with them (domain.md, Units)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.domain.calendar import Calendar
from stream_app.domain.events import Event
from tests.builders import DAY, Life, cancel, contact, event, order, policy, refund

FIRST, LAST = date(2010, 1, 1), date(2026, 12, 31)
ZONES = ["Europe/Amsterdam", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Havana"]


@cache
def calendar(zone: str) -> Calendar:
    """Every local midnight of the years 2010 to 2026, straight from zoneinfo."""
    days = range(FIRST.toordinal(), LAST.toordinal() + 1)
    midnights = [datetime.combine(date.fromordinal(day), datetime.min.time(), ZoneInfo(zone)) for day in days]
    return Calendar(zone, days[0] - date(1970, 1, 1).toordinal(), tuple(accumulate((ms(midnight) for midnight in midnights), max)))


def ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def local(zone: str, *parts: int, fold: int = 0) -> int:
    """Milliseconds of a local date and time."""
    return ms(datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold))  # type: ignore[arg-type, misc]


def number(*parts: int) -> int:
    """A date as a day number."""
    return date(*parts).toordinal() - date(1970, 1, 1).toordinal()


AMSTERDAM = "Europe/Amsterdam"
TABLE: list[tuple[str, tuple[int, ...], int, tuple[int, int, int]]] = [
    # (zone, UTC time, ms added, the local day)
    (AMSTERDAM, (2026, 3, 28, 22, 59, 59), 999, (2026, 3, 28)),
    (AMSTERDAM, (2026, 3, 28, 23, 0, 0), 0, (2026, 3, 29)),  # a day of 23 hours
    (AMSTERDAM, (2026, 3, 29, 21, 59, 59), 999, (2026, 3, 29)),
    (AMSTERDAM, (2026, 3, 29, 22, 0, 0), 0, (2026, 3, 30)),
    (AMSTERDAM, (2026, 10, 24, 22, 0, 0), 0, (2026, 10, 25)),  # a day of 25 hours
    (AMSTERDAM, (2026, 10, 25, 22, 59, 59), 999, (2026, 10, 25)),
    (AMSTERDAM, (2026, 10, 25, 23, 0, 0), 0, (2026, 10, 26)),
    ("America/Sao_Paulo", (2018, 11, 4, 2, 59, 59), 999, (2018, 11, 3)),  # 00:00 did not exist: the day began at 01:00
    ("America/Sao_Paulo", (2018, 11, 4, 3, 0, 0), 0, (2018, 11, 4)),
    ("America/Havana", (2024, 11, 3, 4, 0, 0), 0, (2024, 11, 3)),  # 00:00 came twice: the first one
    ("America/Havana", (2024, 11, 3, 5, 0, 0), 0, (2024, 11, 3)),
    ("Pacific/Apia", (2011, 12, 30, 9, 59, 59), 999, (2011, 12, 29)),
    ("Pacific/Apia", (2011, 12, 30, 10, 0, 0), 0, (2011, 12, 31)),  # the 30th never was
    ("Asia/Kathmandu", (2026, 1, 1, 18, 15, 0), 0, (2026, 1, 2)),
]


@pytest.mark.parametrize(("zone", "utc", "extra", "day"), TABLE)
def test_the_day_of_a_moment(zone: str, utc: tuple[int, ...], extra: int, day: tuple[int, int, int]) -> None:
    moment = ms(datetime(*utc, tzinfo=UTC)) + extra  # type: ignore[arg-type, misc]
    assert calendar(zone).day(moment) == number(*day)


@given(st.sampled_from([*ZONES, "UTC"]), st.integers(number(2009, 1, 1) * DAY, number(2027, 12, 31) * DAY))
def test_a_day_is_the_last_that_has_begun(zone: str, moment: int) -> None:
    days = Calendar() if zone == "UTC" else calendar(zone)
    day = days.day(moment)
    assert days.start(day) <= moment < days.start(day + 1)
    assert days.bounds(moment) == (day, days.start(day), days.start(day + 1))
    assert days.start(day - 1) <= days.start(day)


@given(st.sampled_from(ZONES), st.integers(FIRST.toordinal() + 1, LAST.toordinal()))
def test_a_day_starts_at_local_midnight(zone: str, ordinal: int) -> None:
    midnight = datetime.combine(date.fromordinal(ordinal), datetime.min.time(), ZoneInfo(zone))
    assert calendar(zone).start(ordinal - number(1970, 1, 1) - date(1970, 1, 1).toordinal()) == ms(midnight)


WINDOWED: list[tuple[str, Callable[[int, int], list[Event]], dict[str, int]]] = [
    # (what, events at a time and in the middle of the window after it, the measures they give)
    (
        "an order",
        lambda t, _: [order(t, total=1000, discount_minor=250)],
        {"revenue": 1000, "orders": 1, "occasions": 1, "margin": 400, "product_groups": 1, "discount_pct": 20, "average_order": 1000},
    ),
    ("a contact", lambda t, _: [contact(t, "phone")], {"contacts": 1, "contact_cost": 600, "cost_to_serve": 600, "value_now": -600}),
    ("feedback", lambda t, _: [event("feedback.given", t, "f", kind="idea", accepted=True)], {"feedback": 1, "value_strategic": 500}),
    # A refund lies in the window with its order's day, not with its own.
    ("a refund", lambda t, later: [order(t, total=1000), refund(later, 100)], {"refund_pct": 10, "cost_to_serve": 500}),
    ("a full refund", lambda t, later: [order(t, total=1000), refund(later, 1000)], {"refund_pct": 100, "cost_to_serve": 500, "orders": 0}),
]
EDGES = [
    # (zone, moment in the local day, window, the local day that no longer holds it)
    ("UTC", (2026, 3, 1, 0, 0), 30, (2026, 3, 31)),
    ("UTC", (2026, 3, 1, 23, 59), 30, (2026, 3, 31)),
    (AMSTERDAM, (2026, 3, 1, 0, 0), 30, (2026, 3, 31)),  # over the short day
    (AMSTERDAM, (2026, 3, 1, 23, 59), 30, (2026, 3, 31)),
    (AMSTERDAM, (2026, 10, 1, 0, 30), 30, (2026, 10, 31)),  # over the long day
    (AMSTERDAM, (2026, 3, 29, 0, 30), 1, (2026, 3, 30)),
    (AMSTERDAM, (2026, 10, 25, 23, 30), 1, (2026, 10, 26)),
    ("America/Sao_Paulo", (2018, 10, 25, 12, 0), 10, (2018, 11, 4)),
    ("Pacific/Apia", (2011, 12, 28, 12, 0), 2, (2011, 12, 31)),  # start(30th) and start(31st) are one moment
]


@pytest.mark.parametrize(("zone", "happened", "window_days", "leaves"), EDGES)
@pytest.mark.parametrize(("what", "events", "expected"), WINDOWED, ids=[row[0] for row in WINDOWED])
def test_the_window_moves_at_local_midnight_only(
    what: str,
    events: Callable[[int, int], list[Event]],
    expected: dict[str, int],
    zone: str,
    happened: tuple[int, ...],
    window_days: int,
    leaves: tuple[int, int, int],
) -> None:
    days = Calendar() if zone == "UTC" else calendar(zone)
    rules = policy(calendar=days, window_days=window_days, pending_days=99)
    moment, border = local(zone, *happened), days.start(number(*leaves))
    life = Life(rules).take(*events(moment, moment + (window_days - 1) * DAY // 2 + 1)).until(border - 1)
    assert {name: life.measure(name) for name in expected} == expected
    life.until(border)
    gone: dict[str, Any] = dict.fromkeys(expected, 0)
    assert {name: life.measure(name) for name in expected} == gone


def test_days_of_a_span_and_occasions_are_local() -> None:
    rules = policy(calendar=calendar(AMSTERDAM))
    evening, night = local(AMSTERDAM, 2026, 3, 1, 23, 50), local(AMSTERDAM, 2026, 3, 2, 0, 10)  # one UTC day
    life = Life(rules).take(order(evening), order(night, "o-2"))
    assert (life.measure("occasions"), life.now.occasions, life.measure("recency_days"), life.measure("tenure_days")) == (2, [2], 0, 1)
    assert Life(policy()).take(order(evening), order(night, "o-2")).measure("occasions") == 1
    life.take(cancel(night, "o-1"))
    assert (life.measure("occasions"), life.measure("tenure_days")) == (1, 0)
    life.until(local(AMSTERDAM, 2026, 3, 30, 0, 0) - 1)
    assert life.measure("recency_days") == 27
    life.until(local(AMSTERDAM, 2026, 3, 30, 0, 0))
    assert life.measure("recency_days") == 28

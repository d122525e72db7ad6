"""Days, weeks and months of a shop's calendar, as intervals in milliseconds. Pure."""

from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from stream_app.domain.calendar import Calendar

Kind = Literal["day", "week", "month"]
PERIODS_MAX: Final = 92
DEFAULT: Final = 12
_EPOCH: Final = date(1970, 1, 1)
_FIRST: Final = date(1989, 1, 1)
_LAST: Final = date(2101, 12, 31)


class Period(NamedTuple):
    """One of them; the end is not in it."""

    name: str
    start_ms: int
    end_ms: int


def latest_periods(calendar: Calendar, kind: Kind, until_ms: int, number: int = DEFAULT) -> list[Period]:
    """The last `number` periods up to the one that holds a time, oldest first."""
    day = _begin(_date(calendar.day(until_ms)), kind)
    found: list[Period] = []
    for _ in range(number):
        found.append(_period(calendar, kind, day))
        if day <= _FIRST:
            break
        day = _begin(day - timedelta(days=1), kind)
    return found[::-1]


def periods_between(calendar: Calendar, kind: Kind, since_ms: int, until_ms: int) -> list[Period]:
    """All periods that hold some of the time from `since_ms` to before `until_ms`; one more than PERIODS_MAX if there are more."""
    found: list[Period] = []
    day = _begin(_date(calendar.day(since_ms)), kind)
    while len(found) <= PERIODS_MAX:
        period = _period(calendar, kind, day)
        if period.start_ms >= until_ms:
            break
        found.append(period)
        if day >= _LAST - timedelta(days=31):
            break
        day = _next(day, kind)
    return found


def _period(calendar: Calendar, kind: Kind, day: date) -> Period:
    year, week, _ = day.isocalendar()
    name = {"day": day.isoformat(), "week": f"{year}-W{week:02}", "month": f"{day.year:04}-{day.month:02}"}[kind]
    return Period(name, calendar.start((day - _EPOCH).days), calendar.start((_next(day, kind) - _EPOCH).days))


def _begin(day: date, kind: Kind) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next(day: date, kind: Kind) -> date:
    if kind == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if kind == "week" else 1)


def _date(day: int) -> date:
    return min(max(_EPOCH + timedelta(days=min(max(day, 0), 100_000)), _FIRST), _LAST)

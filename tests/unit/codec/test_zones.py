"""Local days against zoneinfo, where clocks change, midnights are skipped and whole days are missing."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.policy.zones import FIRST_DAY, LAST_DAY, read_calendar
from stream_app.domain.calendar import DAY_MS

ZONES = [
    "UTC",
    "Europe/Amsterdam",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Etc/GMT+12",
]
EPOCH = date(1970, 1, 1).toordinal()
FIRST, LAST = FIRST_DAY.toordinal() - EPOCH, LAST_DAY.toordinal() - EPOCH


def midnight_ms(zone: str, day: int) -> int:
    local = datetime.fromordinal(day + EPOCH).replace(tzinfo=ZoneInfo(zone))
    return round(local.timestamp() * 1000)


@pytest.mark.parametrize("zone", ZONES)
def test_every_midnight(zone: str) -> None:
    calendar = read_calendar(zone)
    starts = [calendar.start(day) for day in range(FIRST, LAST + 1)]
    assert starts == [midnight_ms(zone, day) for day in range(FIRST, LAST + 1)]
    assert starts == sorted(starts)


@settings(deadline=None)
@given(st.sampled_from(ZONES), st.integers(631_152_000_000, 4_102_444_800_000))
def test_day_is_the_last_that_has_begun(zone: str, time_ms: int) -> None:
    calendar = read_calendar(zone)
    day = calendar.day(time_ms)
    assert calendar.start(day) <= time_ms < calendar.start(day + 1)
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(ZoneInfo(zone)).date().toordinal() - EPOCH
    # Only where a midnight occurs twice does the local date step back; the day has begun by then.
    assert day in {local, local + 1}
    if calendar.start(day) + 2 * 3_600_000 <= time_ms:
        assert day == local


def test_a_day_that_samoa_skipped() -> None:
    calendar = read_calendar("Pacific/Apia")
    skipped = date(2011, 12, 30).toordinal() - EPOCH
    assert calendar.start(skipped) == calendar.start(skipped + 1)
    assert calendar.day(calendar.start(skipped)) == skipped + 1
    assert calendar.day(calendar.start(skipped) - 1) == skipped - 1


def test_a_midnight_that_sao_paulo_skipped() -> None:
    calendar = read_calendar("America/Sao_Paulo")
    day = date(2018, 11, 4).toordinal() - EPOCH
    assert calendar.start(day) == day * DAY_MS + 3 * 3_600_000
    assert calendar.start(day + 1) - calendar.start(day) == 23 * 3_600_000


def test_calendars_are_made_once() -> None:
    assert read_calendar("Europe/Amsterdam") is read_calendar("Europe/Amsterdam")

"""Local days: `start(D)` and `day(t)` exactly as domain.md defines them, with zoneinfo. A day is a proleptic ordinal."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """The moment in integer milliseconds since the epoch, floored."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def parse_ms(text: str) -> int:
    """An RFC 3339 time with offset, floored to milliseconds."""
    return to_ms(datetime.fromisoformat(text))


@cache
def start(zone: str, day: int) -> int:
    """00:00 of the local date, with fold=0."""
    local = date.fromordinal(day)
    return to_ms(datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone), fold=0))


@lru_cache(maxsize=1 << 20)
def day_of(zone: str, time_ms: int) -> int:
    """The last D with start(D) <= t: walk down from a day that is surely too late."""
    day = EPOCH.toordinal() + time_ms // DAY + 3
    while start(zone, day) > time_ms:
        day -= 1
    return day

"""A shop's time zone as a table of local midnights, from zoneinfo (with tzdata where the system has none)."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stream_app.domain.calendar import Calendar

FIRST_DAY = date(1989, 1, 1)
LAST_DAY = date(2101, 12, 31)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_OF_THE_MACHINE = frozenset({"Factory", "localtime", "posix", "posixrules", "right"})
"""Files and folders beside the zones that say something else on another machine, or count leap seconds, and are no IANA names."""


def check_zone(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: it is no IANA time zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    else:
        known = name not in _OF_THE_MACHINE and name.partition("/")[0] not in _OF_THE_MACHINE
    if not known:
        raise ValueError("must be an IANA time zone, like Europe/Amsterdam")
    return name


@lru_cache(maxsize=64)
def read_calendar(name: str) -> Calendar:
    """The calendar of an IANA zone, days 1989 to 2101; UTC is pure arithmetic."""
    if name == "UTC":
        return Calendar()
    zone = ZoneInfo(name)
    # fold=0 resolves a midnight that is skipped or occurs twice; a whole skipped day has the start of the next one.
    starts = (
        (datetime.fromordinal(ordinal).replace(tzinfo=zone) - _EPOCH) // _MILLISECOND
        for ordinal in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1)
    )
    first_day = FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()
    return Calendar(name, first_day, tuple(accumulate(starts, max)))

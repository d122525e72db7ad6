"""Local days of a shop's time zone: `start(D)` and `day(t)` of domain.md, as a table that is handed in.

A day is counted from 1970-01-01 (day 0). The table comes from outside, because reading a time zone is I/O.
"""

from collections.abc import Sequence
from typing import Final

DAY_MS: Final = 86_400_000


class Calendar:
    """Local midnights of one time zone.

    `starts[i]` is the UTC millisecond at which local day `first_day + i` begins; it never descends.
    Without a table the zone is UTC, where both directions are arithmetic.
    """

    __slots__ = ("_first_day", "_starts", "name")

    def __init__(self, name: str = "UTC", first_day: int = 0, starts: Sequence[int] = ()) -> None:
        self.name = name
        self._first_day = first_day
        self._starts: tuple[int, ...] = tuple(starts)

    def day(self, time_ms: int) -> int:
        """The last local day that has begun at `time_ms`; outside the table the days count 24 hours."""
        starts = self._starts
        if not starts:
            return time_ms // DAY_MS
        k, last = (time_ms - starts[0]) // DAY_MS, len(starts) - 1
        if k < 0:
            return self._first_day + k
        # A look where it must be, if all days had 24 hours, instead of a search: a zone's clock never is far off that.
        if k > last:
            k = last
        while starts[k] > time_ms:
            k -= 1
        while k < last and starts[k + 1] <= time_ms:
            k += 1
        if k == last:
            k += (time_ms - starts[last]) // DAY_MS
        return self._first_day + k

    def bounds(self, time_ms: int) -> tuple[int, int, int]:
        """The local day of `time_ms`, when it begins, and when the next one does."""
        if not self._starts:
            day = time_ms // DAY_MS
            return day, day * DAY_MS, day * DAY_MS + DAY_MS
        day = self.day(time_ms)
        return day, self.start(day), self.start(day + 1)

    def start(self, day: int) -> int:
        """The UTC millisecond at which local day `day` begins; outside the table the days count 24 hours."""
        starts = self._starts
        if not starts:
            return day * DAY_MS
        k = day - self._first_day
        if k < 0:
            return starts[0] + k * DAY_MS
        if k >= len(starts):
            return starts[-1] + (k - len(starts) + 1) * DAY_MS
        return starts[k]

"""Sums of a shop: whole numbers under names, per period, that may be added in any order and over any partitions.

A period is a local calendar month, `YYYY-MM`, or `now`. A name is a tuple of words, such as `("lost",)` or `("category", "wine", "kept")`.
"""

from datetime import date
from typing import Final

from stream_app.domain.calendar import Calendar
from stream_app.domain.facts.state import NEVER

NOW: Final = "now"
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()

Name = tuple[str, ...]


def month_of(calendar: Calendar, time_ms: int) -> str:
    """The local calendar month of a moment, `YYYY-MM`."""
    return date.fromordinal(calendar.day(time_ms) + _EPOCH_ORDINAL).isoformat()[:7]


class Tally:
    """What is to be added to a shop's sums, and the latest event time that has touched each period."""

    def __init__(self) -> None:
        self.sums: dict[str, dict[Name, int]] = {}
        self.times: dict[str, int] = {}

    def add(self, period: str, name: Name, amount: int) -> None:
        """Add `amount`; what comes to nothing is forgotten."""
        sums = self.sums.setdefault(period, {})
        total = sums.get(name, 0) + amount
        if total:
            sums[name] = total
        else:
            sums.pop(name, None)

    def touch(self, period: str, time_ms: int) -> None:
        """An event of this time concerns the period, whether or not it changes a sum."""
        if time_ms > self.times.get(period, NEVER):
            self.times[period] = time_ms

    def merge(self, other: "Tally") -> None:
        """Add everything of another one."""
        for period, sums in other.sums.items():
            for name, amount in sums.items():
                self.add(period, name, amount)
        for period, time_ms in other.times.items():
            self.touch(period, time_ms)

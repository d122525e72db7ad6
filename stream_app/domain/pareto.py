"""Classes by share of the shop's value: the sketch that finds the cut-offs, and when it is taken (domain.md, 3.5).

A sketch holds the positive values of customers as counts and sums of integers, so that it does not matter in which order values
come, nor how customers are spread over sketches that are merged: the same values give the same sketch. Up to `EXACT_MAX`
different values it holds each of them; more are held in buckets, each less than 1/256 (0.4 %) as wide as its values.
"""

from dataclasses import dataclass
from typing import Final

from stream_app.domain.calendar import Calendar

EXACT_MAX: Final = 2_000
"""So many different values are told apart; beyond them a cut-off lies at most the width of a bucket below the exact one."""

_FINE: Final = 8
"""A bucket holds the values that have their first nine bits in common; below 512 that is one value."""


@dataclass(frozen=True)
class Cut:
    """The cut-offs that were taken at the start of local day `day`: A from a `value_total` of `a`, B from `b`, both positive."""

    day: int
    a: int
    b: int


ORDINAL_OF_DAY_0: Final = 719_163
"""1970-01-01 as a proleptic ordinal."""


@dataclass(frozen=True)
class ParetoClasses:
    """`classes: {by: pareto}`: those who together make `a_pct` % of the shop's value are A, up to `b_pct` % B, the rest C.

    `cut` is what was found at the latest evaluation; None before the first.
    """

    a_pct: int = 80
    b_pct: int = 95
    every_days: int = 30
    cut: Cut | None = None

    def last_day(self, day: int) -> int:
        """The latest evaluation day that is not after local day `day`."""
        return day - (day + ORDINAL_OF_DAY_0) % self.every_days

    def next_day(self, day: int) -> int:
        """The first evaluation day after local day `day`."""
        return self.last_day(day) + self.every_days

    def is_due(self, today: int, clock_ms: int, calendar: Calendar) -> bool:
        """Whether cut-offs were taken that have not reached a customer whose clock stands in local day `today`, or are taken just then."""
        day = self.last_day(today)
        if self.cut is None:
            return calendar.start(day) == clock_ms
        return day > self.cut.day


def bucket_of(value: int) -> int:
    """The bucket of a positive value: buckets ascend as values do."""
    coarse = value.bit_length() - _FINE - 1
    return value if coarse <= 0 else (coarse << _FINE) + (value >> coarse)


class Sketch:
    """How much value the customers of a shop have, by what each of them has.

    `rows`: how many customers, their sum and the least of them, under their value, or under their bucket unless `exact`.
    """

    def __init__(self, exact: bool = True, rows: dict[int, tuple[int, int, int]] | None = None) -> None:
        self.exact = exact
        self.rows: dict[int, tuple[int, int, int]] = {} if rows is None else rows

    def add(self, value: int) -> None:
        """One more customer; whoever has nothing, or costs more than he yields, is outside the sums."""
        if value > 0:
            self._put(value if self.exact else bucket_of(value), 1, value, value)

    def merge(self, other: "Sketch") -> None:
        """Take in everything that `other` holds, which stays as it is."""
        if self.exact and not other.exact and other.rows:
            self._coarsen()
        for key, (count, total, least) in other.rows.items():
            self._put(bucket_of(least) if other.exact and not self.exact else key, count, total, least)

    def cut_offs(self, a_pct: int, b_pct: int) -> tuple[int, int] | None:
        """From which value on customers are A, and B: as few as together have `a_pct`, `b_pct` percent of all, those alike included.

        None when nobody has a positive value.
        """
        whole = sum(total for _, total, _ in self.rows.values())
        a: int | None = None
        reached = 0
        for key in sorted(self.rows, reverse=True):
            _, total, least = self.rows[key]
            reached += total
            if a is None and reached * 100 >= a_pct * whole:
                a = least
            if a is not None and reached * 100 >= b_pct * whole:
                return a, least
        return None

    def _put(self, key: int, count: int, total: int, least: int) -> None:
        known = self.rows.get(key)
        if known is not None:
            self.rows[key] = known[0] + count, known[1] + total, min(known[2], least)
            return
        self.rows[key] = count, total, least
        if self.exact and len(self.rows) > EXACT_MAX:
            self._coarsen()

    def _coarsen(self) -> None:
        rows, self.rows, self.exact = self.rows, {}, False
        for count, total, least in rows.values():
            self._put(bucket_of(least), count, total, least)


def class_of(value: int, cut: Cut) -> str:
    """The class that a value has by these cut-offs."""
    return "A" if value >= cut.a else "B" if value >= cut.b else "C"


def cut_of(policy_hash: str) -> Cut | None:
    """The cut-offs that a policy of this hash has."""
    _, *taken = policy_hash.split(":")
    return Cut(*map(int, taken)) if taken else None

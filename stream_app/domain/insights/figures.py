"""The numbers that are made of sums: shares, log-odds with their interval, quantiles and concentration of histograms.

Values in, values out. What is published is rounded from doubles at the very end, so that it is the same on every machine.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

_Z_95: Final = 1.959963984540054
"""The normal distribution's 97.5 % point."""

_FINE: Final = 7
"""A bucket of revenues is at most 1/128 wide."""

_TOP_PCT: Final = 20


class LogOdds(NamedTuple):
    """A log-odds ratio with its 95 % interval; `corrected`: a cell was 0."""

    value: float
    low: float
    high: float
    corrected: bool


class Concentration(NamedTuple):
    """How much of a total the top 20 % hold."""

    customers: int
    total_minor: int
    top_customers: int
    top_minor: int


def percent(part: int, whole: int) -> float | None:
    """`part` of `whole` in per cent, rounded half up to 2 decimals; None of nothing."""
    return None if whole <= 0 else (part * 20_000 + whole) // (2 * whole) / 100


def log_odds(lost_with: int, kept_with: int, lost: int, kept: int) -> LogOdds:
    """How much more often those who bought something are lost than those who did not: the log of the odds ratio, 3 decimals.

    The interval is Woolf's, 1.96 standard errors of the logit to each side. When one of the four cells is 0, a half is
    added to all four (Haldane and Anscombe), since the ratio would have no log.

    Args:
        lost_with: lost customers who bought it.
        kept_with: kept customers who bought it.
        lost: all lost customers.
        kept: all kept customers.
    """
    cells = (lost_with, kept_with, lost - lost_with, kept - kept_with)
    assert min(cells) >= 0, "more buyers than customers"
    corrected = 0 in cells
    a, b, c, d = (cell + 0.5 for cell in cells) if corrected else (float(cell) for cell in cells)
    value = math.log(a * d / (b * c))
    reach = _Z_95 * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return LogOdds(_round(value), _round(value - reach), _round(value + reach), corrected)


def _round(value: float) -> float:
    return math.floor(value * 1000 + 0.5) / 1000


def quantile(histogram: Mapping[int, int], pct: int) -> int:
    """The smallest value that at least `pct` per cent of a histogram (value -> how many) do not exceed."""
    needed = sum(histogram.values()) * pct
    reached = 0
    for value in sorted(histogram):
        reached += histogram[value] * 100
        if reached >= needed:
            return value
    raise ValueError("the histogram is empty")


def mean(histogram: Mapping[int, int]) -> float:
    """The mean of a histogram (value -> how many), rounded half up to 2 decimals."""
    count = sum(histogram.values())
    total = sum(value * n for value, n in histogram.items())
    return (total * 200 + count) // (2 * count) / 100


def bucket_of(minor: int) -> int:
    """The bucket of a positive amount: exact below 256, then 128 of equal width for every doubling."""
    shift = max(0, minor.bit_length() - _FINE - 1)
    return (shift << _FINE) + (minor >> shift)


def concentrate(buckets: Mapping[int, tuple[int, int]]) -> Concentration:
    """What the top 20 % of customers (rounded up) hold, of buckets (bucket -> customers, sum of their amounts).

    In the bucket in which the 20 % end, all count with its mean: the amounts in one differ by less than a hundredth.
    """
    customers = sum(count for count, _ in buckets.values())
    left = top = -(-customers * _TOP_PCT // 100)
    held = 0
    for bucket in sorted(buckets, reverse=True):
        count, minor = buckets[bucket]
        taken = min(left, count)
        held += minor * taken // count
        left -= taken
        if not left:
            break
    return Concentration(customers, sum(minor for _, minor in buckets.values()), top, held)

"""How people buy in one product group: purchase occasions, the time between them, who comes back and how regularly."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from stream_app.replay.calibrate.likelihood import Vector
from stream_app.replay.calibrate.purchases import Customer, Purchase

QUANTILES: Final = (10, 25, 50, 75, 90, 95)
_HISTOGRAM_BARS: Final = 40


@dataclass(frozen=True)
class Occasions:
    """One group's customers as the models see them; one row each, in (shop, customer) order. Times are whole local days."""

    repeats: Vector
    """x: occasions after the first."""
    recency: Vector
    """t_x: from the first occasion to the last."""
    observed: Vector
    """T: from the first occasion to the end of the observation."""
    spend: Vector
    """Mean net per repeat occasion, minor units; 0 without a repeat."""
    gaps: Vector
    """Days between successive occasions, of all customers."""
    regularity: float | None
    """Shape k of gamma distributed gaps: 1 is random buying, 2 and more is regular; None without enough gaps."""


def count_occasions(buyers: dict[Customer, list[Purchase]], end_day: int) -> Occasions:
    """Take purchases until `end_day` (inclusive) together as occasions: local days with a purchase."""
    rows: list[tuple[int, int, int, float]] = []
    gaps: list[int] = []
    shares: list[float] = []
    for purchases in buyers.values():
        days = sorted({purchase.day for purchase in purchases if purchase.day <= end_day})
        if not days:
            continue
        first, repeats = days[0], len(days) - 1
        repeated = sum(purchase.net_minor for purchase in purchases if first < purchase.day <= end_day)
        rows.append((repeats, days[-1] - first, end_day - first, repeated / repeats if repeats else 0.0))
        own = [later - earlier for earlier, later in pairwise(days)]
        gaps += own
        shares += [one / (one + other) for one, other in pairwise(own)]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Occasions(table[:, 0], table[:, 1], table[:, 2], table[:, 3], np.array(gaps, dtype=np.float64), _regularity(shares))


def describe(occasions: Occasions) -> dict[str, Any]:
    """{"customers", "occasions", "repeat_rate_pct", "one_time_pct", "with_3_occasions", "regularity", "gap_days": quantiles, mean}."""
    customers = len(occasions.repeats)
    one_time = int((occasions.repeats == 0).sum())
    gaps = occasions.gaps
    return {
        "customers": customers,
        "occasions": int(occasions.repeats.sum()) + customers,
        "repeat_rate_pct": _percent(customers - one_time, customers),
        "one_time_pct": _percent(one_time, customers),
        "with_3_occasions": int((occasions.repeats >= 2).sum()),
        "regularity": occasions.regularity,
        "gap_days": {f"p{q}": float(np.percentile(gaps, q)) for q in QUANTILES} | {"mean": round(float(gaps.mean()), 2)}
        if len(gaps)
        else None,
    }


def histogram(gaps: Vector) -> list[tuple[int, int]]:
    """(first day of a bar, gaps in it), bars of whole days up to the 99th percentile; what is longer is in the last bar."""
    if not len(gaps):
        return []
    width = max(1, round(float(np.percentile(gaps, 99)) / _HISTOGRAM_BARS))
    bars = np.bincount(np.minimum(gaps // width, _HISTOGRAM_BARS).astype(int), minlength=_HISTOGRAM_BARS + 1)
    return [(number * width, int(count)) for number, count in enumerate(bars)]


def _regularity(shares: list[float]) -> float | None:
    """From the spread of M, the share of a gap in itself and the next: k = (1 - 4 var(M)) / (8 var(M)).

    Source: Wheat and Morrison, "Estimating purchase regularity with two interpurchase times", Journal of Marketing Research 27 (1990).
    """
    if len(shares) < 30:
        return None
    spread = float(np.var(shares, ddof=1))
    return round((1 - 4 * spread) / (8 * spread), 2) if spread > 0 else None


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0

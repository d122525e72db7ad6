"""Classes by share of the shop's value: the cut-offs of each evaluation day, exactly, from all values of the shop in a list."""

from typing import Any

from tests.oracle.days import day_of, start
from tests.oracle.measures import Policy

Cuts = dict[str, dict[int, tuple[int, int]]]
"""By shop, and by evaluation day."""


def asks(policy: Policy) -> bool:
    return policy["classes"] is not None and policy["classes"].get("by") == "pareto"


def every(policy: Policy) -> int:
    days: int = policy["classes"].get("evaluate_every_days", 30)
    return days


def next_start(policy: Policy, clock: int) -> int:
    """The first start of an evaluation day after the clock."""
    zone, step = policy["time_zone"], every(policy)
    day = day_of(zone, clock)
    day += step - day % step
    return start(zone, day)


def evaluated(policy: Policy, clock: int) -> int | None:
    """The evaluation day that begins at the clock, if one does."""
    zone = policy["time_zone"]
    day = day_of(zone, clock)
    return day if day % every(policy) == 0 and start(zone, day) == clock else None


def cut_offs(values: list[int], policy: Policy) -> tuple[int, int] | None:
    """The value of the poorest of the fewest richest who make A_pct %, and B_pct %, of the positive values."""
    positive = sorted((value for value in values if value > 0), reverse=True)
    found = []
    for percent in (policy["classes"].get("A_pct", 80), policy["classes"].get("B_pct", 95)):
        count = next((n for n in range(1, len(positive) + 1) if sum(positive[:n]) * 100 >= percent * sum(positive)), 0)
        found.append(positive[count - 1] if count else 0)
    return (found[0], found[1]) if positive else None


def classify(value: int, cut: tuple[int, int]) -> str:
    return "C" if value < cut[1] else "B" if value < cut[0] else "A"


def in_force(policy: Policy, time: int) -> tuple[int, int] | None:
    """The cut-offs that a customer who is new at this time comes under."""
    begun = [day for day in policy["cuts"] if start(policy["time_zone"], day) <= time]
    return policy["cuts"][max(begun)] if begun else None


def compute(policy: Policy, cut: tuple[int, int] | None, measures: dict[str, Any]) -> str | None:
    """The class as it is at this clock, whatever it was before; none without a counting order, or before the first cut-offs."""
    cuts, score = policy["classes"], measures["score"]
    if measures["tenure_days"] is None:
        return None
    if asks(policy):
        return None if cut is None else classify(measures["value_total"], cut)
    return "A" if score >= cuts.get("A", 70) else "B" if score >= cuts.get("B", 40) else "C"

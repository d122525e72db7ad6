"""The turn-over point, 3.2: patience and expected days of one product group, by its method."""

from math import floor
from typing import Any

from tests.oracle.days import DAY


def alive_until(line: dict[str, Any], n: float, span: float) -> float:
    """T at which the MBG/NBD probability of being alive falls to theta; in the unit of the parameters."""
    r, alpha, a, b, theta = (line[name] for name in ("r", "alpha", "a", "b", "theta"))
    return float((alpha + span) * (((1 - theta) / theta) * (b + n) / a) ** (1 / (r + n)) - alpha)


def doubt(line: dict[str, Any], n: float, span: float, age: float) -> float:
    """One over P(alive) after `n` repeats, the last at `span`, seen at `age`."""
    r, alpha, a, b = (line[name] for name in ("r", "alpha", "a", "b"))
    return float(1 + a / (b + n) * ((alpha + age) / (alpha + span)) ** (r + n))


def patience_ms(line: dict[str, Any], n: int, span: int) -> int:
    """How long after the last order the customer stays active."""
    if line["method"] == "fixed":
        return int(line["days"] * DAY)
    shortest, longest = line["min_days"] * DAY, line["max_days"] * DAY
    if line["method"] == "own_rhythm":
        k = line["prior_weight"]
        patience = line["factor_pct"] * DAY * (k * line["prior_days"] + span) // (100 * (k + n))
    else:
        try:
            patience = floor((alive_until(line, n, span) - span) * DAY)
        except OverflowError:
            patience = longest
    return int(max(shortest, min(longest, patience)))


def expected_days(line: dict[str, Any], n: int, span: int) -> int:
    """The usual days between two purchases."""
    if line["method"] == "fixed":
        return int(line["days"])
    if line["method"] == "own_rhythm":
        k = line["prior_weight"]
        return int((k * line["prior_days"] + span) // (k + n))
    days: int = floor((line["alpha"] + span) / (line["r"] + n))
    return days

"""`value_future` by the probability model, 3.4: the closed forms as they were published."""

from functools import lru_cache
from math import floor
from typing import Any

from tests.oracle.days import DAY, start
from tests.oracle.rhythm import doubt

Line = dict[str, Any]


@lru_cache(maxsize=1 << 16)
def hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """Gauss's series 2F1(a, b; c; z) for 0 <= z < 1 and positive parameters."""
    term, total, k, ratio = 1.0, 1.0, 0, 1.0
    while ratio >= 1 or term > 1e-18 * total * (1 - max(ratio, z)):
        ratio = (a + k) * (b + k) / ((c + k) * (k + 1)) * z
        term *= ratio
        total += term
        k += 1
    return total


def expected_purchases(line: Line, n: int, span: float, age: float, ahead: float) -> float:
    """Batislam, Denizel and Filiztekin (2007): purchases of the next `ahead` days after `n` repeats, the last at `span`, seen at `age`."""
    r, alpha, a, b = (line[name] for name in ("r", "alpha", "a", "b"))
    series = hypergeometric(r + n, b + n + 1, a + b + n, ahead / (alpha + age + ahead))
    left = 1 - series * ((alpha + age) / (alpha + age + ahead)) ** (r + n)
    return float((a + b + n) / (a - 1) * left / doubt(line, n, span, age))


def expected_margin(spend: dict[str, float], occasions: int, margin: int) -> float:
    """Fader, Hardie and Lee (2005): the weighted mean of the shop's margin per purchase and the customer's own."""
    p, q, v = spend["p"], spend["q"], spend["v"]
    if not occasions:
        return v * p / (q - 1)
    weight = p * occasions / (p * occasions + q - 1)
    return (1 - weight) * v * p / (q - 1) + weight * margin / occasions


def future(lead: Line, day: int, occasions: int, margin: int, policy: dict[str, Any]) -> int:
    """What the leading group's model expects at the start of the local day."""
    silent = max(0, start(policy["time_zone"], day) - lead["last_ms"]) / DAY
    purchases = expected_purchases(lead["line"], lead["n"], lead["span"], lead["span"] + silent, policy["horizon_days"])
    return floor(purchases * expected_margin(lead["line"]["gamma_gamma"], occasions, margin))


def has_model(lead: Line | None) -> bool:
    """Whether the leading group is valued by a model."""
    return lead is not None and lead["line"]["method"] == "alive" and bool(lead["line"].get("gamma_gamma"))

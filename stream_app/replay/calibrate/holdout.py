"""Is the model any good? Fit it to the first two thirds of the history, and count what it says of the last third."""

from typing import Any, Final

import numpy as np

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.model import expected_purchases
from stream_app.domain.policy import Alive
from stream_app.replay.calibrate.fit import Fit, fit_mbg_nbd
from stream_app.replay.calibrate.purchases import Customer, Purchase
from stream_app.replay.calibrate.rhythm import count_occasions

_MOST: Final = 7
"""Customers with so many repeats or more share a row."""


def alive_of(fit: Fit, theta: float = 0.5, least_days: int = 1, most_days: int = 36_500) -> Alive:
    """The fitted MBG/NBD as a policy's method, in days."""
    values = fit.values
    return Alive(values["r"], values["alpha"], values["a"], values["b"], theta, least_days, most_days, None)


def hold_out(buyers: dict[Customer, list[Purchase]], start_day: int, end_day: int) -> dict[str, Any]:
    """Predicted and actual purchase occasions of the days that the fit has not seen.

    Returns:
        {"fitted_days", "predicted_days", "customers", "predicted", "actual", "error_pct",
        "by_repeats": [{"repeats", "customers", "predicted_mean", "actual_mean"}]}
    """
    cut_day = start_day + 2 * (end_day - start_day) // 3
    known = {who: purchases for who, purchases in buyers.items() if purchases[0].day <= cut_day}
    seen = count_occasions(known, cut_day)
    model = alive_of(fit_mbg_nbd(seen.repeats, seen.recency, seen.observed))
    ahead = end_day - cut_day
    later = np.array([len({purchase.day for purchase in purchases if purchase.day > cut_day}) for purchases in known.values()])
    said: dict[tuple[float, float, float], float] = {}
    predicted = np.empty(len(later))
    for place, row in enumerate(zip(seen.repeats, seen.recency, seen.observed, strict=True)):
        if row not in said:
            repeats, recency, observed = row
            said[row] = expected_purchases(model, int(repeats), recency, (observed - recency) * DAY_MS, ahead)
        predicted[place] = said[row]
    total, actual = float(predicted.sum()), int(later.sum())
    rows = []
    for repeats in range(_MOST + 1):
        chosen = seen.repeats == repeats if repeats < _MOST else seen.repeats >= _MOST
        if chosen.any():
            means = round(float(predicted[chosen].mean()), 3), round(float(later[chosen].mean()), 3)
            rows.append({"repeats": repeats, "customers": int(chosen.sum()), "predicted_mean": means[0], "actual_mean": means[1]})
    return {
        "fitted_days": cut_day - start_day + 1,
        "predicted_days": ahead,
        "customers": len(later),
        "predicted": round(total, 1),
        "actual": actual,
        "error_pct": round(100 * (total - actual) / actual, 1) if actual else None,
        "by_repeats": rows,
    }

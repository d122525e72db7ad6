"""False alarms against lag: what each turn-over point would have said of this history, and how often it was wrong.

An alarm is a turn to inactive. It was false (reversed) if the customer bought again. Its lag is the silence after which it came.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.policy import Alive, Fixed, OwnRhythm, Rhythm
from stream_app.domain.rhythm import patience_ms
from stream_app.replay.calibrate.fit import Fit
from stream_app.replay.calibrate.purchases import Customer, Purchase

FIXED_DAYS: Final = (14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365)
FACTORS_PCT: Final = (100, 150, 200, 250, 300, 350, 400, 500, 600, 800)
THETAS: Final = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)
LEAST_DAYS: Final = 7
MOST_DAYS: Final = 730
PRIOR_WEIGHT: Final = 2

Integers = NDArray[np.int64]

NAMES: Final[dict[type, str]] = {Fixed: "fixed", OwnRhythm: "own_rhythm", Alive: "alive"}


class Silences:
    """The silence after each purchase of a group, and what was known of the customer when it began."""

    def __init__(self, buyers: dict[Customer, list[Purchase]], end_ms: int) -> None:
        rows: list[tuple[int, int, int, bool]] = []
        for purchases in buyers.values():
            first = last = purchases[0].day
            repeats = 0
            for purchase, later in zip(purchases, [*purchases[1:], None], strict=True):
                repeats += purchase.day > last
                last = purchase.day
                until_ms = end_ms if later is None else later.time_ms
                rows.append((repeats, last - first, until_ms - purchase.time_ms, later is not None))
        table = np.array(rows, dtype=np.int64)
        # Many silences begin alike: what a method allows is asked once for each (repeats, span).
        self._known, self._which = np.unique(table[:, :2], axis=0, return_inverse=True)
        self._silent_ms: Integers = table[:, 2]
        self._ended = table[:, 3] == 1

    def judge(self, rhythm: Rhythm) -> dict[str, Any]:
        """{"method", "parameters", "alarms", "reversed", "false_alarm_pct", "lag_median_days"} of one turn-over point."""
        allowed = np.array([patience_ms(rhythm, int(n), int(span)) for n, span in self._known], dtype=np.int64)[self._which.ravel()]
        alarms = self._silent_ms >= allowed  # at the very moment of a purchase the deadline comes first
        count, wrong = int(alarms.sum()), int((alarms & self._ended).sum())
        return {
            "method": NAMES[type(rhythm)],
            "parameters": {name: value for name, value in asdict(rhythm).items() if value is not None},
            "alarms": count,
            "reversed": wrong,
            "false_alarm_pct": round(100 * wrong / count, 1) if count else None,
            "lag_median_days": round(float(np.median(allowed[alarms])) / DAY_MS, 1) if count else None,
        }


def candidates(prior_days: int | None, fit: Fit | None) -> Iterable[Rhythm]:
    """The turn-over points that are compared: fixed, own rhythm around the usual gap, and the model at several thetas."""
    yield from (Fixed(days) for days in FIXED_DAYS)
    if prior_days is not None:
        yield from (OwnRhythm(prior_days, PRIOR_WEIGHT, factor, LEAST_DAYS, MOST_DAYS) for factor in FACTORS_PCT)
    if fit is not None:
        values = [float(f"{fit.values[name]:.6g}") for name in ("r", "alpha", "a", "b")]  # as they stand in a policy file
        yield from (Alive(values[0], values[1], values[2], values[3], theta, LEAST_DAYS, MOST_DAYS, None) for theta in THETAS)


def watchful(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings worth a choice: they notice at least half as many losses (alarms that nobody reversed) as the most watchful one.

    A setting under which most losses go unnoticed has few false alarms for a bad reason.
    """
    most = max((row["alarms"] - row["reversed"] for row in rows), default=0)
    return [row for row in rows if row["alarms"] and 2 * (row["alarms"] - row["reversed"]) >= most]


def choose(rows: list[dict[str, Any]], false_alarms_pct: float) -> dict[str, Any] | None:
    """The shortest lag whose false alarms stay within `false_alarms_pct`; without one, the row with the fewest false alarms.

    Only `watchful` settings can be chosen.
    """
    known = watchful(rows)
    if not known:
        return None
    within = [row for row in known if row["false_alarm_pct"] <= false_alarms_pct]
    if within:
        return min(within, key=lambda row: (row["lag_median_days"], row["false_alarm_pct"]))
    return min(known, key=lambda row: (row["false_alarm_pct"], row["lag_median_days"]))


def find_row(rows: list[dict[str, Any]], rhythm: dict[str, Any] | None) -> int:
    """The place of the row that a policy's `rhythm` comes from; -1 where there is none."""
    if rhythm is None:
        return -1
    method = rhythm["method"]
    return next(
        (
            i
            for i, row in enumerate(rows)
            if row["method"] == method and all(rhythm[name] == value for name, value in row["parameters"].items())
        ),
        -1,
    )

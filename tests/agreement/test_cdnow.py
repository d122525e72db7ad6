"""CDNOW, 69 659 purchases: the product's replay and the oracle agree on every change of all 23 570 customers."""

from pathlib import Path
from typing import Any

import pytest

from tests.agreement.compare import differences
from tests.agreement.product import replay
from tests.oracle import run
from tests.oracle.cdnow import CUSTOMERS, ORDERS, orders

WEEK = 7
ALIVE = {
    "method": "alive",
    "r": 0.52484,
    "alpha": 6.18299 * WEEK,
    "a": 0.89136,
    "b": 1.61400,
    "theta": 0.5,
    "min_days": 14,
    "max_days": 400,
}
SPEND = {"gamma_gamma": {"p": 6.25, "q": 3.74, "v": 600.0}}
OWN = {"method": "own_rhythm", "prior_days": 70, "prior_weight": 2, "factor_pct": 200, "min_days": 30, "max_days": 365}
CLASSES = {
    "criteria": [
        {"measure": "value_total", "weight": 3, "bands": {0: 10, 2000: 50, 8000: 100}},
        {"measure": "recency_days", "weight": 1, "bands": {0: 100, 60: 50, 180: 0}},
    ],
    "classes": {"by": "score", "A": 70, "B": 40},
    "labels": {"A": "gold", "B": "silver", "C": "bronze"},
    "service_levels": {"class": {"A": "premium", "B": "standard", "C": "basic"}},
}


NEW_YORK = {"time_zone": "America/New_York", "window_days": 180} | CLASSES


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rhythm", "more", "part"),
    [(ALIVE, NEW_YORK, 1), (ALIVE | SPEND, NEW_YORK, 6), (OWN, {}, 1)],
    ids=["alive", "a sixth, valued by model", "own_rhythm"],
)
def test_every_change(rhythm: dict[str, Any], more: dict[str, Any], part: int, tmp_path: Path) -> None:
    events = list(orders())
    kept = set(sorted({event["subject"] for event in events})[::part])
    assert (len(events), len(kept)) == (ORDERS, -(-CUSTOMERS // part))
    events = [event for event in events if event["subject"] in kept]
    document = {"currency": "USD", "rhythm": {"default": rhythm}} | more
    outcome = run.replay(events, document)
    output = replay(tmp_path, events, document)
    assert len(output.customers) == len(kept)
    assert differences(outcome, output) == []

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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rhythm", "more"),
    [
        (ALIVE, {"time_zone": "America/New_York", "window_days": 180} | CLASSES),
        (OWN, {}),
    ],
    ids=["alive", "own_rhythm"],
)
def test_every_change(rhythm: dict[str, Any], more: dict[str, Any], tmp_path: Path) -> None:
    events = list(orders())
    document = {"currency": "USD", "rhythm": {"default": rhythm}} | more
    outcome = run.replay(events, document)
    output = replay(tmp_path, events, document)
    assert (len(events), len(output.customers)) == (ORDERS, CUSTOMERS)
    assert differences(outcome, output) == []

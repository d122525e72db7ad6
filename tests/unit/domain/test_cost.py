"""What an event costs does not grow with the number of orders (domain.md: at most O(log n))."""

import json
import subprocess
import sys

import pytest

from tests.unit.domain.costs import ACTS, MANY


@pytest.fixture(scope="module")
def costs() -> dict[str, list[int]]:
    told = subprocess.run([sys.executable, "-X", "pure", "-m", "tests.unit.domain.costs"], capture_output=True, text=True, check=True)
    return dict(json.loads(told.stdout))


@pytest.mark.parametrize("per_day", [1, 20])
@pytest.mark.parametrize("what", [what for what, _ in ACTS])
def test_an_event_costs_about_the_same_with_a_hundred_times_the_orders(what: str, per_day: int, costs: dict[str, list[int]]) -> None:
    cheap, dear = costs[f"{what}, {per_day} a day"]
    assert cheap > 40, "the lines were counted"
    assert dear <= 2 * cheap + 100


def test_a_day_that_leaves_costs_what_left(costs: dict[str, list[int]]) -> None:
    lines, orders = costs["a day leaves"]
    assert 40 < lines < 3_000
    assert orders == MANY - 7  # 2 000 orders in 300 days

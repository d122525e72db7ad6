"""How fast background work may go."""

from unittest.mock import patch

import pytest

from stream_app.engine.pace import Pace, Slices


@pytest.mark.parametrize(
    ("rate", "steps", "expected"),
    [
        pytest.param(100, [(0.0, 9), (0.1, 50), (0.1, 50)], [0, 10, 10], id="as much as the time gives"),
        pytest.param(100, [(0.1, 3), (0.0, 50)], [3, 7], id="what is not taken stays"),
        pytest.param(100, [(60.0, 999)], [25], id="a pause is not followed by a rush"),
        pytest.param(2, [(0.4, 5), (0.2, 5), (9.0, 5)], [0, 1, 1], id="slower than once a unit of work"),
        pytest.param(0, [(60.0, 1)], [0], id="0 pauses"),
    ],
)
def test_permits(rate: int, steps: list[tuple[float, int]], expected: list[int]) -> None:
    now = 1_000.0
    with patch("time.monotonic", lambda: now):
        pace = Pace(rate)
        taken = []
        for seconds, limit in steps:
            now += seconds
            taken.append(pace.take(limit))
    assert taken == expected


def test_what_was_not_needed_is_given_back() -> None:
    now = 1_000.0
    with patch("time.monotonic", lambda: now):
        pace = Pace(1_000)
        now += 0.1
        assert pace.take(100) == 100
        pace.give_back(60)
        assert (pace.take(100), pace.take(100)) == (60, 0)


def test_a_turn_is_shared_among_the_partitions_that_have_more_to_do() -> None:
    slices = Slices(0.1)
    assert slices.seconds() == pytest.approx(0.1), "whoever comes first does not know of others"
    for partition in range(4):
        slices.ask(partition, more=True)
        slices.ask(partition, more=True)
    assert slices.seconds() == pytest.approx(0.025)
    slices.ask(1, more=False)
    slices.ask(7, more=False)
    assert slices.seconds() == pytest.approx(0.1 / 3)
    for partition in range(64):
        slices.ask(partition, more=True)
    assert slices.seconds() == pytest.approx(0.005), "less is not worth a transaction"

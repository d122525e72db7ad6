"""The numbers that insights are made of: percentages, log-odds with their interval, quantiles, concentration."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.domain.insights.figures import bucket_of, concentrate, log_odds, mean, percent, quantile

PERCENT = [
    # (what, part, whole, the answer)
    ("nothing of something", 0, 7, 0.0),
    ("something of nothing", 3, 0, None),
    ("of less than nothing", 3, -1, None),
    ("all", 7, 7, 100.0),
    ("more than all", 3, 2, 150.0),
    ("a third, down", 1, 3, 33.33),
    ("two thirds, up", 2, 3, 66.67),
    ("a half of a hundredth, up", 1, 20_000, 0.01),
    ("less than that", 1, 20_001, 0.0),
]


@pytest.mark.parametrize(("what", "part", "whole", "expected"), PERCENT, ids=[row[0] for row in PERCENT])
def test_percent(what: str, part: int, whole: int, expected: float | None) -> None:
    assert percent(part, whole) == expected


LOG_ODDS = [
    # (what, lost with, kept with, lost, kept, value, low, high, corrected)
    # 12 of 20 lost and 80 of 110 kept: ln((12*30)/(80*8)), s.e. sqrt(1/12+1/80+1/8+1/30)
    ("bought less by the lost", 12, 80, 20, 110, -0.575, -1.563, 0.413, False),
    ("the same on both sides", 5, 50, 10, 100, 0.0, -1.3, 1.3, False),
    ("mirrored", 8, 30, 20, 110, 0.575, -0.413, 1.563, False),
    # a half is added to each of 0, 5, 3, 4: ln((0.5*4.5)/(5.5*3.5))
    ("by none of the lost", 0, 5, 3, 9, -2.147, -5.361, 1.068, True),
    ("by all of the lost", 3, 5, 3, 9, 1.745, -1.469, 4.96, True),
    ("nobody is lost", 0, 5, 0, 9, -0.201, -4.314, 3.912, True),
]


@pytest.mark.parametrize("row", LOG_ODDS, ids=[row[0] for row in LOG_ODDS])
def test_log_odds(row: tuple[str, int, int, int, int, float, float, float, bool]) -> None:
    _, lost_with, kept_with, lost, kept, *expected = row
    assert list(log_odds(lost_with, kept_with, lost, kept)) == expected


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_log_odds_turn_round_with_the_sides_and_hold_themselves_in_their_interval(a: int, b: int, c: int, d: int) -> None:
    found, mirrored = log_odds(a, b, a + c, b + d), log_odds(b, a, b + d, a + c)
    assert found.low < found.value < found.high
    assert math.isclose(found.value, -mirrored.value, abs_tol=0.0011)
    assert found.corrected == (0 in (a, b, c, d))


HISTOGRAMS: list[tuple[str, dict[int, int], int, int, float]] = [
    # (what, value -> how many, the median, the 90 % quantile, the mean)
    ("one", {30: 1}, 30, 30, 30.0),
    ("two", {30: 1, 41: 1}, 30, 41, 35.5),
    ("many of one", {30: 9, 90: 1}, 30, 30, 36.0),
    ("a tenth and more", {30: 8, 90: 1, 91: 1}, 30, 90, 42.1),
    ("thirds", {0: 1, 1: 2}, 1, 1, 0.67),
]


@pytest.mark.parametrize("row", HISTOGRAMS, ids=[row[0] for row in HISTOGRAMS])
def test_quantiles_and_means(row: tuple[str, dict[int, int], int, int, float]) -> None:
    _, histogram, median, p90, average = row
    assert (quantile(histogram, 50), quantile(histogram, 90), mean(histogram)) == (median, p90, average)


def test_an_empty_histogram_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="empty"):
        quantile({}, 50)


@given(st.integers(1, 2**53 - 1))
def test_buckets_ascend_and_are_narrow(amount: int) -> None:
    bucket = bucket_of(amount)
    assert bucket <= bucket_of(amount + 1) <= bucket + 1
    same = next(step for step in (amount // 128 + 1, amount) if bucket_of(amount + step) > bucket)
    assert same <= amount // 128 + 1


CONCENTRATIONS: list[tuple[str, list[int], tuple[int, int, int, int]]] = [
    # (what, revenues, (customers, total, top customers, what they hold))
    ("nobody", [], (0, 0, 0, 0)),
    ("one is the top", [900], (1, 900, 1, 900)),
    ("the best of five", [10, 20, 30, 40, 100], (5, 200, 1, 100)),
    ("of six it is two", [10, 20, 30, 40, 100, 50], (6, 250, 2, 150)),
    ("all alike", [10] * 10, (10, 100, 2, 20)),
    ("the border in one bucket: their mean", [1000, 1001, 1, 1, 1], (5, 2004, 1, 1000)),
]


@pytest.mark.parametrize(("what", "revenues", "expected"), CONCENTRATIONS, ids=[row[0] for row in CONCENTRATIONS])
def test_concentration(what: str, revenues: list[int], expected: tuple[int, int, int, int]) -> None:
    assert tuple(concentrate(buckets(revenues))) == expected


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200))
def test_concentration_is_the_exact_one_within_a_hundredth(revenues: list[int]) -> None:
    exact = sum(sorted(revenues, reverse=True)[: -(-len(revenues) // 5)])
    found = concentrate(buckets(revenues))
    assert abs(found.top_minor - exact) * 100 <= exact + 100


def buckets(revenues: list[int]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for amount in revenues:
        count, total = found.get(bucket_of(amount), (0, 0))
        found[bucket_of(amount)] = count + 1, total + amount
    return found

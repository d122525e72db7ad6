"""The probability model against published numbers, the published closed form, and an integration that knows no formula."""

from itertools import pairwise, product
from math import exp, fsum, isfinite, log

import pytest

from stream_app.domain.model import VALUE_MAX, expected_margin, expected_purchases, future_value, purchases_if_alive
from stream_app.domain.policy import Alive, GammaGamma
from tests.builders import DAY

PAPER = (0.243, 4.414, 0.793, 2.426)
"""r, alpha, a, b of the BG/NBD on CDNOW in weeks, as Fader, Hardie and Lee (2005) print them."""
CDNOW = Alive(0.52484, 6.18299, 0.89136, 1.61400, 0.5, 0, 9999)


def mbg(r: float, alpha: float, a: float, b: float) -> Alive:
    return Alive(r, alpha, a, b, 0.5, 0, 9999)


def expected(model: Alive, x: int, last: float, observed: float, ahead: float) -> float:
    return expected_purchases(model, x, last, (observed - last) * DAY, ahead)


def test_the_papers_own_example() -> None:
    """The BG/NBD differs from the MBG/NBD in that nobody drops out before his first repeat."""
    (r, alpha, a, b), x, last, observed, ahead = PAPER, 2, 30.43, 38.86, 39
    alive = 1 / (1 + a / (b + x - 1) * ((alpha + observed) / (alpha + last)) ** (r + x))
    assert alive * purchases_if_alive(r + x, a, b + x, ahead / (alpha + observed)) == pytest.approx(1.2260, abs=5e-5)


def closed_form(model: Alive, x: int, last: float, observed: float, ahead: float) -> float:
    """Batislam, Denizel and Filiztekin (2007), the hypergeometric series as it is written; not for a = 1."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    z = ahead / (alpha + observed + ahead)
    term, k, terms = 1.0, 0, [1.0]
    while term > 1e-18 * terms[0] or k < 50:
        term *= (r + x + k) * (b + x + 1 + k) / ((a + b + x + k) * (k + 1)) * z
        k += 1
        terms.append(term)
    numerator = (a + b + x) / (a - 1) * (1 - (1 - z) ** (r + x) * fsum(terms))
    return float(numerator / (1 + a / (b + x) * ((alpha + observed) / (alpha + last)) ** (r + x)))


def integrated(model: Alive, x: int, last: float, observed: float, ahead: float) -> float:
    """From the story alone: buys at rate l, drops out after any purchase with chance p; l and p are spread over the customers.

    The trapezoid rule over log l and the log odds of p, where everything that is summed is smooth and fades at both ends.
    """
    step, alive, dead, bought = 0.2, 0.0, 0.0, 0.0
    rates = [exp(step * i - log(observed + model.alpha)) for i in range(-round(200 / (model.r + x)), 35)]
    odds = [exp(step * i) for i in range(-round(200 / model.a), round(200 / (model.b + x)))]
    for rate, odd in product(rates, odds):
        p = odd / (1 + odd)
        density = rate ** (model.r + x) * exp(-model.alpha * rate) * p**model.a * (1 - p) ** model.b
        still = density * (1 - p) ** (x + 1) * exp(-rate * observed)
        alive += still
        dead += density * (1 - p) ** x * p * exp(-rate * last)
        bought += still * (1 - exp(-rate * p * ahead)) / p
    return bought / (alive + dead)


STORIES: list[tuple[Alive, int, float, float, float]] = [
    (CDNOW, 2, 30.43, 38.86, 39),
    (CDNOW, 0, 0, 0, 52),
    (CDNOW, 0, 0, 38.86, 39),
    (CDNOW, 7, 29.43, 38.86, 39),
    (CDNOW, 12, 37.0, 38.86, 5),
    (mbg(0.52484, 43.28, 0.89136, 1.614), 3, 120, 210, 365),
    (mbg(2.5, 1.5, 1.7, 0.4), 1, 4, 5, 30),
    (mbg(0.8, 0.02, 0.6, 2.0), 0, 0, 0, 365),  # the horizon dwarfs what was observed: the integral
    (mbg(1.5, 0.001, 3.0, 1.0), 0, 0, 0, 36_500),
]


@pytest.mark.parametrize("story", STORIES)
def test_expected_purchases_against_an_integration(story: tuple[Alive, int, float, float, float]) -> None:
    assert expected(*story) == pytest.approx(integrated(*story), rel=1e-9)


@pytest.mark.parametrize("story", STORIES[:7])
def test_expected_purchases_against_the_published_closed_form(story: tuple[Alive, int, float, float, float]) -> None:
    assert expected(*story) == pytest.approx(closed_form(*story), rel=1e-11)


def test_at_a_equal_to_one_the_closed_form_has_no_value_and_ours_has() -> None:
    here, there = (expected(mbg(0.5, 6.0, a, 1.6), 2, 30, 39, 39) for a in (1.0, 1.0 + 1e-9))
    assert here == pytest.approx(there, rel=1e-8)
    assert here == pytest.approx(integrated(mbg(0.5, 6.0, 1.0, 1.6), 2, 30, 39, 39), rel=1e-9)


@pytest.mark.parametrize(("s", "a", "survived"), [(2.5, 0.9, 4.6), (0.1, 0.02, 1.5), (40.0, 3.0, 60.0), (0.5, 1e-6, 2.0), (7.0, 1e5, 1e6)])
def test_series_and_integral_are_one_function(s: float, a: float, survived: float) -> None:
    """Where one takes over from the other nothing jumps: what is between two neighbours is what the slope says."""
    ratios = [10 ** (k / 50) for k in range(50, 250)]
    values = [purchases_if_alive(s, a, survived, ratio) for ratio in ratios]
    slopes = [log(after / before) for before, after in pairwise(values)]
    bends = [abs(after - before) for before, after in pairwise(slopes)]
    assert max(bends) < 2e-3
    assert all(slope > -1e-12 for slope in slopes)


PARAMETERS = (1e-300, 1e-6, 1.0, 1e6, 1e300)


@pytest.mark.parametrize("r", PARAMETERS)
@pytest.mark.parametrize("alpha", PARAMETERS)
def test_no_allowed_parameter_is_too_much(r: float, alpha: float) -> None:
    for a, b, (n, span, silent) in product(PARAMETERS, PARAMETERS, [(0, 0, 0), (5, 300, 20), (1_999, 20_000, 9_000)]):
        model = Alive(r, alpha, a, b, 0.5, 0, 9999, GammaGamma(1.0, 2.0, 500.0))
        purchases = expected_purchases(model, n, span, silent * DAY, 36_500)
        assert purchases >= 0.0
        assert -VALUE_MAX <= future_value(model, n, span, silent * DAY, 36_500, n + 1, 10**12) <= VALUE_MAX
        if isfinite(purchases):
            # nobody buys more than somebody at his rate who never drops out
            assert purchases <= (r + n) * 36_500 / (alpha + span + silent) * (1 + 1e-9)


def test_expected_value_falls_from_day_to_day() -> None:
    model = Alive(0.52484, 43.28093, 0.89136, 1.614, 0.5, 0, 9999, GammaGamma(6.25, 3.74, 1_545.0))
    values = [future_value(model, 4, 200, day * DAY, 365, 5, 20_000) for day in range(1_000)]
    losses = [future_value(model, 4, 200, day * DAY, 365, 5, -20_000) for day in range(1_000)]
    assert values == sorted(values, reverse=True)
    assert losses == sorted(losses)
    assert values[0] > values[100] > values[999] > 0 > losses[999] > losses[0]


SPEND = GammaGamma(6.0, 4.0, 1_500.0)
MARGINS: list[tuple[GammaGamma, int, int, float]] = [
    # the model, the occasions, their margin and what the next one yields
    (SPEND, 0, 0, 6 * 1500 / 3),  # the shop's mean
    (SPEND, 1, 3_000, 3_000),
    (SPEND, 1, 9_000, 6 * (1500 + 9000) / 9),  # two thirds his own 9 000, one third the shop's 3 000
    (SPEND, 1_000_000, 5_000_000_000, 6 * (1500 + 5_000_000_000) / 6_000_003),  # many: his own
    (SPEND, 2, -6_000, 6 * (1500 - 6000) / 15),  # a loss is pulled toward the shop's mean, and stays a loss
    (SPEND, 2, -1_000, 6 * 500 / 15),
    (GammaGamma(6.0, 1.0, 1_500.0), 0, 0, 0),  # no mean, no occasion: nothing
    (GammaGamma(6.0, 1.0, 1_500.0), 2, 4_000, 6 * 5500 / 12),
    (GammaGamma(0.1, 0.5, 1_500.0), 2, 4_000, 2_000),  # too little for the model: his own mean
]


@pytest.mark.parametrize(("model", "occasions", "margin", "mean"), MARGINS)
def test_the_margin_of_the_next_purchase(model: GammaGamma, occasions: int, margin: int, mean: float) -> None:
    assert expected_margin(model, occasions, margin) == mean


def test_the_value_is_floored_once() -> None:
    model = Alive(0.52484, 43.28093, 0.89136, 1.614, 0.5, 0, 9999, SPEND)
    exact = expected_purchases(model, 2, 90, 3 * DAY, 365) * expected_margin(SPEND, 3, 7_000)
    assert exact > 1
    assert future_value(model, 2, 90, 3 * DAY, 365, 3, 7_000) == exact // 1
    loss = expected_purchases(model, 2, 90, 3 * DAY, 365) * expected_margin(SPEND, 3, -7_000)
    assert future_value(model, 2, 90, 3 * DAY, 365, 3, -7_000) == loss // 1 < loss

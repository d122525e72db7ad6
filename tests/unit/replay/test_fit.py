"""Maximum likelihood finds what made the data, and knows how far off it may be."""

import numpy as np
import pytest

from stream_app.replay.calibrate.fit import fit_bg_nbd, fit_gamma_gamma, fit_mbg_nbd
from stream_app.replay.calibrate.likelihood import Vector, bg_nbd, mbg_nbd

CUSTOMERS = 3_000
SHOPS = 10


def _simulate(r: float, alpha: float, a: float, b: float, seed: int, *, drops_at_once: bool) -> Vector:
    """Rows of (x, t_x, T), drawn as the models' papers tell the story; with `drops_at_once` also the first purchase may be the last."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(CUSTOMERS):
        rate, chance, observed = random.gamma(r, 1 / alpha), random.beta(a, b), float(random.integers(100, 400))
        now = last = 0.0
        repeats = 0
        gone = drops_at_once and random.random() < chance
        while not gone:
            now += random.exponential(1 / rate)
            if now > observed:
                break
            repeats, last = repeats + 1, now
            gone = random.random() < chance
        rows.append((repeats, last, observed))
    return np.array(rows)


@pytest.mark.parametrize(
    ("drops_at_once", "truth"),
    [(True, {"r": 0.9, "alpha": 30.0, "a": 0.8, "b": 2.0}), (False, {"r": 0.5, "alpha": 20.0, "a": 0.8, "b": 2.5})],
)
def test_the_parameters_behind_simulated_customers_are_found_within_two_standard_errors(
    drops_at_once: bool, truth: dict[str, float]
) -> None:
    """Of ten shops with four parameters: 95 % are expected within two standard errors, and fewer than 34 of 40 once in 150 runs at most."""
    within = 0
    for seed in range(SHOPS):
        rows = _simulate(**truth, seed=seed, drops_at_once=drops_at_once)
        fit = (fit_mbg_nbd if drops_at_once else fit_bg_nbd)(rows[:, 0], rows[:, 1], rows[:, 2])
        assert fit.customers == CUSTOMERS
        assert fit.is_certain
        for name, value in truth.items():
            error = fit.errors[name]
            assert error is not None
            assert abs(fit.values[name] - value) <= 4 * error, (seed, name, fit)
            assert error < value / 2, (seed, name, fit)  # and it says something
            within += abs(fit.values[name] - value) <= 2 * error
    assert within >= 34


def test_the_spend_behind_simulated_customers_is_found_within_two_standard_errors() -> None:
    random = np.random.default_rng(7)
    p, q, v = 6.0, 4.0, 1_500.0
    repeats = random.integers(1, 9, CUSTOMERS).astype(float)
    rates = random.gamma(q, 1 / v, CUSTOMERS)
    means = random.gamma(p * repeats, 1 / (rates * repeats))
    fit = fit_gamma_gamma(repeats, means)
    for name, value in {"p": p, "q": q, "v": v}.items():
        error = fit.errors[name]
        assert error is not None
        assert abs(fit.values[name] - value) <= 2 * error < value, (name, fit)


def test_customers_who_all_bought_once_settle_nothing() -> None:
    ones = np.zeros(600)
    assert not fit_mbg_nbd(ones, ones, np.full(600, 100.0)).is_certain


@pytest.mark.parametrize(("model", "drops_at_once"), [(mbg_nbd, True), (bg_nbd, False)])
def test_a_likelihood_is_a_density_over_all_histories(model: object, drops_at_once: bool) -> None:
    """Summed over x and integrated over t_x, all that can happen in 50 days has probability 1: an independent look at the formula.

    The likelihood of a history is that of all its purchase times, of which t_x is the last: the x - 1 before it lie anywhere.
    """
    assert callable(model)
    observed, most = 50.0, 60
    parameters = np.array([0.8, 20.0, 0.7, 2.0])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    times, spans = (nodes + 1) * observed / 2, weights * observed / 2
    none = np.zeros(1)
    total = float(np.exp(model(parameters, none, none, np.array([observed])))[0])
    factorial = 1.0
    for repeats in range(1, most):
        density = np.exp(model(parameters, np.full(60, float(repeats)), times, np.full(60, observed)))
        total += float(spans @ (density * times ** (repeats - 1) / factorial))
        factorial *= repeats
    assert total == pytest.approx(1.0, abs=2e-4), drops_at_once

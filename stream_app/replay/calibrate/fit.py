"""Maximum likelihood: the parameters under which a history is most likely, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from stream_app.replay.calibrate.likelihood import RHYTHM_NAMES, SPEND_NAMES, Vector, bg_nbd, gamma_gamma, mbg_nbd

Likelihood = Callable[[Vector], float]
"""Parameters -> log-likelihood of all customers."""

_BOUND: Final = 14.0
"""Parameters stay between e**-14 and e**14 of their scale: beyond that they are not a finding, but a lack of data."""

_STEP: Final = 1e-4
"""Of the logarithms, for second differences: the error of a double's log-likelihood and that of the step are both small."""

_RHYTHM_STARTS: Final = ((1.0, 1.0, 1.0, 1.0), (0.3, 1.0, 0.5, 2.0), (2.0, 2.0, 0.1, 1.0))
_SPEND_STARTS: Final = ((1.0, 2.0, 1.0), (6.0, 4.0, 1.0))


@dataclass(frozen=True)
class Fit:
    """Parameters by name, their standard errors (None where the likelihood is flat), and the log-likelihood at the maximum."""

    values: dict[str, float]
    errors: dict[str, float | None]
    log_likelihood: float
    customers: int

    @property
    def is_certain(self) -> bool:
        """Whether every parameter is known to within its own size."""
        return all(error is not None and error < self.values[name] for name, error in self.errors.items())


def fit_mbg_nbd(x: Vector, t_x: Vector, observed: Vector) -> Fit:
    """Fit the MBG/NBD to customers with `x` repeats, the last at `t_x`, observed for `observed` (all since the first purchase)."""
    return _fit_rhythm(mbg_nbd, x, t_x, observed)


def fit_bg_nbd(x: Vector, t_x: Vector, observed: Vector) -> Fit:
    """Fit the BG/NBD; see `fit_mbg_nbd`."""
    return _fit_rhythm(bg_nbd, x, t_x, observed)


def fit_gamma_gamma(x: Vector, mean: Vector) -> Fit:
    """Fit the Gamma-Gamma model to customers with `x` purchases (at least one) of `mean` value (above 0)."""
    scale = float(np.average(mean, weights=x))
    return _maximise(lambda values: float(gamma_gamma(values, x, mean).sum()), SPEND_NAMES, _SPEND_STARTS, {"v": scale}, len(x))


def _fit_rhythm(model: Callable[[Vector, Vector, Vector, Vector], Vector], x: Vector, t_x: Vector, observed: Vector) -> Fit:
    rows, weights = np.unique(np.column_stack([x, t_x, observed]), axis=0, return_counts=True)  # many customers are alike
    columns = tuple(np.ascontiguousarray(column) for column in rows.T)

    def likelihood(values: Vector) -> float:
        return float(weights @ model(values, columns[0], columns[1], columns[2]))

    scale = max(1e-9, float(observed.mean()) / 4)
    return _maximise(likelihood, RHYTHM_NAMES, _RHYTHM_STARTS, {"alpha": scale}, len(x))


def _maximise(
    likelihood: Likelihood, names: Sequence[str], starts: Sequence[Sequence[float]], scales: dict[str, float], customers: int
) -> Fit:
    """The best of all starts. Logarithms are searched, so that every parameter stays positive and none outweighs another."""
    scale = np.array([scales.get(name, 1.0) for name in names])

    def cost(logs: Vector) -> float:
        return -likelihood(scale * np.exp(logs)) / customers

    with np.errstate(all="ignore"):  # far from the maximum a likelihood may be no number; the search turns back
        found = [
            minimize(cost, np.log(start), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * len(names), options={"ftol": 1e-15, "gtol": 1e-9})
            for start in starts
        ]
        best = min(found, key=lambda one: float(one.fun))
        best = minimize(cost, best.x, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4_000})
        curvature = _second_differences(lambda logs: customers * cost(logs), best.x)
    values = scale * np.exp(best.x)
    return Fit(
        dict(zip(names, map(float, values), strict=True)),
        dict(zip(names, _errors(curvature, values), strict=True)),
        likelihood(values),
        customers,
    )


def _second_differences(cost: Likelihood, at: Vector) -> Vector:
    size = len(at)
    steps = np.eye(size) * _STEP
    curvature = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            ahead, aside = steps[i], steps[j]
            mixed = cost(at + ahead + aside) - cost(at + ahead - aside) - cost(at - ahead + aside) + cost(at - ahead - aside)
            curvature[i, j] = curvature[j, i] = mixed / (4 * _STEP * _STEP)
    return curvature


def _errors(curvature: Vector, values: Vector) -> list[float | None]:
    """Standard errors from the inverse of the observed information, carried from the logarithms to the parameters."""
    try:
        variances = np.diag(np.linalg.inv(curvature))
    except np.linalg.LinAlgError:
        return [None] * len(values)
    return [
        float(value * np.sqrt(spread)) if np.isfinite(spread) and spread > 0 else None
        for value, spread in zip(values, variances, strict=True)
    ]

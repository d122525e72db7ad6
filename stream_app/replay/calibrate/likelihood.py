"""Log-likelihoods of three models of purchase histories; published formulas, in vectors.

Sources: BG/NBD: Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24 (2005), equation 6.
MBG/NBD: Batislam, Denizel and Filiztekin, "Empirical validation and comparison of models for customer base analysis",
International Journal of Research in Marketing 24 (2007). Gamma-Gamma: Fader and Hardie, "The Gamma-Gamma model of monetary value"
(2013), equation 1a.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Vector = NDArray[np.float64]

RHYTHM_NAMES: Final = ("r", "alpha", "a", "b")
SPEND_NAMES: Final = ("p", "q", "v")


def mbg_nbd(parameters: Vector, x: Vector, t_x: Vector, observed: Vector) -> Vector:
    """Log-likelihood of each customer under the MBG/NBD.

    Args:
        parameters: r, alpha, a, b; alpha in the unit of time of `t_x`.
        x: repeat purchases.
        t_x: time of the last of them since the first purchase, 0 without one.
        observed: T, time observed since the first purchase.
    """
    r, alpha, a, b = map(float, parameters)
    alive = _betaln(a, b + x + 1) - (r + x) * np.log(alpha + observed)
    gone = _betaln(a + 1, b + x) - (r + x) * np.log(alpha + t_x)
    return _purchases(r, alpha, x) - _betaln(a, b) + np.logaddexp(alive, gone)


def bg_nbd(parameters: Vector, x: Vector, t_x: Vector, observed: Vector) -> Vector:
    """Log-likelihood of each customer under the BG/NBD, in which nobody drops out before the first repeat; see `mbg_nbd`."""
    r, alpha, a, b = map(float, parameters)
    repeats = np.maximum(x, 1)
    alive = _betaln(a, b + x) - (r + x) * np.log(alpha + observed)
    gone = np.where(x > 0, _betaln(a + 1, b + repeats - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return _purchases(r, alpha, x) - _betaln(a, b) + np.logaddexp(alive, gone)


def gamma_gamma(parameters: Vector, x: Vector, mean: Vector) -> Vector:
    """Log-likelihood of each customer under the Gamma-Gamma model.

    Args:
        parameters: p, q, v; v in the unit of money of `mean`.
        x: purchases, at least one.
        mean: their mean value, above 0.
    """
    p, q, v = map(float, parameters)
    shape = p * x
    constant = _gammaln(shape + q) - _gammaln(shape) - _gammaln(q) + q * np.log(v)
    likelihood: Vector = constant + (shape - 1) * np.log(mean) + shape * np.log(x) - (shape + q) * np.log(x * mean + v)
    return likelihood


def _purchases(r: float, alpha: float, x: Vector) -> Vector:
    purchases: Vector = _gammaln(r + x) - _gammaln(r) + r * np.log(alpha)
    return purchases


def _gammaln(values: Vector | float) -> Vector:
    """Logarithm of the gamma function; SciPy's own carries no types."""
    return np.asarray(special.gammaln(values), dtype=np.float64)


def _betaln(one: Vector | float, other: Vector | float) -> Vector:
    """Logarithm of the beta function."""
    return np.asarray(special.betaln(one, other), dtype=np.float64)

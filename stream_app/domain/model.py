"""What the probability model expects of a customer: purchases ahead (MBG/NBD) and the margin of one (Gamma-Gamma).

Batislam, Denizel and Filiztekin (2007) give the expected number of purchases in closed form, with a hypergeometric function:

    E = (a+b+x)/(a-1) * (1 - (1-z)**(r+x) * 2F1(r+x, b+x+1; a+b+x; z)) * P(alive),   z = t / (alpha+T+t)

Written so it divides by zero at a = 1 and loses digits around it. Summed term by term, the purchases of somebody who cannot drop
out are a negative binomial number N, and each of them happens if he has survived those before it:

    E = P(alive) * sum over k of P(N = k) * sum over j < k of (b+x+1)_j / (a+b+x+1)_j

which is the same series with positive terms alone. It is long where the horizon dwarfs what has been observed; there the mean
over the chance to drop out is taken as an integral instead.
"""

from math import asinh, cosh, exp, expm1, floor, log, log1p, sinh, sqrt
from typing import Final

from stream_app.domain.policy import Alive, GammaGamma
from stream_app.domain.rhythm import p_alive

VALUE_MAX: Final = 2**53 - 1
"""Absurd parameters expect absurd amounts: no value is taken for larger than this."""

_TERMS_MAX: Final = 4_000.0
_EPSILON: Final = 1e-17
_NONE: Final = 1e-250
"""So few purchases are none; where they are as few as that, terms of the series would be too small for doubles to fall any further."""

_HALF_PI: Final = 1.5707963267948966
_U_MAX: Final = 690.0  # its hyperbolic sine and cosine are still doubles
_HEADROOM: Final = 345.0  # weights, up to cosh(690) times that of the middle, stay in the middle of the doubles
_FAINT: Final = 46.0  # e**-46 of the largest weight does not show in a double


def future_value(rhythm: Alive, n: int, span: float, silent_ms: float, horizon_days: int, occasions: int, margin: int) -> int:
    """Margin expected over the horizon, floored once.

    Args:
        rhythm: the leading group's parameters, `gamma_gamma` among them.
        n: purchase occasions in the group minus 1.
        span: local days from the first to the last of them.
        silent_ms: time since the last one.
        horizon_days: how far to look ahead.
        occasions: purchase occasions in the window of measures, over all groups.
        margin: what they yielded.
    """
    assert rhythm.gamma_gamma is not None
    expected = expected_purchases(rhythm, n, span, silent_ms, horizon_days) * expected_margin(rhythm.gamma_gamma, occasions, margin)
    if expected != expected:  # noqa: PLR0124 - not a number: nothing times infinity
        return 0
    return floor(max(-float(VALUE_MAX), min(float(VALUE_MAX), expected)))


def expected_purchases(rhythm: Alive, n: int, span: float, silent_ms: float, ahead_days: float) -> float:
    """MBG/NBD: purchases in the next `ahead_days` of a customer with `n` repeats, the last at `span`, silent since."""
    alive = p_alive(rhythm, n, span, silent_ms)
    if alive <= 0.0:
        return 0.0
    observed = rhythm.alpha + span + silent_ms / 86_400_000
    return alive * purchases_if_alive(rhythm.r + n, rhythm.a, rhythm.b + n + 1, ahead_days / observed)


def expected_margin(model: GammaGamma, occasions: int, margin: int) -> float:
    """Gamma-Gamma: the mean margin of a purchase, given `margin` over `occasions`.

    p*(v + margin) / (p*x + q - 1), which is the mean of the shop's p*v/(q-1) and the customer's own, weighted with q-1 and p*x.
    Where that has no value, since the shop's mean is infinite (q <= 1) and he has bought too little, his own counts alone.
    """
    weight = model.p * occasions + (model.q - 1.0)
    if weight <= 0.0:
        return margin / occasions if occasions else 0.0
    return model.p * (model.v + margin) / weight


def purchases_if_alive(s: float, a: float, survived: float, ratio: float) -> float:
    """Purchases expected of somebody who has not dropped out yet.

    Args:
        s: shape of his purchase rate, r + x.
        a: drop-outs, in the beta distribution of his chance to drop out after a purchase.
        survived: purchases after which he did not, in the same distribution: b + x + 1 (in the BG/NBD b + x).
        ratio: time ahead over alpha + time observed.
    """
    if not ratio > 0.0 or s * ratio <= _NONE:
        return 0.0
    spread = sqrt(s * ratio * (1.0 + ratio))
    if s * ratio + 9.0 * spread + 45.0 * (1.0 + ratio) <= _TERMS_MAX:
        return _sum(s, a, survived, ratio)
    return _integral(s, a, survived, ratio)


def _sum(s: float, a: float, survived: float, ratio: float) -> float:
    """The series. P(N = k) is taken relative to P(N = 0), which may be too small for a double, and the sum divided by all of them."""
    z = ratio / (1.0 + ratio)
    chance = weights = 1.0  # P(N = k), and their sum
    reached = happened = 0.0  # purchases that come if N = k, and the mean over k
    survival = 1.0  # of all purchases so far
    k = 0.0
    while True:
        reached += survival
        survival *= (survived + k) / (a + survived + k)
        growth = (s + k) / (k + 1.0) * z
        chance *= growth
        k += 1.0
        weights += chance
        happened += chance * reached
        # Behind the mode the chances fall at least as fast as a geometric series, while `reached` grows by at most 1 a term.
        if growth < 1.0:
            left = 1.0 - (z if growth < z else growth)
            if chance * (reached + 1.0 / left) <= _EPSILON * happened * left:
                return happened / weights
        elif chance > 1e250:
            chance *= 1e-250
            weights *= 1e-250
            happened *= 1e-250


def _integral(s: float, a: float, survived: float, ratio: float) -> float:
    """The mean of (1 - (1 + p*ratio)**-s) / p over p, the chance to drop out, which is Beta(a, survived).

    The trapezoid rule in u, where p = 1 / (1 + exp(-pi/2 * sinh(u))): from the peak outwards until nothing shows any more. The
    weights are divided by their own sum, so that no gamma function of large numbers is needed.
    """
    peak = log(a) - log(survived)
    middle = asinh(peak / _HALF_PI)
    middle = max(-_U_MAX, min(_U_MAX, middle))
    width = sqrt(1.0 / a + 1.0 / survived) / (_HALF_PI * cosh(middle))
    if width < 1e-7:  # as good as one point
        return _purchases(middle, s, ratio)
    step = min(0.0625, width / 2.0)
    base = _log_weight(middle, a, survived) + _HEADROOM
    weights = exp(-_HEADROOM)
    mean = weights * _purchases(middle, s, ratio)
    for sign in (-1.0, 1.0):
        most, u = -_HEADROOM, middle
        while True:
            u += sign * step
            if not -_U_MAX <= u <= _U_MAX:
                break
            shown = _log_weight(u, a, survived) - base
            if shown > most:
                most = shown
            if shown < most - _FAINT:
                break
            weight = exp(shown)
            weights += weight
            mean += weight * _purchases(u, s, ratio)
    return mean / weights


def _log_weight(u: float, a: float, survived: float) -> float:
    y = _HALF_PI * sinh(u)
    if y < 0.0:
        rest = log1p(exp(y))
        return a * (y - rest) - survived * rest + log(cosh(u))
    rest = log1p(exp(-y))
    return -a * rest - survived * (y + rest) + log(cosh(u))


def _purchases(u: float, s: float, ratio: float) -> float:
    p = 1.0 / (1.0 + exp(min(700.0, -_HALF_PI * sinh(u))))
    return s * ratio if p < 1e-290 else -expm1(-s * log1p(p * ratio)) / p

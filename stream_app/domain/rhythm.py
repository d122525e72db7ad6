"""The turn-over point (domain.md, 3.2): how long silence may last before a customer counts as inactive.

The `alive` method is the MBG/NBD model of Batislam, Denizel and Filiztekin (2007): unlike the BG/NBD it lets a customer
drop out right after the first purchase, so that a one-time buyer is not alive for ever.
"""

from math import floor, inf
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.policy import Alive, Fixed, OwnRhythm, Rhythm

_DAYS_MAX: Final = 1e15
"""Absurd parameters expect the next purchase at no time at all: no gap is taken for longer than this."""


def patience_ms(rhythm: Rhythm, n: int, span: int) -> int:
    """Milliseconds of silence after the last order that a group allows.

    Args:
        rhythm: the group's method.
        n: purchase occasions in the group minus 1.
        span: local days from the first to the last occasion.
    """
    if type(rhythm) is OwnRhythm:
        k = rhythm.prior_weight
        own = rhythm.factor_pct * DAY_MS * (k * rhythm.prior_days + span) // (100 * (k + n))
    elif type(rhythm) is Alive:
        try:
            own = floor((turnover_days(rhythm, n, span) - span) * DAY_MS)
        except (OverflowError, ZeroDivisionError, ValueError):
            return rhythm.max_days * DAY_MS
    else:
        assert type(rhythm) is Fixed
        return rhythm.days * DAY_MS
    least, most = rhythm.min_days * DAY_MS, rhythm.max_days * DAY_MS
    return least if own < least else most if own > most else own


def turnover_days(rhythm: Alive, n: int, span: float, theta: float | None = None) -> float:
    """T, in days since the first purchase, at which P(alive) falls to `theta` (default: the group's).

    Raises:
        OverflowError: when the power leaves the doubles.
    """
    level = rhythm.theta if theta is None else theta
    odds = ((1 - level) / level) * (rhythm.b + n) / rhythm.a
    # The contract fixes the order of the operations, so that two implementations agree to the last bit.
    return (rhythm.alpha + span) * float(odds ** (1 / (rhythm.r + n))) - rhythm.alpha


def expected_days(rhythm: Rhythm, n: int, span: int) -> int:
    """Days between two purchases that the group's method expects."""
    if isinstance(rhythm, Fixed):
        return rhythm.days
    if isinstance(rhythm, OwnRhythm):
        return (rhythm.prior_weight * rhythm.prior_days + span) // (rhythm.prior_weight + n)
    return floor(min((rhythm.alpha + span) / (rhythm.r + n), _DAYS_MAX))


def p_alive(rhythm: Alive, n: int, span: float, silent_ms: float, scale: int = 1) -> float:
    """MBG/NBD probability of being alive `silent_ms` after the last purchase, times `scale`; 0 where the power overflows."""
    observed = span + silent_ms / DAY_MS
    try:
        growth = ((rhythm.alpha + observed) / (rhythm.alpha + span)) ** (rhythm.r + n)
    except OverflowError:
        return 0.0
    if growth == inf:
        return 0.0
    return float(scale / (1 + rhythm.a / (rhythm.b + n) * growth))

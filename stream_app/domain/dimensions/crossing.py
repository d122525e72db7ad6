"""When a measure that moves with time alone reaches, or leaves, the next of some thresholds (domain.md, 3.4)."""

from bisect import bisect_left, bisect_right
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts.state import State
from stream_app.domain.facts.window import next_leave_ms
from stream_app.domain.policy import Alive, Policy
from stream_app.domain.rhythm import turnover_days
from stream_app.domain.value import Standing, leading_span, modelled_value, p_alive_pct_at, value_model, value_now, value_strategic

DAYS_MAX: Final = 100_000
"""A moment further away than this is no deadline (270 years)."""


def crossing_ms(name: str, thresholds: tuple[int, ...], state: State, policy: Policy, at: Standing) -> int | None:
    """The next moment at which the measure `name` lies between other thresholds than now, though nothing happens.

    `name` is one of `policy.TIMED` or `policy.MODELLED`, `thresholds` ascend, and the customer has a counting order. The window of
    measures is taken as it is: that a day leaves it is a deadline of its own.
    """
    if name == "recency_days":
        since = policy.calendar.day(max(state.last_ms))
    elif name == "tenure_days":
        since = policy.calendar.day(state.first_ms)
    elif name == "p_alive_pct":
        return _fading_ms(thresholds, state, policy, at)
    else:
        return _midnight_ms(name, thresholds, state, policy, at)
    k = bisect_right(thresholds, at.today - since)
    if k == len(thresholds) or thresholds[k] > DAYS_MAX:
        return None
    return policy.calendar.start(since + thresholds[k])


def _fading_ms(thresholds: tuple[int, ...], state: State, policy: Policy, at: Standing) -> int | None:
    """When `p_alive_pct` falls below the threshold it still reaches: the alive formula with theta = threshold / 100."""
    now = p_alive_pct_at(state, policy, at, state.clock_ms)
    reached = [x for x in thresholds if now is not None and 0 < x <= now]
    if not reached:
        return None
    rhythm = policy.rhythms.get(state.groups[at.leading], policy.default_rhythm)
    assert isinstance(rhythm, Alive)  # else there is no p_alive_pct
    span = leading_span(state, policy, at)
    try:
        silent_days = turnover_days(rhythm, state.occasions[at.leading] - 1, span, reached[-1] / 100) - span
    except (OverflowError, ZeroDivisionError):
        return None
    if not silent_days <= DAYS_MAX:  # absurd parameters can give no number at all
        return None
    moment = max(state.clock_ms + 1, state.last_ms[at.leading] + int(max(silent_days, 0.0) * DAY_MS))

    def has_fallen(after_ms: int) -> bool:
        return (p_alive_pct_at(state, policy, at, moment + after_ms) or 0) < reached[-1]

    if has_fallen(0):
        return moment
    # The closed form and the probability round apart: by a millisecond, or, where alpha dwarfs a day, by many.
    after_ms = bisect_left(range(DAYS_MAX * DAY_MS), True, key=has_fallen)
    return None if after_ms == DAYS_MAX * DAY_MS else moment + after_ms


def _midnight_ms(name: str, thresholds: tuple[int, ...], state: State, policy: Policy, at: Standing) -> int | None:
    """The midnight that takes `value_future` by model, or `value_total`, past a threshold before a day leaves the window.

    From day to day the model expects less, of a loss as of a gain; so one look at the last of these days says whether there is
    such a midnight, and no customer is woken every night.
    """
    model = value_model(state, policy, at)
    if model is None or not thresholds:
        return None
    leaves = next_leave_ms(state, policy)
    end = at.today + DAYS_MAX if leaves is None else policy.calendar.day(leaves)
    rest = value_now(state, policy, at) + value_strategic(state, policy, at) if name == "value_total" else 0
    found = model  # so that the inner function sees that there is one

    def band(day: int) -> int:
        return bisect_right(thresholds, rest + modelled_value(state, policy, at, found, day))

    now = band(at.today)
    if end - 1 <= at.today or band(end - 1) == now:
        return None
    days = range(at.today + 1, end)
    return policy.calendar.start(days[bisect_left(days, True, key=lambda day: band(day) != now)])

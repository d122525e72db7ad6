"""Score, class and the anti-flap rule (domain.md, 3.5)."""

from bisect import bisect_left, bisect_right
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts.state import CLASS, State
from stream_app.domain.facts.window import next_leave_ms
from stream_app.domain.policy import Alive, Criterion, Policy
from stream_app.domain.rhythm import turnover_days
from stream_app.domain.value import Standing, leading_span, measure, p_alive_pct_at

CLASSES: Final[tuple[str, ...]] = ("A", "B", "C")
DAYS_MAX: Final = 100_000
"""A moment further away than this is no deadline (270 years)."""


def points_of(criterion: Criterion, value: int | None) -> int:
    """The points of the highest threshold reached; 0 below the first, or for a null measure."""
    if value is None:
        return 0
    k = bisect_right(criterion.thresholds, value)
    return criterion.points[k - 1] if k else 0


def score(state: State, policy: Policy, at: Standing) -> int:
    """0..100: the weighted points of the criteria; 0 without criteria."""
    total = weights = 0
    for criterion in policy.criteria:
        weight = criterion.weight
        weights += weight
        total += weight * points_of(criterion, measure(criterion.measure, state, policy, at))
    return total // weights if weights else 0


def settle_class(state: State, policy: Policy, at: Standing) -> tuple[str | None, int | None]:
    """The current class after the anti-flap rule, and the hold that goes with it.

    Better at once; worse only after `downgrade_dwell_days` without a break, one step at a time.
    """
    if policy.classes is None or not state.counting:
        return None, None
    reached = score(state, policy, at)
    computed = "A" if reached >= policy.classes.a else "B" if reached >= policy.classes.b else "C"
    current, dwell_ms = state.values[CLASS], policy.downgrade_dwell_days * DAY_MS
    if current is None or computed <= current or not dwell_ms:  # "A" < "B" < "C"
        return computed, None
    hold = state.class_hold_ms
    if hold is None:
        return current, state.clock_ms
    if state.clock_ms < hold + dwell_ms:
        return current, hold
    current = CLASSES[CLASSES.index(current) + 1]
    return current, state.clock_ms if computed > current else None


def class_deadline_ms(state: State, policy: Policy, at: Standing) -> int | None:
    """The next moment at which the class can change, or its hold begin or end, without an event."""
    if policy.classes is None or not state.counting:
        return None
    moments: list[int | None] = []
    if state.class_hold_ms is not None:
        moments.append(state.class_hold_ms + policy.downgrade_dwell_days * DAY_MS)
    if policy.scores_window:
        moments.append(next_leave_ms(state, policy))
        if at.active:
            moments.append(at.inactive_at_ms)  # value_future ends there
    for criterion in policy.timed_criteria:
        moments.append(_crossing_ms(criterion, state, policy, at))  # noqa: PERF401 - on the hot path a comprehension is a call
    return min([moment for moment in moments if moment is not None], default=None)


def _crossing_ms(criterion: Criterion, state: State, policy: Policy, at: Standing) -> int | None:
    """When a measure that moves with time alone reaches (or leaves) the next threshold of its criterion."""
    if criterion.measure == "recency_days":
        since = policy.calendar.day(max(state.last_ms))
    elif criterion.measure == "tenure_days":
        since = policy.calendar.day(state.first_ms)
    else:
        return _fading_ms(criterion, state, policy, at)
    k = bisect_right(criterion.thresholds, at.today - since)
    if k == len(criterion.thresholds) or criterion.thresholds[k] > DAYS_MAX:
        return None
    return policy.calendar.start(since + criterion.thresholds[k])


def _fading_ms(criterion: Criterion, state: State, policy: Policy, at: Standing) -> int | None:
    """When `p_alive_pct` falls below the threshold it still reaches: the alive formula with theta = threshold / 100."""
    now = p_alive_pct_at(state, policy, at, state.clock_ms)
    reached = [x for x in criterion.thresholds if now is not None and 0 < x <= now]
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

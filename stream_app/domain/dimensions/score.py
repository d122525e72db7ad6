"""Score, class and the anti-flap rule (domain.md, 3.5)."""

from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.dimensions.crossing import crossing_ms
from stream_app.domain.facts.state import CLASS, FOREVER, State
from stream_app.domain.pareto import ParetoClasses, class_of
from stream_app.domain.policy import Criterion, Policy
from stream_app.domain.value import Standing, leave_ms, reading, value_total

CLASSES: Final[tuple[str, ...]] = ("A", "B", "C")


def points_of(criterion: Criterion, value: int) -> int:
    """The points of the highest threshold reached; 0 below the first."""
    thresholds, k = criterion.thresholds, 0
    while k < len(thresholds) and value >= thresholds[k]:
        k += 1
    return criterion.points[k - 1] if k else 0


def score(state: State, policy: Policy, at: Standing) -> int:
    """0..100: the weighted points of the criteria; 0 without criteria."""
    total = weights = 0
    for criterion in policy.criteria:
        weight = criterion.weight
        weights += weight
        total += weight * points_of(criterion, reading(criterion.number, criterion.measure, state, policy, at))
    return total // weights if weights else 0


def settle_class(state: State, policy: Policy, at: Standing) -> tuple[str | None, int | None]:
    """The current class after the anti-flap rule, and the hold that goes with it.

    Better at once; worse only after `downgrade_dwell_days` without a break, one step at a time.
    """
    computed = _compute_class(state, policy, at)
    if computed is None:
        return None, None
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


def _compute_class(state: State, policy: Policy, at: Standing) -> str | None:
    """The class as it is now, whatever it was before; None without a counting order, or before the first cut-offs."""
    if not state.counting:
        return None
    if policy.classes is not None:
        reached = score(state, policy, at)
        return "A" if reached >= policy.classes.a else "B" if reached >= policy.classes.b else "C"
    if policy.pareto is None or policy.pareto.cut is None:
        return None
    return class_of(value_total(state, policy, at), policy.pareto.cut)


def class_deadline_ms(state: State, policy: Policy, at: Standing) -> int:
    """The next moment at which the class can change, or its hold begin or end, without an event."""
    if not state.counting:
        return FOREVER
    turn = score_deadline_ms(state, policy, at) if policy.pareto is None else _pareto_deadline_ms(state, policy, policy.pareto, at)
    if state.class_hold_ms is None:
        return turn
    ends = state.class_hold_ms + policy.downgrade_dwell_days * DAY_MS
    return ends if ends < turn else turn


def _pareto_deadline_ms(state: State, policy: Policy, pareto: ParetoClasses, at: Standing) -> int:
    """The next evaluation, or the next moment at which the customer's value passes a cut-off.

    Who has nothing in the window, and no model that expects anything of him, is worth nothing until his next event: he is C by all
    cut-offs, and none of those whose values are added up.
    """
    leaves = leave_ms(state, policy, at)
    if pareto.cut is not None and leaves == FOREVER and not policy.models_value:
        return FOREVER
    moment = policy.calendar.start(pareto.next_day(at.today))
    if pareto.cut is None:
        return moment
    if leaves < moment:
        moment = leaves
    if at.active and at.inactive_at_ms < moment:
        moment = at.inactive_at_ms  # value_future ends there
    if policy.models_value:
        passes = crossing_ms("value_total", (pareto.cut.b, pareto.cut.a), state, policy, at)
        if passes is not None and passes < moment:
            moment = passes
    return moment


def score_deadline_ms(state: State, policy: Policy, at: Standing) -> int:
    """The next moment at which a criterion of a customer with a counting order can change without an event."""
    earliest = FOREVER
    if policy.scores_window:
        earliest = leave_ms(state, policy, at)
        if at.active and at.inactive_at_ms < earliest:
            earliest = at.inactive_at_ms  # value_future ends there
    for criterion in policy.timed_criteria:
        crosses = crossing_ms(criterion.measure, criterion.thresholds, state, policy, at)
        if crosses is not None and crosses < earliest:
            earliest = crosses
    return earliest

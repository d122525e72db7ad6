"""The dimensions of status at one clock, and until when each holds without an event (domain.md, section 3).

A later dimension is added as a rule here, in the order of computing, and a place in `DIMENSIONS`.
"""

from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.dimensions.contact import judge_contact
from stream_app.domain.dimensions.opportunity import judge_opportunity
from stream_app.domain.dimensions.score import class_deadline_ms, settle_class
from stream_app.domain.facts.state import (
    CHURN_RISK,
    CLASS,
    CONTACT,
    FOREVER,
    LABEL,
    LIFECYCLE,
    OPPORTUNITY,
    SEGMENT,
    SERVICE_LEVEL,
    WINBACK,
    State,
)
from stream_app.domain.policy import Policy, ServiceLevels
from stream_app.domain.segments.judge import judge_segment
from stream_app.domain.value import Standing

_BY_CLASS: Final = frozenset((CLASS, SEGMENT, LABEL, SERVICE_LEVEL, CONTACT))


class Verdict:
    """All dimensions at one clock: `values` and `until_ms` are parallel to `DIMENSIONS`.

    `until_ms`: the next moment at which the dimension may change without an event, `FOREVER` when there is none.
    """

    def __init__(self, at: Standing, values: list[str | None], until_ms: list[int]) -> None:
        self.at = at
        self.values = values
        self.until_ms = until_ms


def stand(state: State, policy: Policy) -> Standing:
    """Who leads, and whether the customer is active, at his clock."""
    today = policy.calendar.day(state.clock_ms)
    if not state.counting:
        return Standing(today, active=False, leading=-1, inactive_at_ms=0)
    leading, inactive_at = 0, state.until_ms[0]
    for g, until_ms in enumerate(state.until_ms):
        if until_ms > inactive_at:
            leading, inactive_at = g, until_ms
    return Standing(today, state.clock_ms < inactive_at, leading, inactive_at)


def judge(state: State, policy: Policy) -> Verdict:
    """Compute every dimension at the customer's clock; the only things it changes are the holds."""
    at = stand(state, policy)
    verdict = Verdict(at, [None] * 9, [FOREVER] * 9)
    values, until = verdict.values, verdict.until_ms
    values[WINBACK] = "none"
    if at.leading >= 0:
        _judge_buyer(state, policy, verdict)
    elif state.lead is not None and state.lead[2]:
        values[LIFECYCLE] = "other"
    else:
        values[LIFECYCLE] = "potential" if state.related else "possibly_interested"
    if policy.opportunity is not None:
        values[OPPORTUNITY], until[OPPORTUNITY] = judge_opportunity(state, policy, at)
    if policy.has_class:
        values[CLASS], state.class_hold_ms = settle_class(state, policy, at)
        until[CLASS] = class_deadline_ms(state, policy, at)
    if policy.segments is not None:
        judge_segment(state, policy, policy.segments, at, values, until)
    current = values[CLASS]
    if policy.labels is not None and current is not None:
        values[LABEL], until[LABEL] = policy.labels[current], until[CLASS]
    if policy.service_levels is not None:
        _judge_service_level(policy.service_levels, values, until)
    if policy.contact is not None:
        values[CONTACT], until[CONTACT] = judge_contact(state, policy, at, values, until)
    return verdict


def _judge_service_level(levels: ServiceLevels, values: list[str | None], until: list[int]) -> None:
    """By segment first, else by class; None when neither names one."""
    segment, current = values[SEGMENT], values[CLASS]
    level = levels.segment.get(segment) if segment is not None else None
    if level is None and current is not None:
        level = levels.by_class.get(current)
    first, second = until[CLASS], until[SEGMENT] if levels.segment else FOREVER
    values[SERVICE_LEVEL] = level
    until[SERVICE_LEVEL] = second if second < first else first


def _judge_buyer(state: State, policy: Policy, verdict: Verdict) -> None:
    values, until, at = verdict.values, verdict.until_ms, verdict.at
    clock, turn = state.clock_ms, at.inactive_at_ms
    if at.active:
        values[LIFECYCLE] = "active"
        until[LIFECYCLE] = until[WINBACK] = turn
        medium_at, high_at = risk_moments(state, policy, at)
        until_ms, risk = turn, "high"
        if clock < high_at:
            until_ms, risk = high_at if high_at < turn else turn, "medium"
            if clock < medium_at:
                until_ms, risk = medium_at if medium_at < until_ms else until_ms, "low"
        values[CHURN_RISK], until[CHURN_RISK] = risk, until_ms
        return
    values[LIFECYCLE] = "inactive"
    cooling_at, gone_at = turn + policy.cooling_days * DAY_MS, turn + policy.gone_days * DAY_MS
    if clock >= gone_at:
        values[WINBACK] = "gone"
    elif clock >= cooling_at:
        values[WINBACK], until[WINBACK] = "cooling", gone_at
    else:
        values[WINBACK], until[WINBACK] = "recent", cooling_at if cooling_at < gone_at else gone_at


def risk_moments(state: State, policy: Policy, at: Standing) -> tuple[int, int]:
    """When churn risk becomes medium and high: shares of the leading group's patience after its last order."""
    last = state.last_ms[at.leading]
    patience = at.inactive_at_ms - last
    return last + patience * policy.medium_pct // 100, last + patience * policy.high_pct // 100


def valid_until_ms(state: State, policy: Policy, verdict: Verdict, d: int) -> int | None:
    """Until when it holds at least without an event: what hangs on the class may change as soon as an evaluation that is due is known."""
    if policy.pareto is not None and d in _BY_CLASS and policy.pareto.is_due(verdict.at.today, state.clock_ms, policy.calendar):
        return state.clock_ms
    until_ms = verdict.until_ms[d]
    return None if until_ms == FOREVER else until_ms


def next_deadline_ms(state: State, verdict: Verdict) -> int | None:
    """The earliest moment at which anything can change without an event, the end of a wait or of a mark included."""
    earliest = own_deadline_ms(state) if state.waiting or state.mark is not None else FOREVER
    for moment in verdict.until_ms:
        if moment < earliest:
            earliest = moment
    return None if earliest == FOREVER else earliest


def own_deadline_ms(state: State) -> int:
    """The earliest end of a wait or of a mark, which no rule has a say in; `FOREVER` without one."""
    earliest = FOREVER
    for waiting in state.waiting:
        if waiting.expires_ms < earliest:
            earliest = waiting.expires_ms
    if state.mark is not None and state.mark[1] < earliest:
        earliest = state.mark[1]
    return earliest

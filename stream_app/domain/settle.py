"""One evaluation at a customer's clock, and what comes of it.

What a rule raises concerns its own shop alone: that customer stands still, as he was before the evaluation, and everybody else goes
on. His facts are kept, so that a later evaluation, by mended rules or under another policy, finds everything there. Facts themselves
are not guarded: an event that was half folded could not be told from a whole one.
"""

from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.changes import Cause, Outgoing, change, notices
from stream_app.domain.events import Event, Rejected
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.domain.pareto import ParetoClasses
from stream_app.domain.policy import Policy
from stream_app.domain.reactions import Before, react
from stream_app.domain.status import Verdict, judge, next_deadline_ms, own_deadline_ms, stand
from stream_app.domain.value import value_total

RULE_ERRORS: Final = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a rule may raise without harm to others. An assertion is none of these: it says that what is stored would be wrong."""

_WAIT_DAYS_MAX: Final = 30


class Outcome:
    """What came of one or more steps, in order: to publish, to tell other customers, to dead-letter, to count.

    `valued`: what the customer was worth at the start of an evaluation day, with the hash of the policy that asks, and the day.
    `timeless`: the latest event was a duplicate, from before an erasure, or refused before it was folded, and moves no clock.
    `rule_errors`: how many evaluations a rule has broken off; `rule_error` says what the latest has raised, and where.
    """

    def __init__(self) -> None:
        self.published: list[Outgoing] = []
        self.derived: list[Event] = []
        self.rejected: list[tuple[Rejected, Raw]] = []
        self.forgotten: list[str] = []
        self.duplicates = 0
        self.suppressed = 0
        self.deadlines = 0
        self.timeless = False
        self.valued: list[tuple[str, int, int]] = []
        self.rule_errors = 0
        self.rule_error = ""

    def is_empty(self) -> bool:
        """Whether there is nothing to hand on, besides what was told to other customers."""
        if self.published or self.rejected or self.forgotten or self.valued:
            return False
        return not (self.duplicates or self.deadlines or self.suppressed or self.rule_errors)

    def broke(self, error: Exception) -> None:
        """A rule has raised; what it says may hold a customer's data, so only its type and the place are told."""
        self.rule_errors += 1
        self.rule_error = f"{type(error).__name__}{_place_of(error)}"


def _place_of(error: Exception) -> str:
    """Where it was raised, as ` at <file>:<line>`."""
    step = error.__traceback__
    if step is None:
        return ""
    while step.tb_next is not None:
        step = step.tb_next
    return f" at {step.tb_frame.f_code.co_filename.rpartition('stream_app/')[2]}:{step.tb_lineno}"


def settle(
    who: Who,
    state: State,
    policy: Policy,
    cause: Cause,
    outcome: Outcome,
    before: Before | None,
    placed: int,
    held: list[str | None] | None = None,
) -> None:
    """Evaluate everything at the customer's clock: what has changed is published, and his next deadline is found.

    `held`: the statuses to judge him as the holder of, when those that were published last are others.
    """
    class_hold_ms, exit_since_ms = state.class_hold_ms, state.exit_since_ms
    try:
        verdict = judge(state, policy) if held is None else _judge_holder(state, policy, held)
        if verdict.values != state.values or state.notice_ms is not None:
            _publish(who, state, policy, verdict, cause, outcome, before, placed)
        state.deadline_ms = next_deadline_ms(state, verdict)
    except RULE_ERRORS as error:
        state.class_hold_ms, state.exit_since_ms = class_hold_ms, exit_since_ms
        outcome.broke(error)
        state.deadline_ms = _retry_ms(state, policy)
    assert state.deadline_ms is None or state.deadline_ms > state.clock_ms


def _judge_holder(state: State, policy: Policy, held: list[str | None]) -> Verdict:
    values, state.values = state.values, held
    try:
        return judge(state, policy)
    finally:
        state.values = values


def _publish(
    who: Who, state: State, policy: Policy, verdict: Verdict, cause: Cause, outcome: Outcome, before: Before | None, placed: int
) -> None:
    """Publish what has changed, all of it or, when something of it raises, nothing: then the memory of it is as it was, too."""
    published, count, values = outcome.published, len(outcome.published), state.values
    came_from, changed_at, sequence = state.came_from, state.changed_at, state.sequence
    notice_ms, notice_id = state.notice_ms, state.notice_id
    try:
        if verdict.values == values:
            published.extend(notices(who, state, policy, verdict))
            return
        state.values, state.came_from, state.changed_at = values[:], came_from[:], changed_at[:]
        changes = [change(who, state, policy, verdict, d, cause) for d, value in enumerate(verdict.values) if value != values[d]]
        published.extend(changes)
        published.extend(notices(who, state, policy, verdict))
        published.extend(react(changes, state, policy, verdict, cause, before, placed))
    except RULE_ERRORS:
        del published[count:]
        state.values, state.came_from, state.changed_at, state.sequence = values, came_from, changed_at, sequence
        state.notice_ms, state.notice_id = notice_ms, notice_id
        raise


def _retry_ms(state: State, policy: Policy) -> int:
    """When to look again at one who stands still: what he waited for, or a midnight, the later the longer nothing was heard of him.

    Each wait is as long as all since his last event together, up to a month, so that years of history cost no evaluation a day.
    """
    today = policy.calendar.day(state.clock_ms)
    silent_days = (state.clock_ms - max(state.high_ms, state.low_ms)) // DAY_MS
    retry_ms = policy.calendar.start(today + min(max(1, silent_days), _WAIT_DAYS_MAX))
    if state.deadline_ms is not None and state.clock_ms < state.deadline_ms < retry_ms:
        retry_ms = state.deadline_ms
    return min(retry_ms, own_deadline_ms(state))


def weigh(state: State, policy: Policy, pareto: ParetoClasses, outcome: Outcome) -> None:
    """At the start of an evaluation day: what the customer is worth is one of the values that the cut-offs are taken from."""
    day = pareto.last_day(policy.calendar.day(state.clock_ms))
    if state.counting and policy.calendar.start(day) == state.clock_ms:
        try:
            outcome.valued.append((policy.document_hash, day, value_total(state, policy, stand(state, policy))))
        except RULE_ERRORS as error:
            outcome.broke(error)

"""Whom a shop should part with, and what speaks against it (domain.md, 3.6; N13, N17)."""

from typing import Any, Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.dimensions.crossing import crossing_ms
from stream_app.domain.facts.state import FOREVER, State
from stream_app.domain.policy import ExitRule, Policy
from stream_app.domain.value import Standing, measure, strategic, value_future, value_now

EXIT: Final = "exit"


class Protection:
    """One thing that may keep a customer: a measure, its value, and the limit at which it protects.

    `test` is `at_least` or `below`.
    """

    def __init__(self, name: str, value: int | None, test: str, limit: int) -> None:
        self.name = name
        self.value = value
        self.test = test
        self.limit = limit

    def holds(self) -> bool:
        """Whether it protects now."""
        if self.value is None:
            return False
        return self.value < self.limit if self.test == "below" else self.value >= self.limit


def settle_exit(rule: ExitRule, state: State, policy: Policy, at: Standing) -> int | None:
    """The hold: since when the customer has looked bad without a break; None when he does not."""
    if not _is_poor(rule, state, policy, at) or value_future(state, policy, at) >= rule.value_future_below:
        return None
    return state.clock_ms if state.exit_since_ms is None else state.exit_since_ms


def _is_poor(rule: ExitRule, state: State, policy: Policy, at: Standing) -> bool:
    """Whether all is true that the exit asks, but for the future value: that which an event or the window alone can change."""
    return (
        state.counting > 0 and value_now(state, policy, at) < rule.value_now_below and strategic(state, policy, at) < rule.strategic_below
    )


def is_due(rule: ExitRule, state: State, policy: Policy, at: Standing, since_ms: int | None) -> bool:
    """Whether he has looked bad for long enough, and nothing protects him."""
    if since_ms is None or state.clock_ms < since_ms + rule.exit_dwell_days * DAY_MS:
        return False
    return not any(protection.holds() for protection in protections(rule, state, policy, at))


def protections(rule: ExitRule, state: State, policy: Policy, at: Standing) -> list[Protection]:
    """Everything that is checked before a customer is let go."""
    checked = [
        Protection("referrals", measure("referrals", state, policy, at), "at_least", 1),
        Protection("feedback", measure("feedback", state, policy, at), "at_least", 1),
        Protection("tenure_days", measure("tenure_days", state, policy, at), "below", rule.min_age_days),
    ]
    for name in sorted(state.criteria):
        limit = rule.protect_criteria.get(name, rule.protect_default)
        checked.append(Protection(f"criteria.{name}", state.criteria[name][2], "at_least", limit))
    return checked


def protectors(rule: ExitRule, state: State, policy: Policy, at: Standing) -> list[str]:
    """The names of what protects now."""
    return [protection.name for protection in protections(rule, state, policy, at) if protection.holds()]


def describe_exit(rule: ExitRule, state: State, policy: Policy, at: Standing) -> dict[str, Any] | None:
    """What a profile shows of somebody who looks bad: since when, when he is let go, and what keeps him; None of all others."""
    since = state.exit_since_ms
    if since is None:
        return None
    return {"since_at": since, "due_at": since + rule.exit_dwell_days * DAY_MS, "protected_by": protectors(rule, state, policy, at)}


def exit_deadline_ms(rule: ExitRule, state: State, policy: Policy, at: Standing) -> int:
    """When a model takes his future value past the limit, the dwell ends or he is no longer too young, whichever comes first.

    That a day leaves the window is a deadline of its own.
    """
    earliest, since = FOREVER, state.exit_since_ms
    if policy.models_value and _is_poor(rule, state, policy, at):
        crosses = crossing_ms("value_future", (rule.value_future_below,), state, policy, at)
        if crosses is not None:
            earliest = crosses
    if since is None:
        return earliest
    ends = since + rule.exit_dwell_days * DAY_MS
    if state.clock_ms < ends < earliest:
        earliest = ends
    if rule.min_age_days:
        grown = policy.calendar.start(policy.calendar.day(state.first_ms) + rule.min_age_days)
        if state.clock_ms < grown < earliest:
            earliest = grown
    return earliest

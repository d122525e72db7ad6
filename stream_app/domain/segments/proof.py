"""Why a customer is in a segment, why no longer in the one before, and what an exit has checked (domain.md, 3.6)."""

from typing import Any

from stream_app.domain.dimensions.proof import Proof
from stream_app.domain.dimensions.score import settle_class
from stream_app.domain.facts.state import CLASS, FOREVER, SEGMENT, State
from stream_app.domain.policy import Condition, ExitRule, Policy, Segments
from stream_app.domain.segments.exit import EXIT, protections, protectors
from stream_app.domain.segments.judge import holds, match, value_of
from stream_app.domain.value import Standing, measure


def prove_segment(state: State, policy: Policy, at: Standing, values: list[str | None], until_ms: int) -> Proof:
    """The proof of a change of segment, while `state` still holds the one before.

    Thresholds of the rule that matches stand under `<measure>_<test>`. Under `<rule>: <measure>_<test>` stands what keeps the customer
    out of another one: the condition that his last segment no longer meets, and all that an exit asks while he is near one.
    """
    segments, before, after = policy.segments, state.values[SEGMENT], values[SEGMENT]
    if segments is None:
        return "dimension_dropped", {}, {}, None
    measures: dict[str, Any] = {}
    thresholds: dict[str, Any] = {}
    for rule in segments.rules:
        if rule.name == EXIT:
            continue
        if rule.name == after:
            for condition in rule.when:
                _show(condition, "", measures, thresholds, value_of(condition, state, policy, at, values))
        elif rule.name == before:
            for condition in rule.when:
                value = value_of(condition, state, policy, at, values)
                if not holds(condition, value):
                    _show(condition, f"{before}: ", measures, thresholds, value)
                    break
    if segments.exit is not None and (state.exit_since_ms is not None or before == EXIT):
        _show_exit(segments.exit, "" if after == EXIT else "exit: ", measures, thresholds, state, policy, at)
    if after == EXIT:
        return "exit", measures, thresholds, _feedback_instead(segments, state, policy, at, values, until_ms)
    return ("rule_matches" if after is not None else "no_rule_matches"), measures, thresholds, None


def _show(condition: Condition, prefix: str, measures: dict[str, Any], thresholds: dict[str, Any], value: int | str | None) -> None:
    measures[condition.measure] = value
    name = f"{prefix}{condition.measure}_{condition.test}"
    if condition.test in ("at_least", "below"):
        wanted: int | str | None = condition.limit
    elif condition.test == "is":
        wanted = condition.wanted[0]
    else:
        wanted = ", ".join("null" if answer is None else str(answer) for answer in condition.wanted)
    while name in thresholds:  # a rule may look at one measure twice in the same way
        name += " and"
    thresholds[name] = wanted


def _show_exit(
    rule: ExitRule, prefix: str, measures: dict[str, Any], thresholds: dict[str, Any], state: State, policy: Policy, at: Standing
) -> None:
    limits = {"value_now": rule.value_now_below, "value_future": rule.value_future_below, "strategic": rule.strategic_below}
    for name, limit in limits.items():
        measures[name] = measure(name, state, policy, at)
        thresholds[f"{prefix}{name}_below"] = limit
    measures["exit_since_at"] = state.exit_since_ms
    thresholds[f"{prefix}exit_dwell_days"] = rule.exit_dwell_days
    for protection in protections(rule, state, policy, at):
        measures[protection.name] = protection.value
        thresholds[f"{prefix}protected_by_{protection.name}_{protection.test}"] = protection.limit
    measures["protected_by"] = ", ".join(protectors(rule, state, policy, at)) or None


def _feedback_instead(
    segments: Segments, state: State, policy: Policy, at: Standing, values: list[str | None], until_ms: int
) -> dict[str, Any]:
    """What would keep him: one piece of accepted feedback; tried out, and taken back."""
    instead = list(values)
    state.feedback += 1
    if policy.has_class:
        instead[CLASS] = settle_class(state, policy, at)[0]
    segment = match(state, policy, segments, at, instead)
    state.feedback -= 1
    told = {"event_type": "feedback.given", "measure": "feedback", "at_least": 1, "from_at": state.clock_ms, "to": segment}
    return told if until_ms == FOREVER else {**told, "before_at": until_ms}

"""The full picture of a customer: `customer.profile` (N19)."""

from collections.abc import Callable
from typing import Any, Final

from stream_app.domain.changes import Outgoing, origin_of, policy_ref
from stream_app.domain.dimensions.score import score
from stream_app.domain.dimensions.share import describe_cut
from stream_app.domain.facts.state import (
    CHURN_RISK,
    CLASS,
    CONTACT,
    LABEL,
    LIFECYCLE,
    OPPORTUNITY,
    SEGMENT,
    SERVICE_LEVEL,
    WINBACK,
    State,
    as_it_is,
    describe,
)
from stream_app.domain.ids import Who, identify, identify_change
from stream_app.domain.policy import Policy
from stream_app.domain.segments.exit import describe_exit
from stream_app.domain.settle import RULE_ERRORS, Outcome
from stream_app.domain.status import stand
from stream_app.domain.value import MEASURES, all_measures

PROFILE: Final = "customer.profile"


def _statuses(state: State, policy: Policy) -> dict[str, str | None]:
    """The dimensions that the policy asks for, in the order of `DIMENSIONS`."""
    values = state.values
    told = {"lifecycle": values[LIFECYCLE], "churn_risk": values[CHURN_RISK]}
    if policy.has_class:
        told["class"] = values[CLASS]
    if policy.segments is not None:
        told["segment"] = values[SEGMENT]
    if policy.labels is not None:
        told["label"] = values[LABEL]
    if policy.service_levels is not None:
        told["service_level"] = values[SERVICE_LEVEL]
    if policy.contact is not None:
        told["contact"] = values[CONTACT]
    told["winback"] = values[WINBACK]
    if policy.opportunity is not None:
        told["opportunity"] = values[OPPORTUNITY]
    return told


def profile(who: Who, state: State, policy: Policy, told: Callable[[int], Any] = as_it_is, outcome: Outcome | None = None) -> Outgoing:
    """The customer at his clock, as the compacted topic keeps him; times as `told` writes them, those of exit and cut-offs as they are.

    If what the rules have to compute for it breaks off, the profile is without measures, and `outcome` is told.
    """
    try:
        return _profile(who, state, policy, told, _measure(state, policy))
    except RULE_ERRORS as error:
        if outcome is None:
            raise
        outcome.broke(error)
        return _profile(who, state, policy, told, {"measures": dict.fromkeys([*MEASURES, "score"])})


def _measure(state: State, policy: Policy) -> dict[str, Any]:
    """What of a profile the rules compute."""
    at = stand(state, policy)
    measures = all_measures(state, policy, at)
    measures["score"] = score(state, policy, at) if policy.criteria and state.counting else None
    if policy.segments is None or policy.segments.exit is None:
        return {"measures": measures}
    return {"measures": measures, "exit": describe_exit(policy.segments.exit, state, policy, at)}


def _profile(who: Who, state: State, policy: Policy, told: Callable[[int], Any], measured: dict[str, Any]) -> Outgoing:
    data = {
        "clock_at": told(state.clock_ms),
        "statuses": _statuses(state, policy),
        "measures": measured["measures"],
        "facts": describe(state, told),
        "next_deadline": None if state.deadline_ms is None else told(state.deadline_ms),
        "sequence": state.sequence,
        "policy": policy_ref(policy),
    }
    if "exit" in measured:
        data["exit"] = measured["exit"]
    if policy.pareto is not None:
        data["cut_offs"] = describe_cut(policy, policy.pareto)
    profile_id = identify(PROFILE, who, state.born_ms, state.sequence)
    origin = origin_of(policy, state.clock_ms)
    latest_change_id = identify_change(who, state.born_ms, state.sequence)
    return Outgoing("customer-profiles", PROFILE, profile_id, who, state.clock_ms, state.sequence, origin, data, latest_change_id)

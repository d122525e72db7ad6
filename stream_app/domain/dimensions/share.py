"""The proof of a class by share of the shop's value: the customer's own value, and the cut-offs it is held against."""

from dataclasses import replace
from typing import Any

from stream_app.domain.dimensions.proof import Proof
from stream_app.domain.facts.state import State
from stream_app.domain.pareto import Cut, ParetoClasses
from stream_app.domain.policy import Policy
from stream_app.domain.value import Standing, value_total


def prove_share(state: State, policy: Policy, pareto: ParetoClasses, at: Standing, value: str | None) -> Proof:
    """Where the customer's value stands among the shop's cut-offs; he climbs at once when it reaches the next one."""
    measures = {"value_total": value_total(state, policy, at)}
    thresholds = {**(describe_cut(policy, pareto) or {}), "A_pct": pareto.a_pct, "B_pct": pareto.b_pct}
    cut = pareto.cut
    if cut is None or value is None:
        return "no_cut_offs_yet", measures, thresholds, None
    thresholds["downgrade_dwell_days"] = policy.downgrade_dwell_days
    better = {"B": ("A", cut.a), "C": ("B", cut.b) if cut.b < cut.a else ("A", cut.a)}.get(value)
    return "share_of_value", measures, thresholds, better and {"measure": "value_total", "at_least": better[1], "to": better[0]}


def describe_cut(policy: Policy, pareto: ParetoClasses) -> dict[str, Any] | None:
    """The cut-offs in force, in minor units, and the moment at which they were taken; None before the first."""
    cut = pareto.cut
    return None if cut is None else {"A": cut.a, "B": cut.b, "evaluated_at": policy.calendar.start(cut.day)}


def with_cut(policy: Policy, cut: Cut) -> Policy:
    """A policy by pareto from the moment on at which these cut-offs were taken: customers come under it as under a new version."""
    assert policy.pareto is not None
    return replace(policy, pareto=replace(policy.pareto, cut=cut), hash=f"{policy.document_hash}:{cut.day}:{cut.a}:{cut.b}")

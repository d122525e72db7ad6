"""What is published when a status changes: the change with its proof, and notices (domain.md, section 4).

Times in `data` are integers in UTC milliseconds under names that end in `_at` (and `valid_until`); the codec writes them as RFC 3339.
"""

from typing import Any, Final, Literal

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.dimensions.contact import prove_contact
from stream_app.domain.dimensions.opportunity import prove_opportunity
from stream_app.domain.dimensions.proof import Proof
from stream_app.domain.dimensions.score import score
from stream_app.domain.dimensions.share import prove_share
from stream_app.domain.facts.state import (
    CHURN_RISK,
    CLASS,
    CONTACT,
    DIMENSIONS,
    LABEL,
    LIFECYCLE,
    OPPORTUNITY,
    SEGMENT,
    SERVICE_LEVEL,
    WINBACK,
    State,
)
from stream_app.domain.facts.window import revives
from stream_app.domain.ids import STATUS_CHANGED, Who, identify, identify_change
from stream_app.domain.policy import Policy
from stream_app.domain.segments.proof import prove_segment
from stream_app.domain.status import Verdict, risk_moments, valid_until_ms
from stream_app.domain.value import last_order_ms, leading_span, measure

CauseKind = Literal["event", "time", "policy", "late", "void", "merge"]

WILL_CHANGE: Final = "status.will_change"
WILL_NOT_CHANGE: Final = "status.will_not_change"


class Cause:
    """Why an evaluation took place; `event_id` is None for time and policy."""

    def __init__(self, kind: CauseKind, event_id: str | None = None) -> None:
        self.kind = kind
        self.event_id = event_id


class Outgoing:
    """One event to publish. `dimension` is empty unless it is a `status.changed`; `sequence` orders a customer's events."""

    def __init__(
        self,
        topic: str,
        type: str,  # noqa: A002 - CloudEvents' own names
        id: str,  # noqa: A002
        who: Who,
        time_ms: int,
        sequence: int,
        origin: Literal["live", "backfill"],
        data: dict[str, Any],
        causation_id: str | None = None,
    ) -> None:
        self.topic = topic
        self.type = type
        self.id = id
        self.who = who
        self.time_ms = time_ms
        self.sequence = sequence
        self.origin = origin
        self.data = data
        self.causation_id = causation_id


def origin_of(policy: Policy, time_ms: int) -> Literal["live", "backfill"]:
    """`backfill` before the policy's `live_since`."""
    return "backfill" if policy.live_since_ms is not None and time_ms < policy.live_since_ms else "live"


def policy_ref(policy: Policy) -> dict[str, Any]:
    """Which policy decided."""
    return {"version": policy.version, "hash": policy.document_hash}


def change(who: Who, state: State, policy: Policy, verdict: Verdict, d: int, cause: Cause) -> Outgoing:
    """The `status.changed` of dimension `d`, and the memory of it in `state`."""
    before, after = state.values[d], verdict.values[d]
    proof: Proof = _PROOFS[d](state, policy, verdict) if verdict.values[LIFECYCLE] else ("merged", {}, {}, None)
    code, measures, thresholds, counterfactual = proof
    if counterfactual is not None and d in (LIFECYCLE, WINBACK) and not revives(state, policy, verdict.at.leading):
        counterfactual = None
    cause_data: dict[str, Any] = {"kind": cause.kind}
    if cause.event_id is not None:
        cause_data["event_id"] = cause.event_id
    state.sequence += 1
    data: dict[str, Any] = {
        "dimension": DIMENSIONS[d],
        "from": before,
        "to": after,
        "sequence": state.sequence,
        "effective_at": state.clock_ms,
        "cause": cause_data,
        "reason": {"code": code, "measures": measures, "thresholds": thresholds},
        "policy": policy_ref(policy),
        "valid_until": valid_until_ms(state, policy, verdict, d),
    }
    if counterfactual is not None:
        data["counterfactual"] = counterfactual
    if cause.kind in ("late", "void") and state.changed_at[d] and state.came_from[d] == after:
        data["revokes"] = identify_change(who, state.born_ms, state.changed_at[d])
    state.values[d], state.came_from[d], state.changed_at[d] = after, before, state.sequence
    change_id = identify_change(who, state.born_ms, state.sequence)
    origin = origin_of(policy, state.clock_ms)
    return Outgoing("status-changes", STATUS_CHANGED, change_id, who, state.clock_ms, state.sequence, origin, data)


def notices(who: Who, state: State, policy: Policy, verdict: Verdict) -> list[Outgoing]:
    """Announce a turn to inactive while churn risk is high; take the announcement back when it no longer holds."""
    wanted = verdict.at.inactive_at_ms if verdict.values[CHURN_RISK] == "high" else None
    if wanted == state.notice_ms:
        return []
    published = []
    if state.notice_ms is not None and verdict.values[LIFECYCLE] != "inactive":
        data: dict[str, Any] = {
            "dimension": "lifecycle",
            "from": "active",
            "to": "inactive",
            "will_change_at": state.notice_ms,
            "revokes": state.notice_id,
            "policy": policy_ref(policy),
        }
        published.append(_notice(WILL_NOT_CHANGE, who, state, policy, state.notice_ms, data))
    state.notice_ms = wanted
    if wanted is not None:
        code, measures, thresholds, _ = _prove_churn_risk(state, policy, verdict)
        group = state.groups[verdict.at.leading]
        data = {
            "dimension": "lifecycle",
            "from": "active",
            "to": "inactive",
            "will_change_at": wanted,
            "reason": {"code": code, "measures": measures, "thresholds": thresholds},
            "policy": policy_ref(policy),
            "counterfactual": {"event_type": "order.placed", "product_group": group, "before_at": wanted, "to": "active"},
        }
        notice = _notice(WILL_CHANGE, who, state, policy, wanted, data)
        published.append(notice)
    state.notice_id = published[-1].id if wanted is not None else ""
    return published


def _notice(kind: str, who: Who, state: State, policy: Policy, announced_ms: int, data: dict[str, Any]) -> Outgoing:
    # The notice that this one takes back or replaces tells apart two announcements of one deadline with no change between them.
    earlier = (state.notice_id,) if state.notice_id else ()
    notice_id = identify(kind, who, state.born_ms, state.sequence, announced_ms, *earlier)
    causation_id = identify_change(who, state.born_ms, state.changed_at[CHURN_RISK])
    origin = origin_of(policy, state.clock_ms)
    return Outgoing("status-changes", kind, notice_id, who, state.clock_ms, state.sequence, origin, data, causation_id)


def _rhythm(state: State, policy: Policy, verdict: Verdict) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measured values and thresholds of the leading product group."""
    g = verdict.at.leading
    measures = {
        "product_group": state.groups[g],
        "last_order_at": state.last_ms[g],
        "occasions": state.occasions[g],
        "span_days": leading_span(state, policy, verdict.at),
    }
    patience = verdict.at.inactive_at_ms - state.last_ms[g]
    return measures, {"patience_ms": patience, "inactive_at": verdict.at.inactive_at_ms}


def _prove_lifecycle(state: State, policy: Policy, verdict: Verdict) -> Proof:
    value = verdict.values[LIFECYCLE]
    if value in ("active", "inactive"):
        measures, thresholds = _rhythm(state, policy, verdict)
        order = {"event_type": "order.placed", "product_group": measures["product_group"]}
        if value == "active":
            return "ordered_within_rhythm", measures, thresholds, {**order, "before_at": thresholds["inactive_at"], "to": "active"}
        measures["last_counting_order_at"] = last_order_ms(state)  # of any group: how late the loss is noticed
        return "silent_beyond_rhythm", measures, thresholds, {**order, "from_at": state.clock_ms, "to": "active"}
    measures = {"counting_orders": 0, "relation": state.related}
    order = {"event_type": "order.placed", "from_at": state.clock_ms, "to": "active"}
    if value == "other":
        assert state.lead is not None  # only a ruled-out lead makes `other`
        return "lead_ruled_out", {**measures, "ruled_out_at": state.lead[0]}, {}, order
    return ("relation_without_order" if value == "potential" else "no_relation"), measures, {}, order


def _prove_churn_risk(state: State, policy: Policy, verdict: Verdict) -> Proof:
    if not verdict.at.active:
        return ("no_longer_active" if state.counting else "no_counting_order"), {"counting_orders": state.counting}, {}, None
    measures, thresholds = _rhythm(state, policy, verdict)
    measures["silent_ms"] = state.clock_ms - measures["last_order_at"]
    thresholds["medium_at"], thresholds["high_at"] = risk_moments(state, policy, verdict.at)
    thresholds["medium_pct"], thresholds["high_pct"] = policy.medium_pct, policy.high_pct
    fresh = "low" if policy.medium_pct else "medium" if policy.high_pct else "high"  # the risk of one who has just ordered
    if verdict.values[CHURN_RISK] == fresh:
        return "share_of_patience", measures, thresholds, None
    order = {"event_type": "order.placed", "product_group": measures["product_group"], "before_at": verdict.at.inactive_at_ms}
    return "share_of_patience", measures, thresholds, {**order, "to": fresh}


def _prove_class(state: State, policy: Policy, verdict: Verdict) -> Proof:
    value = verdict.values[CLASS]
    if policy.pareto is not None and state.counting:
        return prove_share(state, policy, policy.pareto, verdict.at, verdict.values[CLASS])
    if value is None or policy.classes is None:
        code = "no_counting_order" if policy.has_class else "dimension_dropped"
        return code, {"counting_orders": state.counting}, {}, None
    measures: dict[str, Any] = {"score": score(state, policy, verdict.at)}
    for criterion in policy.criteria:
        measures[criterion.measure] = measure(criterion.measure, state, policy, verdict.at)
    thresholds: dict[str, Any] = {"A": policy.classes.a, "B": policy.classes.b, "downgrade_dwell_days": policy.downgrade_dwell_days}
    better = {"B": ("A", policy.classes.a), "C": ("B", policy.classes.b)}.get(value)
    return "score", measures, thresholds, better and {"measure": "score", "at_least": better[1], "to": better[0]}


def _prove_by_class(state: State, policy: Policy, verdict: Verdict) -> Proof:  # noqa: ARG001 - one signature for all proofs
    return "class", {"class": verdict.values[CLASS]}, {}, None


def _prove_service_level(state: State, policy: Policy, verdict: Verdict) -> Proof:
    levels, segment = policy.service_levels, verdict.values[SEGMENT]
    if levels is not None and segment in levels.segment:
        return "segment", {"segment": segment}, {}, None
    code, measures, thresholds, _ = _prove_by_class(state, policy, verdict)
    return code, (measures if policy.segments is None else {"segment": segment, **measures}), thresholds, None


def _prove_segment(state: State, policy: Policy, verdict: Verdict) -> Proof:
    return prove_segment(state, policy, verdict.at, verdict.values, verdict.until_ms[SEGMENT])


def _prove_winback(state: State, policy: Policy, verdict: Verdict) -> Proof:
    if verdict.values[LIFECYCLE] != "inactive":
        return "not_inactive", {"lifecycle": verdict.values[LIFECYCLE]}, {}, None
    turn = verdict.at.inactive_at_ms
    measures = {"inactive_at": turn, "inactive_ms": state.clock_ms - turn, "product_group": state.groups[verdict.at.leading]}
    thresholds = {"cooling_at": turn + policy.cooling_days * DAY_MS, "gone_at": turn + policy.gone_days * DAY_MS}
    return "time_since_inactive", measures, thresholds, {"event_type": "order.placed", "from_at": state.clock_ms, "to": "none"}


def _prove_opportunity(state: State, policy: Policy, verdict: Verdict) -> Proof:
    return prove_opportunity(state, policy, verdict.values[OPPORTUNITY])


_PROOFS: Final = {
    LIFECYCLE: _prove_lifecycle,
    CHURN_RISK: _prove_churn_risk,
    CLASS: _prove_class,
    LABEL: _prove_by_class,
    SEGMENT: _prove_segment,
    SERVICE_LEVEL: _prove_service_level,
    CONTACT: lambda state, policy, verdict: prove_contact(state, policy, verdict.at, verdict.values),
    WINBACK: _prove_winback,
    OPPORTUNITY: _prove_opportunity,
}

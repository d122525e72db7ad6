"""What a change sets in motion: win-back, service-level and contact-advice events (domain.md, section 7).

Each is a pure function of the change and the customer, and goes out in the change's transaction.
"""

from typing import Any

from stream_app.domain.changes import Cause, Outgoing
from stream_app.domain.dimensions.contact import advise, offer
from stream_app.domain.facts.state import CLASS, SEGMENT, SERVICE_LEVEL, WINBACK, State, masked_groups
from stream_app.domain.ids import identify
from stream_app.domain.policy import Policy
from stream_app.domain.status import Verdict
from stream_app.domain.value import last_order_ms


class Before:
    """What was true of an inactive customer before the event that is being evaluated."""

    def __init__(self, last_ms: int, inactive_at_ms: int, tier: str | None) -> None:
        self.last_ms = last_ms
        self.inactive_at_ms = inactive_at_ms
        self.tier = tier


def react(
    changes: list[Outgoing], state: State, policy: Policy, verdict: Verdict, cause: Cause, before: Before | None, placed: int
) -> list[Outgoing]:
    """The reactions to the changes of one evaluation; none for a backfill, so that loading history never mails anybody.

    `changes` are the `status.changed` of this evaluation, `before` is the customer as he was, if he was inactive, and `placed`
    the product groups of the order that the event placed, as a mask.
    """
    reactions: list[Outgoing] = []
    if changes[0].origin != "live":  # all of them are of one moment
        return reactions
    by_dimension = {published.data["dimension"]: published for published in changes}
    lifecycle, winback = by_dimension.get("lifecycle"), by_dimension.get("winback")
    if lifecycle is not None and lifecycle.data["to"] == "inactive":
        reactions.append(_reaction("winback.opened", lifecycle, state, _offer(state, policy, verdict)))
    elif winback is not None and winback.data["to"] == "recent":
        reactions.append(_reaction("winback.opened", winback, state, _offer(state, policy, verdict)))
    if winback is not None and winback.data["to"] in ("cooling", "gone"):
        kind = "winback.cooled" if winback.data["to"] == "cooling" else "winback.closed"
        reactions.append(_reaction(kind, winback, state, _offer(state, policy, verdict)))
    if lifecycle is not None and lifecycle.data["from"] == "inactive":
        if lifecycle.data["to"] == "active" and cause.kind == "event":
            reactions.append(_reaction("winback.won", lifecycle, state, _won(state, policy, verdict, before, placed)))
        else:
            reactions.append(_reaction("winback.withdrawn", lifecycle, state, {"lifecycle": lifecycle.data["to"], "cause": cause.kind}))
    level = by_dimension.get("service_level")
    if level is not None:
        data = {
            "from": level.data["from"],
            "to": verdict.values[SERVICE_LEVEL],
            "class": verdict.values[CLASS],
            "segment": verdict.values[SEGMENT],
        }
        reactions.append(_reaction("service_level.changed", level, state, data, "service-level"))
    contact = by_dimension.get("contact")
    if contact is not None:
        data = {"from": contact.data["from"], "to": contact.data["to"], **advise(state, policy, verdict.at, verdict.values)}
        reactions.append(_reaction("contact.advised", contact, state, data, "contact-advice"))
    return reactions


def _reaction(kind: str, cause: Outgoing, state: State, data: dict[str, Any], topic: str = "win-back") -> Outgoing:
    reaction_id = identify(kind, cause.who, state.born_ms, cause.sequence)
    return Outgoing(topic, kind, reaction_id, cause.who, cause.time_ms, cause.sequence, cause.origin, data, cause.id)


def _offer(state: State, policy: Policy, verdict: Verdict) -> dict[str, Any]:
    """What a win-back tool needs to act: how fresh, what he bought, by which channel, for how much."""
    budget, channel = offer(state, policy, verdict.at, verdict.values)
    return {
        "days_since": verdict.at.today - policy.calendar.day(last_order_ms(state)),
        "tier": verdict.values[WINBACK],
        "product_groups": [state.groups[g] for g, count in enumerate(state.occasions) if count],
        "advised_channel": channel,
        "budget_minor": budget,
    }


def _won(state: State, policy: Policy, verdict: Verdict, before: Before | None, placed: int) -> dict[str, Any]:
    assert before is not None  # only an inactive customer can be won back
    answered = state.answered
    return {
        "days_away": verdict.at.today - policy.calendar.day(before.last_ms),
        "tier": before.tier,
        "campaign_id": answered[2] if answered is not None and answered[0] >= before.inactive_at_ms else None,
        "product_groups": [state.groups[g] for g in masked_groups(state, placed)] if placed else [],
    }

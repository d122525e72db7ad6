"""Contact: too often, too seldom, over budget; and by which channel, and when, the next one would do (domain.md, 3.9).

The rule is that of the customer's class, else the default.
"""

from typing import Any

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.dimensions.crossing import crossing_ms
from stream_app.domain.dimensions.proof import Proof
from stream_app.domain.events import CHANNELS
from stream_app.domain.facts.contacts import full_day, outbound
from stream_app.domain.facts.fold import closed_channels
from stream_app.domain.facts.state import CLASS, CONTACT, FOREVER, LIFECYCLE, SEGMENT, WINBACK, State
from stream_app.domain.policy import Cap, ContactRule, Policy
from stream_app.domain.value import Standing, last_order_ms, leave_ms, value_future, value_now

WINBACK_BUDGET_PCT = 5
"""The share of his value that a customer whose rule names no budget may be won back for: the default of the contact rules."""


def rule_of(policy: Policy, values: list[str | None]) -> ContactRule | None:
    """The rule for a customer with these statuses; None when there is none, or he will never be one."""
    rules = policy.contact
    if rules is None or values[LIFECYCLE] == "other":
        return None
    mine = rules.by_class.get(values[CLASS] or "")
    return rules.default if mine is None else mine


def judge_contact(state: State, policy: Policy, at: Standing, values: list[str | None], until: list[int]) -> tuple[str | None, int]:
    """The value at the customer's clock, and until when it holds; the dimensions before it are in `values` and `until`."""
    rule = rule_of(policy, values)
    moment = until[CLASS] if policy.contact is not None and policy.contact.by_class else FOREVER
    if rule is None:
        return None, moment
    over_budget = too_often = False
    if state.bucket_day:
        if rule.budget_pct is not None and state.bucket_outside < len(state.bucket_day):
            moment = _earlier(moment, leave_ms(state, policy, at))
            if at.active:
                moment = _earlier(moment, at.inactive_at_ms)  # value_future ends there
            over_budget = state.contact_cost > 0 and state.contact_cost * 100 > rule.budget_pct * worth(state, policy, at)
            if policy.models_value and state.contact_cost > 0 and rule.budget_pct:
                covers = -(-state.contact_cost * 100 // rule.budget_pct) - value_now(state, policy, at)  # the value_future that does
                crosses = crossing_ms("value_future", (covers,), state, policy, at)
                moment = moment if crosses is None else _earlier(moment, crosses)
        free_ms = _free_ms(state, policy, rule.caps, 0, None) if rule.caps else FOREVER
        too_often = free_ms != FOREVER
        moment = _earlier(moment, free_ms)
    too_seldom = False
    if rule.max_silence_days is not None:
        silent_ms = _last_touch_ms(state) + rule.max_silence_days * DAY_MS
        if state.clock_ms < silent_ms:
            moment = _earlier(moment, silent_ms)
        else:
            too_seldom = values[WINBACK] != "gone" and values[SEGMENT] != "exit"
            moment = _earlier(moment, until[SEGMENT])
            gone_ms = at.inactive_at_ms + policy.gone_days * DAY_MS
            if at.leading >= 0 and state.clock_ms < gone_ms:
                moment = _earlier(moment, gone_ms)
    return "over_budget" if over_budget else "too_often" if too_often else "too_seldom" if too_seldom else "ok", moment


def _earlier(one: int, other: int) -> int:
    return other if other < one else one


def worth(state: State, policy: Policy, at: Standing) -> int:
    """What a budget is a share of: value now and in future, at least 0."""
    value = value_now(state, policy, at) + value_future(state, policy, at)
    return value if value > 0 else 0


def _last_touch_ms(state: State) -> int:
    """The latest contact, answer or counting order; without any, the first event."""
    last = last_order_ms(state)
    if state.touched_ms > last:
        last = state.touched_ms
    return last if last > state.low_ms else state.low_ms  # none of them can lie before the first event


def _free_ms(state: State, policy: Policy, caps: tuple[Cap, ...], more: int, channel: str | None) -> int:
    """When the last of the caps that are broken now, with `more` contacts through `channel`, is kept again; `FOREVER` if all are kept."""
    latest = FOREVER
    for cap in caps:
        limit = cap.max_contacts - (more if cap.channel is None or cap.channel == channel else 0)
        day = full_day(state, policy, cap.kind, cap.per_days, limit)
        if day is not None:
            free_ms = policy.calendar.start(day + cap.per_days)
            if latest == FOREVER or free_ms > latest:
                latest = free_ms
    return latest


def left_of_budget(state: State, policy: Policy, at: Standing, budget_pct: int) -> int:
    """What may still be spent on contacts; negative when more has been spent."""
    return budget_pct * worth(state, policy, at) // 100 - state.contact_cost


def advised_channel(state: State, policy: Policy, budget: int | None) -> str | None:
    """The preferred channel if open and affordable, else the cheapest open affordable one (the first listed of equals), else None.

    `budget` None sets no limit.
    """
    closed = closed_channels(state)
    preferred = state.preference[2] if state.preference else None
    cheapest: str | None = None
    for channel in CHANNELS:
        cost = policy.channel_costs[channel]
        if channel in closed or (budget is not None and cost > budget):
            continue
        if channel == preferred:
            return channel
        if cheapest is None or cost < policy.channel_costs[cheapest]:
            cheapest = channel
    return cheapest


def offer(state: State, policy: Policy, at: Standing, values: list[str | None]) -> tuple[int, str | None]:
    """What may be spent to win a customer back, and by which channel: by his contact rule, if that names a budget."""
    rule = rule_of(policy, values)
    budget_pct = WINBACK_BUDGET_PCT if rule is None or rule.budget_pct is None else rule.budget_pct
    budget = left_of_budget(state, policy, at, budget_pct)
    return max(0, budget), advised_channel(state, policy, budget)


def advise(state: State, policy: Policy, at: Standing, values: list[str | None]) -> dict[str, Any]:
    """The advice that goes with a change: `channel`, `moment` and what is left of the budget.

    The moment is the clock, or the first local midnight at which one more contact by that channel breaks no cap; None where
    a cap of 0 forbids it for good, or nothing is advised at all.
    """
    rule = rule_of(policy, values)
    if rule is None:
        return {"channel": None, "moment": None, "budget_minor": None}
    budget = None if rule.budget_pct is None else left_of_budget(state, policy, at, rule.budget_pct)
    channel = advised_channel(state, policy, budget)
    forbidden = any(cap.max_contacts == 0 and (cap.channel is None or cap.channel == channel) for cap in rule.caps)
    free_ms = FOREVER if forbidden else _free_ms(state, policy, rule.caps, 1, channel)
    moment = None if forbidden else state.clock_ms if free_ms == FOREVER else free_ms
    return {"channel": channel, "moment": moment, "budget_minor": None if budget is None else max(0, budget)}


def prove_contact(state: State, policy: Policy, at: Standing, values: list[str | None]) -> Proof:
    """Why contact is what it is: the rule's limits, and what was measured against each of them."""
    rule = rule_of(policy, values)
    measures: dict[str, Any] = {"class": values[CLASS]}
    if rule is None:
        code = "dimension_dropped" if policy.contact is None else "lead_ruled_out" if values[LIFECYCLE] == "other" else "no_rule"
        return code, measures, {}, None
    thresholds: dict[str, Any] = {}
    if rule.budget_pct is not None:
        measures["value_now"], measures["value_future"] = value_now(state, policy, at), value_future(state, policy, at)
        measures["contact_cost"] = state.contact_cost
        thresholds["budget_pct"], thresholds["budget_minor"] = rule.budget_pct, rule.budget_pct * worth(state, policy, at) // 100
    broken: list[tuple[str, Cap]] = []
    for cap in rule.caps:
        name = "outbound" if cap.channel is None else f"outbound.{cap.channel}"
        measures[name] = outbound(state, policy, cap.kind, cap.per_days)
        thresholds[name], thresholds[f"{name}.per_days"] = cap.max_contacts, cap.per_days
        if measures[name] > cap.max_contacts:
            broken.append((name, cap))
    is_silent = False
    if rule.max_silence_days is not None:
        last_ms = _last_touch_ms(state)
        silent_ms = last_ms + rule.max_silence_days * DAY_MS
        measures["last_touch_at"], thresholds["silent_at"] = last_ms, silent_ms
        measures["winback"], measures["segment"] = values[WINBACK], values[SEGMENT]
        is_silent = state.clock_ms >= silent_ms and values[WINBACK] != "gone" and values[SEGMENT] != "exit"
    return values[CONTACT] or "", measures, thresholds, _otherwise(values[CONTACT], state, thresholds, broken, is_silent)


def _otherwise(
    value: str | None, state: State, thresholds: dict[str, Any], broken: list[tuple[str, Cap]], is_silent: bool
) -> dict[str, Any] | None:
    """What would have kept the value away. With several caps broken at once, no single measure would."""
    rest = "too_seldom" if is_silent else "ok"
    if value == "over_budget":
        return {"measure": "contact_cost", "at_most": thresholds["budget_minor"], "to": "too_often" if broken else rest}
    if value == "too_often" and len(broken) == 1:
        return {"measure": broken[0][0], "at_most": broken[0][1].max_contacts, "to": rest}
    if value == "too_seldom":
        return {"event_type": "contact.responded", "from_at": state.clock_ms, "to": "ok"}
    return None

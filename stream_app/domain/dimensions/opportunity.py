"""Opportunity: revenue that grows, and product groups that go with what a customer bought (domain.md, 3.11)."""

from typing import Any

from stream_app.domain.dimensions.proof import Proof
from stream_app.domain.facts import growth
from stream_app.domain.facts.state import FOREVER, State
from stream_app.domain.policy import Policy
from stream_app.domain.value import Standing


def judge_opportunity(state: State, policy: Policy, at: Standing) -> tuple[str | None, int]:
    """The value at the customer's clock, and until when it holds without an event."""
    rules = policy.opportunity
    if rules is None or at.leading < 0:
        return None, FOREVER
    count = _count_open(state, rules.cross_sell) if rules.cross_sell else 0
    if count >= 2:
        return "high", _baskets_until_ms(state, policy, rules.related)
    moment = growth.next_turn_ms(state, policy, rules.growth_pct)
    turn = FOREVER if moment is None else moment
    if grows(state, rules.growth_pct):
        return "high", turn
    until = _baskets_until_ms(state, policy, rules.related) if rules.cross_sell else FOREVER
    return "medium" if count else "low", turn if turn < until else until


def grows(state: State, growth_pct: int) -> bool:
    """Whether the revenue of the recent window has reached its percentage of the earlier one's."""
    return state.revenue_before > 0 and state.revenue_now * 100 >= growth_pct * state.revenue_before


def open_groups(state: State, cross_sell: dict[str, tuple[str, ...]]) -> list[str]:
    """The groups that go with one bought in the window, and were not bought in it themselves; each once, by name."""
    return _opened_by(_bought(state), cross_sell)


def _count_open(state: State, cross_sell: dict[str, tuple[str, ...]]) -> int:
    """How many `open_groups` there are, counted up to two: that is all the value depends on, and it is asked on every event."""
    first = ""
    found = 0
    for g, count in enumerate(state.in_window):
        if count:
            others = cross_sell.get(state.groups[g])
            if others is not None:
                for other in others:
                    if (not found or other != first) and not _is_bought(state, other):
                        if found:
                            return 2
                        first, found = other, 1
    return found


def _is_bought(state: State, name: str) -> bool:
    for g, count in enumerate(state.in_window):  # noqa: SIM110 - on the hot path a generator is a call
        if count and state.groups[g] == name:
            return True
    return False


def _bought(state: State) -> list[str]:
    bought: list[str] = []
    for g, count in enumerate(state.in_window):
        if count:
            bought.append(state.groups[g])
    return bought


def _opened_by(bought: list[str], cross_sell: dict[str, tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    for name in bought:
        others = cross_sell.get(name)
        if others is not None:
            for other in others:
                if other not in bought and other not in found:
                    found.append(other)
    if len(found) > 1:
        found.sort()
    return found


def _baskets_until_ms(state: State, policy: Policy, related: frozenset[str]) -> int:
    """When the first of the `related` groups bought in the window is so no longer: its latest order leaves."""
    oldest = FOREVER
    for g, count in enumerate(state.in_window):
        if count and state.last_ms[g] < oldest and state.groups[g] in related:
            oldest = state.last_ms[g]
    return FOREVER if oldest == FOREVER else policy.calendar.start(policy.calendar.day(oldest) + policy.window_days)


def prove_opportunity(state: State, policy: Policy, value: str | None) -> Proof:
    """Why it is `value`: both windows' revenue, the open groups, and what would make it better."""
    rules = policy.opportunity
    if rules is None or value is None:
        code = "no_counting_order" if rules is not None else "dimension_dropped"
        return code, {"counting_orders": state.counting}, {}, None
    found = open_groups(state, rules.cross_sell)
    growing = grows(state, rules.growth_pct)
    measures = {"revenue_now": state.revenue_now, "revenue_before": state.revenue_before, "open_groups": found}
    thresholds = {
        "growth_pct": rules.growth_pct,
        "growth_days": rules.growth_days,
        "open_groups_high": 2,
        "window_days": policy.window_days,
    }
    code = "growth" if growing else "cross_sell" if found else "no_opportunity"
    return code, measures, thresholds, None if value == "high" else _better(state, rules.cross_sell, rules.growth_pct, len(found))


def _better(state: State, cross_sell: dict[str, tuple[str, ...]], growth_pct: int, count: int) -> dict[str, Any] | None:
    """What an order would have to bring: enough revenue to grow or, with no revenue to compare with, a group with open ones."""
    if state.revenue_before:
        needed = -(-growth_pct * state.revenue_before // 100)
        return {"measure": "revenue_now", "at_least": needed, "to": "high"}
    bought, best, most = _bought(state), "", count
    for group in sorted(cross_sell):
        opened = 0 if group in bought else len(_opened_by([*bought, group], cross_sell))
        if opened > most:
            best, most = group, opened
    return {"event_type": "order.placed", "product_group": best, "to": "high" if most > 1 else "medium"} if best else None

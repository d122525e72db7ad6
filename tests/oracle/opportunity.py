"""Opportunity, 3.11: growth between two adjoining windows, and product groups that go with what was bought."""

from typing import Any

from tests.oracle.days import day_of, start
from tests.oracle.measures import Order, net, voided


def judge(orders: list[Order], clock: int, policy: dict[str, Any]) -> str | None:
    """The value at the clock."""
    counting = [order for order in orders if not voided(order)]
    if not counting:
        return None
    found = open_groups(counting, clock, policy)
    if is_growing(counting, clock, policy) or len(found) >= 2:
        return "high"
    return "medium" if found else "low"


def is_growing(counting: list[Order], clock: int, policy: dict[str, Any]) -> bool:
    """Whether the recent window's revenue has reached its percentage of the one before."""
    today, days = day_of(policy["time_zone"], clock), policy["opportunity"]["growth_days"]
    now = sum(net(order) for order in counting if today - days < order["day"] <= today)
    before = sum(net(order) for order in counting if today - 2 * days < order["day"] <= today - days)
    return bool(before > 0 and now * 100 >= policy["opportunity"]["growth_pct"] * before)


def open_groups(counting: list[Order], clock: int, policy: dict[str, Any]) -> set[str]:
    """Groups that the policy pairs with one bought in the window, not bought in it themselves."""
    first = day_of(policy["time_zone"], clock) - policy["window_days"] + 1
    bought: set[str] = set().union(*(order["groups"] for order in counting if order["day"] >= first))
    return {other for group in bought for other in (policy["cross_sell"] or {}).get(group, [])} - bought


def moments(orders: list[Order], policy: dict[str, Any]) -> list[int]:
    """When an order leaves one of the windows (that of the measures is looked at anyway)."""
    if not policy["opportunity"]:
        return []
    days, zone = policy["opportunity"]["growth_days"], policy["time_zone"]
    return [start(zone, order["day"] + times * days) for order in orders for times in (1, 2)]

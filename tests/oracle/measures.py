"""Every measure of 3.4 and the score of 3.5, recomputed from the plain set of accepted events at one clock.

An order is a dict: `time`, `day`, `id`, `total`, `discount`, `cost` (or None), `groups` (a set), `cancelled`,
`refunds` (refund_id -> amount), `late_days` (one per payment). Other events are dicts with `time`, `day`, `id`, `type`, `data`.
"""

from collections.abc import Iterable, Sequence
from math import floor
from typing import Any

from tests.oracle.days import DAY, day_of
from tests.oracle.model import future as model_future
from tests.oracle.model import has_model
from tests.oracle.rhythm import doubt, expected_days, patience_ms

Order = dict[str, Any]
Event = dict[str, Any]
Policy = dict[str, Any]


def refunded(order: Order) -> int:
    """What was paid back, at most the total."""
    return int(min(order["total"], sum(order["refunds"].values())))


def net(order: Order) -> int:
    """What stayed."""
    return int(order["total"] - refunded(order))


def voided(order: Order) -> bool:
    """Cancelled, or refunded to its whole total."""
    return bool(order["cancelled"] or (order["refunds"] and sum(order["refunds"].values()) >= order["total"]))


def margin(order: Order, policy: Policy) -> int:
    """The margin of one order."""
    if order["cost"] is None:
        return int(net(order) * policy["margin_pct"] // 100)
    if order["total"] == 0:
        return -int(order["cost"])
    return int(net(order) * (order["total"] - order["cost"]) // order["total"])


def ratio(part: int, whole: int) -> int:
    """Floored division; a zero denominator gives 0."""
    return part // whole if whole else 0


def latest(events: Iterable[Event]) -> Event | None:
    """The event with the greatest (event time, event id)."""
    return max(events, key=lambda event: (event["time"], event["id"]), default=None)


def rhythms(orders: list[Order], policy: Policy) -> dict[str, dict[str, Any]]:
    """Per product group of the counting orders: n, span, last_ms, patience_ms, expected_days, line."""
    found = {}
    for group in set().union(*(order["groups"] for order in orders)):
        mine = [order for order in orders if group in order["groups"]]
        days = {order["day"] for order in mine}
        n, span = len(days) - 1, max(days) - min(days)
        line = policy["rhythm"].get(group, policy["rhythm"]["default"])
        found[group] = {
            "n": n,
            "span": span,
            "line": line,
            "last_ms": max(order["time"] for order in mine),
            "patience_ms": patience_ms(line, n, span),
            "expected_days": expected_days(line, n, span),
        }
    return found


def leading(orders: list[Order], policy: Policy) -> dict[str, Any] | None:
    """The rhythm that sets `inactive_at` (ties: first group by name), with `inactive_at`; None without a counting order."""
    best = None
    for _, rhythm in sorted(rhythms(orders, policy).items()):
        rhythm["inactive_at"] = rhythm["last_ms"] + rhythm["patience_ms"]
        if best is None or rhythm["inactive_at"] > best["inactive_at"]:
            best = rhythm
    return best


def _windowed(orders: list[Order], others: list[Event], converted: int, policy: Policy) -> dict[str, Any]:
    """Measures that see only the window; `orders`, `others` and the number of conversions are those of the window."""
    counting = [order for order in orders if not voided(order)]
    kept = [order for order in orders if not order["cancelled"]]
    contacts = [event for event in others if event["type"] == "contact.made"]
    costs = policy["costs"]
    revenue, totals = sum(map(net, counting)), sum(order["total"] for order in counting)
    discounts = sum(order["discount"] for order in counting)
    paid = [order for order in counting if order["late_days"]]
    contact_cost = sum(event["data"].get("cost_minor", costs["channel"][event["data"]["channel"]]) for event in contacts)
    late_cost = sum(net(order) * max(order["late_days"]) * costs["annual_rate_pct"] // 36500 for order in paid)
    refunds = sum(len(order["refunds"]) for order in kept)
    margins = sum(margin(order, policy) for order in counting)
    cost_to_serve = contact_cost + refunds * costs["refund"] + late_cost
    accepted = sum(1 for event in others if event["type"] == "feedback.given" and event["data"]["accepted"])
    return {
        "revenue": revenue,
        "orders": len(counting),
        "occasions": len({order["day"] for order in counting}),
        "average_order": ratio(revenue, len(counting)),
        "product_groups": len(set().union(*(order["groups"] for order in counting))),
        "margin": margins,
        "refund_pct": ratio(sum(map(refunded, kept)) * 100, sum(order["total"] for order in kept)),
        "discount_pct": ratio(discounts * 100, totals + discounts),
        "late_days_average": ratio(sum(max(order["late_days"]) for order in paid), len(paid)),
        "contacts": len(contacts),
        "contact_cost": contact_cost,
        "cost_to_serve": cost_to_serve,
        "value_now": margins - cost_to_serve,
        "referrals": converted,
        "feedback": accepted,
        "value_strategic": converted * policy["value"]["referral"] + accepted * policy["value"]["feedback"],
    }


def note_referral(referred: dict[str, tuple[int, int | None]], event: Event) -> None:
    """A referral into the pairs: the earliest one's time counts, and nobody refers himself."""
    if event["type"] == "referral.made" and (other := event["data"]["referred_customer_id"]) != event["subject"]:
        made, first = referred.get(other, (event["time"], None))
        referred[other] = (min(made, event["time"]), first)


def conversion_days(referred: Sequence[tuple[int, int | None]], zone: str) -> list[int]:
    """The local days of the conversions; someone who bought before the referral is not converted."""
    return [day_of(zone, first) for made, first in referred if first is not None and first >= made]


def assessments(others: list[Event]) -> dict[str, int]:
    """The latest assessment of each criterion by name."""
    assessed = [event for event in others if event["type"] == "profile.assessed"]
    names = {name for event in assessed for name in event["data"]["criteria"]}
    latest_of = {name: latest(event for event in assessed if name in event["data"]["criteria"]) for name in names}
    return {name: event["data"]["criteria"][name] for name, event in latest_of.items() if event}


def measure(
    orders: list[Order], others: list[Event], clock: int, policy: Policy, referred: Sequence[tuple[int, int | None]] = ()
) -> dict[str, Any]:
    """All measures at the clock, `score` included; `referred` holds when each referral was made and the other's first order."""
    zone = policy["time_zone"]
    today = day_of(zone, clock)
    first = today - policy["window_days"] + 1
    counting = [order for order in orders if not voided(order)]
    lead = leading(counting, policy)
    found = _windowed(
        [order for order in orders if first <= order["day"] <= today],
        [event for event in others if first <= event["day"] <= today],
        sum(1 for day in conversion_days(referred, zone) if first <= day <= today),
        policy,
    )
    future = 0
    if lead and has_model(lead):
        future = model_future(lead, today, found["occasions"], found["margin"], policy)
    elif lead and clock < lead["inactive_at"]:
        future = ratio(found["margin"] * policy["horizon_days"], found["occasions"] * max(1, lead["expected_days"]))
    found["value_future"] = future
    found["value_total"] = found["value_now"] + future + found["value_strategic"]
    found["recency_days"] = today - max(order["day"] for order in counting) if counting else None
    found["tenure_days"] = today - min(order["day"] for order in counting) if counting else None
    assessed = assessments(others)
    found |= {f"criteria.{name}": value for name, value in assessed.items()}
    found["strategic"] = ratio(sum(assessed.values()), len(assessed))
    found["p_alive_pct"] = None
    if lead and lead["line"]["method"] == "alive":
        found["p_alive_pct"] = p_alive_pct(lead, clock)
    found["score"] = score(found, policy) if counting else None
    return found


def p_alive_pct(lead: dict[str, Any], clock: int) -> int:
    """The probability of being alive at the clock, in floored percent; the leading group's method is `alive`."""
    age = lead["span"] + (clock - lead["last_ms"]) / DAY
    percent: int = floor(100 / doubt(lead["line"], lead["n"], lead["span"], age))
    return percent


def first_below(lead: dict[str, Any], threshold: int) -> int:
    """The first millisecond at which `p_alive_pct` lies below the threshold: by halving, for it only ever falls."""
    begin: int = lead["last_ms"] - 1
    end = begin + 100_000 * DAY
    while end - begin > 1:
        middle = (begin + end) // 2
        begin, end = (begin, middle) if p_alive_pct(lead, middle) < threshold else (middle, end)
    return end


def score(measures: dict[str, Any], policy: Policy) -> int | None:
    """The weighted points of the policy's criteria; None without criteria."""
    if not policy["criteria"]:
        return None
    total = 0
    for criterion in policy["criteria"]:
        value = measures.get(criterion["measure"])
        reached = [int(threshold) for threshold in criterion["bands"] if value is not None and value >= int(threshold)]
        total += criterion["weight"] * (criterion["bands"][max(reached)] if reached else 0)
    return int(total // sum(criterion["weight"] for criterion in policy["criteria"]))

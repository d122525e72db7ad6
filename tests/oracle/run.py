"""A whole file of events: decode, sort, give each customer his own, and let time pass to the end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import pareto
from tests.oracle.customer import Customer
from tests.oracle.days import day_of, parse_ms
from tests.oracle.document import complete
from tests.oracle.erasure import erase, suppresses
from tests.oracle.measures import Event, Policy
from tests.oracle.merging import Merges
from tests.oracle.relations import Relations

TYPES = frozenset(
    (
        "order.placed",
        "order.cancelled",
        "order.refunded",
        "payment.received",
        "contact.made",
        "contact.responded",
        "interest.shown",
        "preference.set",
        "lead.identified",
        "lead.ruled_out",
        "referral.made",
        "feedback.given",
        "profile.assessed",
        "customer.erased",
        "customer.merged",
    )
)
YEAR_1990 = parse_ms("1990-01-01T00:00:00Z")
FAR_FUTURE = parse_ms("2098-01-01T00:00:00Z")


@dataclass
class Outcome:
    """What the rules say about a file: customers by (shop, customer), rejections as (event id, code) in no order."""

    customers: dict[tuple[str, str], Customer] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    until: int = 0
    ids: set[str] = field(default_factory=set)


def refusal(raw: dict[str, Any], time: int, policy: dict[str, Any]) -> str | None:
    """The code of an event that is rejected before it is folded: what the event alone shows first, then what the policy says."""
    if raw["type"] not in TYPES:
        return "unknown_type"
    if not YEAR_1990 <= time < FAR_FUTURE:
        return "time_out_of_range"
    if policy.get("shop") not in (None, raw["source"].removeprefix("/shops/")):
        return "unknown_shop"
    return None


def event_of(raw: dict[str, Any], time: int, policy: Policy, subject: str) -> Event:
    """An accepted CloudEvent as the plain dict that `Customer.fold` takes."""
    day = day_of(policy["time_zone"], time)
    return {"time": time, "day": day, "id": raw["id"], "subject": subject, "type": raw["type"], "data": dict(raw["data"])}


def _take(outcome: Outcome, merges: Merges, policy: Policy, raw: dict[str, Any], time: int) -> bool:
    """Give an event to its customer; whether it is accepted."""
    relations = merges.relations
    name = merges.whose((raw["source"].removeprefix("/shops/"), raw["subject"]), time)
    event = event_of(raw, time, policy, name[1])
    if event["type"] == "payment.received":
        event["data"]["due_at"] = parse_ms(event["data"]["due_at"])
    known = outcome.customers.get(name)
    if raw["type"] == "customer.erased":
        before = known or Customer(_of_shop(policy, name[0]))
        outcome.customers[name] = erase(before, event)
        if outcome.customers[name] is not before:
            relations.erased(*name, time)
            merges.erased(name[0], before, outcome.customers[name].receipts[-1]["until"], time)
        return outcome.customers[name] is not before
    if known is not None and suppresses(known, event):
        return False
    if raw["type"] == "customer.merged":
        return merges.merge(name, event, _of_shop(policy, name[0]))
    if raw["type"] == "order.placed" and raw["data"]["currency"] != policy["currency"]:
        if known is not None and known.exists:
            known.refuse(event, "currency_mismatch")
        else:
            outcome.rejected.append((raw["id"], "currency_mismatch"))
        return False
    customer = outcome.customers.setdefault(name, Customer(_of_shop(policy, name[0])))
    duplicates, rejected = customer.duplicates, len(customer.rejected)
    customer.fold(event)
    relations.after(*name, time)
    return customer.duplicates == duplicates and raw["id"] not in {refused for refused, _ in customer.rejected[rejected:]}


def _of_shop(policy: Policy, shop: str) -> Policy:
    return policy | {"cuts": policy["cuts"].get(shop, {})}


def replay(events: Iterable[dict[str, Any]], document: dict[str, Any], *, as_given: bool = False, until: int | None = None) -> Outcome:
    """What every customer of the file goes through; sorted by time first (ties in file order) unless `as_given`."""
    events, policy = list(events), complete(document) | {"cuts": {}}
    outcome = _pass(events, policy, as_given=as_given, until=until)
    if not pareto.asks(policy):
        return outcome
    values: dict[str, dict[int, list[int]]] = {}
    for (shop, _), customer in outcome.customers.items():
        for day, value in (entry for life in (*customer.past, customer) for entry in life.weighed):
            values.setdefault(shop, {}).setdefault(day, []).append(value)
    cuts = {
        shop: {day: cut for day in sorted(by_day) if (cut := pareto.cut_offs(by_day[day], policy)) is not None}
        for shop, by_day in values.items()
    }
    return _pass(events, policy | {"cuts": cuts}, as_given=as_given, until=until)


def _pass(events: list[dict[str, Any]], policy: Policy, *, as_given: bool, until: int | None) -> Outcome:
    outcome = Outcome()
    merges = Merges(outcome.customers, Relations(outcome.customers), outcome.rejected)
    decoded: list[tuple[int, dict[str, Any]]] = []
    accepted = 0
    for raw in events:
        time = parse_ms(raw["time"])
        outcome.ids.add(raw["id"])
        code = refusal(raw, time, policy)
        if code:
            outcome.rejected.append((raw["id"], code))
        else:
            decoded.append((time, raw))
    if not as_given:
        decoded.sort(key=lambda entry: entry[0])
    for time, raw in decoded:
        if (until is None or time <= until) and _take(outcome, merges, policy, raw, time):
            accepted = max(accepted, time)
    outcome.until = accepted if until is None else until
    for customer in outcome.customers.values():
        if customer.exists:
            customer.advance(outcome.until)
        outcome.rejected += [entry for life in (*customer.past, customer) for entry in life.rejected]
    return outcome

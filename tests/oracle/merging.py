"""Merging: one customer's facts join another's, and whatever he does from then on is the other's."""

from typing import Any

from tests.oracle import pareto
from tests.oracle.customer import Customer
from tests.oracle.days import DAY
from tests.oracle.measures import Event, Policy
from tests.oracle.relations import Relations, first_order

Name = tuple[str, str]


class Merges:
    """Who became whom in a file."""

    def __init__(self, customers: dict[Name, Customer], relations: Relations, rejected: list[tuple[str, str]]) -> None:
        """Begin with nobody merged."""
        self.customers = customers
        self.relations = relations
        relations.whose = self.whose
        self.rejected = rejected
        self.into: dict[Name, str] = {}

    def whose(self, name: Name, time: int) -> Name:
        """Whose an event of `name` is; one who was erased before he was merged drops himself what is from before that."""
        while name in self.into:
            mark = self.customers[name].mark
            if mark is not None and time <= mark[0]:
                return name
            name = (name[0], self.into[name])
        return name

    def merge(self, name: Name, event: Event, policy: Policy) -> bool:
        """Apply a `customer.merged` of somebody who may do so; whether it was accepted."""
        subject, into = self.customers.get(name) or Customer(policy), event["data"]["into"]
        if subject.is_duplicate(event):
            return False
        if not subject.exists and into == name[1]:
            self.rejected.append((event["id"], "merge_refused"))
            return False
        _begin(subject, event["time"])
        subject.advance(event["time"])
        subject.clock, subject.high = max(subject.clock, event["time"]), max(subject.high, event["time"])
        subject.remember(event)
        if into == name[1] or into in subject.absorbed:
            subject.rejected.append((event["id"], "merge_refused"))
            return False
        subject.low = min(subject.low, event["time"])
        self.customers[name] = subject
        cause = {"kind": "merge", "event_id": event["id"]}
        held = dict(subject.statuses)
        subject.publish(dict.fromkeys(subject.statuses), None, cause, subject.clock)
        target_name = self.whose((name[0], into), subject.clock)
        target = self.customers.get(target_name)
        if target is not None and not target.exists and target.mark is not None and subject.clock < target.mark[1]:
            subject.rejected.append((event["id"], "merge_refused"))
            if subject.changes:
                _come_back(subject, held, cause)
            else:
                del self.customers[name]  # he began with it
                self.rejected.append(subject.rejected.pop())
            return False
        self.into[name], subject.has_left = into, True
        target = self.customers.setdefault(target_name, Customer(policy))
        _begin(target, subject.clock)
        first = first_order(target)
        target.absorbed |= {name[1], *subject.absorbed}
        unite(target, subject, {target_name[1], *target.absorbed}, cause)
        self.relations.merged(name, target_name[1], subject.clock, first)
        return True

    def erased(self, shop: str, target: Customer, until: int, time: int) -> None:
        """Somebody was erased, and with him all who were merged into him."""
        for alias in target.absorbed:
            self.into.pop((shop, alias), None)
            before, after = self.customers[shop, alias], Customer(target.policy)
            mark = before.mark or (time, 0)
            after.past, after.mark = [*before.past, before], (max(time, mark[0]), max(until, mark[1]))
            after.receipts = before.receipts
            self.customers[shop, alias] = after


def _come_back(subject: Customer, held: dict[str, str | None], cause: dict[str, Any]) -> None:
    """He goes on as the holder of the statuses that he left with, which have to be said again."""
    told, subject.statuses = subject.statuses, held
    now, wanted = subject.judge()
    subject.statuses = told
    subject.publish(now, wanted, cause, subject.clock)


def _begin(customer: Customer, time: int) -> None:
    """One who begins by a merge comes under the cut-offs of that moment."""
    if not customer.exists and pareto.asks(customer.policy):
        customer.cut = pareto.in_force(customer.policy, time)


def unite(target: Customer, other: Customer, own: set[str], cause: dict[str, Any]) -> None:
    """Everything of the other's is the target's from now on; of two orders under one id his own stands."""
    horizons = target.policy["horizons"]
    if target.exists:
        target.advance(other.clock)
    else:
        target.mark = None
    target.clock, target.high, target.low = max(target.clock, other.clock), max(target.high, other.high), min(target.low, other.low)
    target.ids = other.ids | target.ids
    kept = sorted((time, name) for name, time in target.ids.items() if time >= target.high - horizons["dedup_days"] * DAY)
    target.ids = {name: time for time, name in kept[-horizons["dedup_events"] :]}
    if any(order != target.open[order_id] for order_id, order in other.open.items() if order_id in target.open):
        target.rejected.append((cause["event_id"], "order_exists"))
    target.open = other.open | target.open
    target.closed += other.closed
    target.others += other.others
    edge = target.high - horizons["ledger_days"] * DAY
    ordered = sorted(target.open, key=lambda order_id: (target.open[order_id]["time"], order_id))
    closing = [order_id for order_id in ordered if target.open[order_id]["time"] < edge]
    closing = ordered[: max(len(closing), len(ordered) - horizons["ledger_orders"])]
    target.closed += [target.open.pop(order_id) for order_id in closing]
    waiting = target.waiting + other.waiting
    for _, event in [entry for entry in waiting if entry[1]["data"]["order_id"] in target.open]:
        target.amend(event)
    target.waiting = [entry for entry in waiting if entry[1]["data"]["order_id"] not in target.open and entry[0] > target.clock]
    ended = [entry for entry in waiting if entry[1]["data"]["order_id"] not in target.open and entry[0] <= target.clock]
    target.rejected += [(event["id"], "order_unknown") for _, event in ended]
    for name, (made, told) in other.referred.items():
        key = name if not name.startswith("nameless ") else f"{name} {len(target.referred)}"
        mine = target.referred.get(key, (made, None))
        target.referred[key] = (min(made, mine[0]), told if mine[1] is None else mine[1])
    target.referred = {name: pair for name, pair in target.referred.items() if name not in own}
    target.evaluate(cause, target.clock)

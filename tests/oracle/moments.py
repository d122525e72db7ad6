"""Every moment at which something computed about a customer could change without an event; more than needed is no harm."""

from typing import Any, Protocol

from tests.oracle import contact, opportunity, pareto, segment
from tests.oracle.days import DAY, day_of, start
from tests.oracle.measures import Event, Order, Policy, conversion_days, first_below, leading, voided
from tests.oracle.model import future, has_model


class Known(Protocol):
    """What must be known of a customer to tell."""

    policy: Policy
    clock: int
    low: int
    hold: int | None
    cut: tuple[int, int] | None
    exit_since: int | None
    mark: tuple[int, int] | None
    waiting: list[tuple[int, Event]]
    others: list[Event]
    referred: dict[str, tuple[int, int | None]]

    @property
    def exists(self) -> bool:
        """Whether anything is known of him."""

    @property
    def orders(self) -> list[Order]:
        """Every order ever accepted."""

    def measures(self) -> dict[str, Any]:
        """All measures at his clock."""


def moments(customer: Known) -> list[int]:
    """The moments, in no order; those that lie behind the clock do not matter."""
    policy, zone = customer.policy, customer.policy["time_zone"]
    found = [expiry for expiry, _ in customer.waiting]
    if customer.mark is not None:
        found.append(customer.mark[1])
    if pareto.asks(policy) and customer.exists:
        found.append(pareto.next_start(policy, customer.clock))
    converted = conversion_days(list(customer.referred.values()), zone)
    found += [start(zone, day) for day in converted]
    windowed = [order["day"] for order in customer.orders] + converted
    windowed += [event["day"] for event in customer.others if event["type"] in ("contact.made", "feedback.given")]
    leaving = sorted({day + policy["window_days"] for day in windowed} | set(converted))  # or entering
    found += [start(zone, day) for day in leaving]
    if customer.hold is not None:
        found.append(customer.hold + policy["downgrade_dwell_days"] * DAY)
    counting = [order for order in customer.orders if not voided(order)]
    found += opportunity.moments(customer.orders, policy)
    found += contact.moments(customer.orders, customer.others, customer.low, policy)
    lead = leading(counting, policy)
    if lead is None:
        return found
    last, patience, gone = lead["last_ms"], lead["patience_ms"], lead["inactive_at"]
    found += [last + patience * policy["churn_risk"][pct] // 100 for pct in ("medium_pct", "high_pct")]
    found += [gone, gone + policy["winback"]["cooling_days"] * DAY, gone + policy["winback"]["gone_days"] * DAY]
    days = [order["day"] for order in counting]
    found += segment.moments(policy, customer.exit_since, min(days))
    since = {"recency_days": max(days), "tenure_days": min(days)}
    read = thresholds(policy)
    if lead["line"]["method"] == "alive":
        found += [first_below(lead, threshold) for threshold in read.get("p_alive_pct", [])]
    for name, day in since.items():
        found += [start(zone, day + threshold) for threshold in read.get(name, [])]
    if has_model(lead):
        read.setdefault("value_total", []).extend(customer.cut or ())
        read.setdefault("value_future", []).extend(contact.thresholds(customer.measures(), policy))
        today = day_of(zone, customer.clock)
        end = next((day for day in leaving if day > today), today + 100_000)
        found += [start(zone, day) for name in ("value_future", "value_total") for day in _crossing(customer, lead, name, read, today, end)]
    return found


def thresholds(policy: Policy) -> dict[str, list[int]]:
    """Whatever the policy compares a measure with."""
    found: dict[str, list[int]] = {}
    for criterion in policy["criteria"]:
        found.setdefault(criterion["measure"], []).extend(int(threshold) for threshold in criterion["bands"])
    for name, numbers in segment.thresholds(policy).items():
        found.setdefault(name, []).extend(numbers)
    return found


def _crossing(customer: Known, lead: dict[str, Any], name: str, read: dict[str, list[int]], today: int, end: int) -> list[int]:
    """The first day before `end` on which the measure has passed a threshold: by halving, for the model only ever expects less."""
    if name not in read:
        return []
    measures = customer.measures()
    others = measures[name] - measures["value_future"]

    def passed(day: int) -> int:
        value = others + future(lead, day, measures["occasions"], measures["margin"], customer.policy)
        return sum(value >= threshold for threshold in read[name])

    low, high = today, end - 1
    now = sum(measures[name] >= threshold for threshold in read[name])
    if passed(high) == now:
        return []
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passed(middle) == now else (low, middle)
    return [high]

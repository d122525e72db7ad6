"""What an erasure does to a customer: another one takes his place, of whom nothing is known but when he was erased."""

from tests.oracle.customer import Customer
from tests.oracle.days import DAY
from tests.oracle.measures import Event


def suppresses(customer: Customer, event: Event) -> bool:
    """Whether the event is from before an erasure that is still remembered."""
    if customer.mark is not None and not customer.exists and event["time"] >= customer.mark[1]:
        customer.mark = None
    return customer.mark is not None and bool(event["time"] <= customer.mark[0])


def erase(customer: Customer, event: Event) -> Customer:
    """Who he is after a `customer.erased`: nobody yet, or himself, if there was nothing to do."""
    if suppresses(customer, event) or customer.is_duplicate(event):
        return customer
    if customer.exists:
        customer.advance(event["time"])
    after = Customer(customer.policy)
    until = max(customer.clock, event["time"]) + customer.policy["horizons"]["suppress_days"] * DAY
    after.past, after.mark = [*customer.past, customer], (event["time"], until)
    receipt = {"at": event["time"], "until": until, "known": customer.exists, "event_id": event["id"]}
    after.receipts = [*customer.receipts, receipt]
    return after

"""The oracle on CDNOW, against the published counts of turns to inactive."""

import pytest

from tests.oracle.cdnow import CUSTOMERS, ORDERS, orders
from tests.oracle.run import replay


@pytest.mark.slow
@pytest.mark.parametrize(("days", "turns", "reversals"), [(60, 36_814, 15_739), (90, 31_773, 11_504), (180, 23_403, 5_193)])
def test_turns_to_inactive_and_those_who_bought_again(days: int, turns: int, reversals: int) -> None:
    events = list(orders())
    assert len(events) == ORDERS
    outcome = replay(events, {"currency": "USD", "rhythm": {"default": {"method": "fixed", "days": days}}})
    assert len(outcome.customers) == CUSTOMERS
    found = [
        (change["effective_at"], max(order["time"] for order in customer.orders))
        for customer in outcome.customers.values()
        for change in customer.changes
        if (change["dimension"], change["to"]) == ("lifecycle", "inactive")
    ]
    assert len(found) == turns
    assert sum(last >= turned for turned, last in found) == reversals

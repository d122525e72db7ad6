"""Property 4: per customer, sequences are 1..n without a hole, each `from` is the previous `to` of its dimension, ids are unique."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.compare import structure
from tests.oracle.histories import History
from tests.properties.program import run
from tests.properties.stories import mixtures, stories


@settings(max_examples=150, deadline=None)
@given(stories(customers=3, contradict=True, weighed=True), st.booleans(), st.data())
def test_changes_follow_each_other(story: History, as_given: bool, data: st.DataObject) -> None:
    assert structure(run(data.draw(mixtures(story.events)), story.document, as_given=as_given)) == []


def happened(kind: str, days: float, **data: object) -> dict[str, Any]:
    time = (datetime(2020, 3, 1, tzinfo=UTC) + timedelta(days=days)).isoformat()
    told = {"specversion": "1.0", "source": "/shops/acme", "type": kind, "subject": "c-1", "time": time, "data": data}
    return told | {"id": f"{kind} {days} {len(data)}"}


def bought(days: float, order_id: str) -> dict[str, Any]:
    return happened("order.placed", days, order_id=order_id, currency="EUR", total_minor=5)


def test_behind_suppress_days_a_life_that_begins_when_another_did_has_its_ids() -> None:
    """Nothing is left of the other, not even when it began; within them no id returns."""
    events = [bought(0, "o-1"), happened("customer.erased", 0.1), bought(5, "o-2"), happened("customer.erased", 4)]
    events += [bought(7, "o-3"), happened("customer.erased", 4.1), bought(5, "o-2") | {"id": "again"}]

    def ids(suppress_days: int) -> list[str]:
        output = run(events, {"currency": "EUR", "horizons": {"suppress_days": suppress_days}}, as_given=True)
        assert structure(output) == []
        return [event["id"] for told in output.customers.values() for event in told.changes]

    assert len(ids(1)) - len(set(ids(1))) == 3
    assert len(ids(400)) == len(set(ids(400))) == 12

"""The product and the oracle say the same of any story, in any order, on any day the tests run: fresh stories each time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.compare import differences
from tests.oracle import run as oracle
from tests.oracle.histories import History
from tests.properties.program import run
from tests.properties.stories import end_of, in_time_order, mixtures, stories


@settings(max_examples=300, deadline=None)
@given(stories(customers=3, contradict=True, related=True, weighed=True), st.integers(0, 400), st.data())
def test_every_change_of_a_fresh_story(story: History, silence: int, data: st.DataObject) -> None:
    events = data.draw(st.sampled_from((story.events, data.draw(mixtures(story.events)))))
    until, as_given = end_of(events, days=silence), data.draw(st.booleans())
    expected = oracle.replay(events, story.document, as_given=as_given, until=until)
    assert differences(expected, run(events, story.document, until, as_given=as_given)) == []


@settings(max_examples=200, deadline=None)
@given(stories(customers=3, contradict=True, related=True), st.integers(1, 9), st.data())
def test_so_they_do_where_customers_use_the_same_order_ids(story: History, ids: int, data: st.DataObject) -> None:
    """Each of a few ids is used for many orders, by one customer and by another who becomes one with him."""
    time = data.draw(st.sampled_from(story.events))["time"]
    merge = {"specversion": "1.0", "id": "merge", "source": "/shops/acme", "type": "customer.merged", "subject": "c-0", "time": time}
    told = in_time_order([*story.events, merge | {"data": {"into": "c-1"}}])
    numbers: dict[str, int] = {}
    events = []
    for event in data.draw(st.sampled_from((told, data.draw(mixtures(told))))):
        order_id = event["data"].get("order_id")
        renamed = {} if order_id is None else {"order_id": f"o-{numbers.setdefault(order_id, len(numbers)) % ids}"}
        events.append(event | {"data": event["data"] | renamed})
    until, as_given = end_of(events, days=100), data.draw(st.booleans())
    expected = oracle.replay(events, story.document, as_given=as_given, until=until)
    assert differences(expected, run(events, story.document, until, as_given=as_given)) == []

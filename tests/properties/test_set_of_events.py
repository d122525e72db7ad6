"""Property 1: any permutation and any duplication of a customer's events ends in the same facts and the same statuses."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.histories import History
from tests.properties.memory import facts_at, work
from tests.properties.program import run
from tests.properties.stories import end_of, mixtures, stories

WIDE = stories(contradict=False, dwell=False, wide=True)


@settings(max_examples=150, deadline=None)
@given(WIDE, st.data())
def test_the_order_does_not_matter(story: History, data: st.DataObject) -> None:
    until = end_of(story.events, data.draw(st.integers(0, 400)))
    expected = run(story.events, story.document, until)
    other = run(data.draw(mixtures(story.events)), story.document, until, as_given=True)
    assert set(expected.customers) == set(other.customers)
    for who, told in expected.customers.items():
        mine, theirs = told.profile["data"], other.customers[who].profile["data"]
        assert [theirs[part] for part in ("statuses", "measures", "facts")] == [mine[part] for part in ("statuses", "measures", "facts")]
        if not mine["facts"]["events_waiting"]:  # how long an event waits is counted from its arrival
            assert theirs["next_deadline"] == mine["next_deadline"]


@settings(max_examples=100, deadline=None)
@given(WIDE, st.data())
def test_the_stored_facts_are_the_same_bytes(story: History, data: st.DataObject) -> None:
    mixed = data.draw(mixtures(story.events))
    expected = work(story.events, story.document, set(), set())[0]
    other = work(mixed, story.document, data.draw(st.sets(st.integers(1, 20))), set())[0]
    until = end_of(mixed)
    assert facts_at(other, story.document, until) == facts_at(expected, story.document, until)

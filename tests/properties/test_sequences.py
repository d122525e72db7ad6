"""Property 4: per customer, sequences are 1..n without a hole, each `from` is the previous `to` of its dimension, ids are unique."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.compare import structure
from tests.oracle.histories import History
from tests.properties.program import run
from tests.properties.stories import mixtures, stories


@settings(max_examples=150, deadline=None)
@given(stories(customers=3, contradict=True), st.booleans(), st.data())
def test_changes_follow_each_other(story: History, as_given: bool, data: st.DataObject) -> None:
    assert structure(run(data.draw(mixtures(story.events)), story.document, as_given=as_given)) == []

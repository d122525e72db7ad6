"""The product and the oracle say the same of any story, in any order, on any day the tests run: fresh stories each time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.compare import differences
from tests.oracle import run as oracle
from tests.oracle.histories import History
from tests.properties.program import run
from tests.properties.stories import end_of, mixtures, stories


@settings(max_examples=300, deadline=None)
@given(stories(customers=3, contradict=True, related=True, weighed=True), st.integers(0, 400), st.data())
def test_every_change_of_a_fresh_story(story: History, silence: int, data: st.DataObject) -> None:
    events = data.draw(st.sampled_from((story.events, data.draw(mixtures(story.events)))))
    until, as_given = end_of(events, days=silence), data.draw(st.booleans())
    expected = oracle.replay(events, story.document, as_given=as_given, until=until)
    assert differences(expected, run(events, story.document, until, as_given=as_given)) == []

"""Property 6: a recomputation from the full event log gives the stored facts, byte for byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.histories import History
from tests.properties.memory import facts_at, work
from tests.properties.stories import end_of, mixtures, stories

CUTS = st.sets(st.integers(1, 40), max_size=12)


@settings(max_examples=150, deadline=None)
@given(stories(customers=3, contradict=True), CUTS, CUTS)
def test_the_log_gives_the_stored_states(story: History, cuts: set[int], restarts: set[int]) -> None:
    """Stored and read again at every cut, taken up by a new processor at some: the same bytes as all at once."""
    stored = work(story.events, story.document, cuts | restarts, restarts)[0]
    assert stored.states == work(story.events, story.document, set(), set())[0].states


@settings(max_examples=100, deadline=None)
@given(stories(customers=3, dwell=False, wide=True), CUTS, CUTS, st.data())
def test_the_log_out_of_order_gives_the_stored_facts(story: History, cuts: set[int], restarts: set[int], data: st.DataObject) -> None:
    log = data.draw(mixtures(story.events))
    stored = work(log, story.document, cuts | restarts, restarts)[0]
    recomputed = work(log, story.document, set(), set())[0]
    until = end_of(log)
    assert facts_at(stored, story.document, until) == facts_at(recomputed, story.document, until)

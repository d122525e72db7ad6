"""Property 5: `valid_until` is honest. With no further event, the dimension does not change before it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.days import parse_ms
from tests.oracle.histories import History
from tests.properties.program import run
from tests.properties.stories import end_of, stories


@settings(max_examples=200, deadline=None)
@given(stories(contradict=True), st.integers(0, 3))
def test_nothing_changes_before_valid_until(story: History, cut: int) -> None:
    events = story.events[: max(1, len(story.events) - cut)]
    last = parse_ms(events[-1]["time"])
    output = run(events, story.document, end_of(events, days=1500))
    for told in output.customers.values():
        for number, event in enumerate(told.changes):
            change = event["data"]
            at_ms = parse_ms(change["effective_at"])
            if at_ms < last or (at_ms == last and change["cause"].get("event_id") != events[-1]["id"]):
                continue  # an event came after it; an id that is used twice does not make it the last one
            later = [other["data"] for other in told.changes[number + 1 :] if other["data"]["dimension"] == change["dimension"]]
            later = [other for other in later if other["cause"]["kind"] == "time"]
            if later:
                assert change["valid_until"] is not None
                assert parse_ms(change["valid_until"]) <= parse_ms(later[0]["effective_at"])
            if change["valid_until"] is not None:
                assert parse_ms(change["valid_until"]) > parse_ms(change["effective_at"])

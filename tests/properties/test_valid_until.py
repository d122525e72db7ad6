"""Property 5: `valid_until` is honest. With no further event, the dimension does not change before it."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.product import Told
from tests.oracle.days import parse_ms
from tests.oracle.histories import History
from tests.oracle.policies import by_pareto
from tests.properties.program import run
from tests.properties.stories import end_of, stories


@settings(max_examples=200, deadline=None)
@given(stories(contradict=True), st.integers(0, 3))
def test_nothing_changes_before_valid_until(story: History, cut: int) -> None:
    events = story.events[: max(1, len(story.events) - cut)]
    last = parse_ms(events[-1]["time"])
    output = run(events, story.document, end_of(events, days=1500))
    for told in output.customers.values():
        _assert_honest(told, last, events[-1]["id"], soonest=1)


@settings(max_examples=100, deadline=None)
@given(stories(customers=4, contradict=True), st.integers(0, 1 << 20))
def test_nor_when_the_cut_offs_of_the_shop_move(story: History, seed: int) -> None:
    """An evaluation needs no event of the customer either: he may fall, and what hangs on his class with him, at the next one."""
    document = by_pareto(Random(seed), story.document, days=(7, 30, 91))
    output = run(story.events, document, end_of(story.events, days=400))
    for (_, name), told in output.customers.items():
        own = [event for event in story.events if event["subject"] == name]
        _assert_honest(told, parse_ms(own[-1]["time"]), own[-1]["id"], soonest=0)


def _assert_honest(told: Told, last: int, last_id: str, *, soonest: int) -> None:
    """Every change from `last` on, the time of the customer's last event, says when the next one comes without an event, or earlier.

    `soonest`: so many milliseconds later than itself at the least; none where cut-offs are taken at a midnight at which he has changed.
    """
    for number, event in enumerate(told.changes):
        change = event["data"]
        at_ms = parse_ms(change["effective_at"])
        if at_ms < last or (at_ms == last and change["cause"].get("event_id") != last_id):
            continue  # an event came after it; an id that is used twice does not make it the last one
        later = [other["data"] for other in told.changes[number + 1 :] if other["data"]["dimension"] == change["dimension"]]
        later = [other for other in later if other["cause"]["kind"] in {"time", "policy"}]
        if later:
            assert change["valid_until"] is not None
            assert parse_ms(change["valid_until"]) <= parse_ms(later[0]["effective_at"])
        if change["valid_until"] is not None:
            assert parse_ms(change["valid_until"]) >= at_ms + soonest

"""Property 2: changes are the same for any batching, any partition count, any number of workers, any restart.

Property 3: live processing and a replay publish the same for histories whose events reach the log in time order; for others
the final statuses are the same.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.state import decode_state
from tests.oracle.days import parse_ms
from tests.oracle.histories import History
from tests.properties.memory import Partition, published, work
from tests.properties.program import run
from tests.properties.stories import mixtures, stories

REACTIONS = ("win-back", "service-level", "contact-advice")
TOPICS = ("status-changes", *REACTIONS)
CUTS = st.sets(st.integers(1, 40), max_size=12)


@settings(max_examples=100, deadline=None)
@given(stories(customers=4, contradict=True), CUTS, CUTS, st.integers(1, 5), st.integers(1, 3))
def test_batches_partitions_and_restarts_do_not_matter(
    story: History, cuts: set[int], restarts: set[int], partitions: int, limit: int
) -> None:
    expected = published(work(story.events, story.document, set(), set()))
    assert published(work(story.events, story.document, cuts | restarts, restarts, partitions, limit)) == expected


@settings(max_examples=100, deadline=None)
@given(stories(customers=3, contradict=True), CUTS, CUTS)
def test_live_and_replay_publish_the_same(story: History, cuts: set[int], restarts: set[int]) -> None:
    live = published(work(story.events, story.document, cuts, restarts, partitions=2))
    output = run(story.events, story.document, latest_ms(story.events))
    for (shop, customer), told in output.customers.items():
        of_topic = {topic: [json.loads(value) for value in live.get((topic, f"{shop}/{customer}"), [])] for topic in TOPICS}
        changes = of_topic["status-changes"]
        assert [event for event in changes if event["type"] == "status.changed"] == told.changes
        assert [event for event in changes if event["type"].startswith("status.will")] == told.notices
        assert [event for event in changes if event["type"] == "erasure.completed"] == told.receipts
        for topic in REACTIONS:
            assert [event | {"topic": topic} for event in of_topic[topic]] == [event for event in told.reactions if event["topic"] == topic]


@settings(max_examples=100, deadline=None)
@given(stories(customers=2, contradict=False, dwell=False, wide=True), CUTS, st.data())
def test_out_of_order_the_final_statuses_are_the_same(story: History, cuts: set[int], data: st.DataObject) -> None:
    live = work(data.draw(mixtures(story.events)), story.document, cuts, set())[0]
    for (shop, customer), told in run(story.events, story.document, latest_ms(story.events)).customers.items():
        assert final_statuses(live, f"{shop}/{customer}".encode()) == sorted(
            value for value in told.profile["data"]["statuses"].values() if value
        )


def latest_ms(events: list[dict[str, Any]]) -> int:
    """The time of the watermark that ends the live log."""
    return max(parse_ms(raw["time"]) for raw in events)


def final_statuses(kept: Partition, key: bytes) -> list[str]:
    """The values that the stored state holds."""
    return sorted(value for value in decode_state(kept.states[key][0]).values if value)

"""Customers who refer each other: live and replayed, in any order, over any partitions, cut and restarted anywhere."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import run as oracle
from tests.oracle.histories import History, history
from tests.properties.memory import Partition, facts_at, published
from tests.properties.program import run
from tests.properties.stories import end_of, mixtures, stories
from tests.properties.together import work_together

CUTS = st.sets(st.integers(1, 40), max_size=12)
TOPICS = ("status-changes", "win-back", "service-level")
WIDE = stories(customers=4, dwell=False, wide=True, related=True)


@settings(max_examples=100, deadline=None)
@given(stories(customers=4, contradict=True, related=True), st.integers(1, 4))
def test_what_arrives_at_once_is_what_a_replay_says(story: History, partitions: int) -> None:
    live = published(work_together(story.events, story.document, set(), set(), partitions, at_once=True))
    for (shop, customer), told in run(story.events, story.document, end_of(story.events)).customers.items():
        expected = {"status-changes": told.changes + told.notices + told.receipts}
        for topic in ("win-back", "service-level"):
            expected[topic] = [
                {name: event[name] for name in event if name != "topic"} for event in told.reactions if event["topic"] == topic
            ]
        for topic in TOPICS:
            of_topic = [json.loads(value) for value in live.get((topic, f"{shop}/{customer}"), [])]
            assert sorted(of_topic, key=_id) == sorted(expected[topic], key=_id)


def _id(event: dict[str, str]) -> str:
    return event["id"]


@settings(max_examples=150, deadline=None)
@given(WIDE, CUTS, CUTS, st.integers(1, 4), st.data())
def test_the_facts_are_the_same_however_it_arrives(
    story: History, cuts: set[int], restarts: set[int], partitions: int, data: st.DataObject
) -> None:
    until = end_of(story.events)
    expected = _facts(work_together(story.events, story.document, set(), set()), story.document, until)
    mixed = data.draw(mixtures(story.events))
    assert _facts(work_together(mixed, story.document, cuts | restarts, restarts, partitions), story.document, until) == expected


@settings(max_examples=100, deadline=None)
@given(WIDE, CUTS, st.integers(1, 4), st.data())
def test_the_statuses_are_the_same_however_it_arrives(story: History, cuts: set[int], partitions: int, data: st.DataObject) -> None:
    mixed, until = data.draw(mixtures(story.events)), end_of(story.events)
    as_given = run(mixed, story.document, until, as_given=True).customers
    for who, told in run(story.events, story.document, until).customers.items():
        for part in ("statuses", "measures", "facts"):
            assert as_given[who].profile["data"][part] == told.profile["data"][part]


def _facts(kept: list[Partition], document: dict[str, object], until_ms: int) -> dict[bytes, bytes]:
    return {key: facts for partition in kept for key, facts in facts_at(partition, document, until_ms).items()}


def test_the_histories_convert_and_take_back() -> None:
    """The generated histories are worth their name: referrals are converted, some not, and what was told is told anew."""
    converted = unconverted = 0
    for seed in range(12):
        told = history(seed)
        outcome = oracle.replay(told.events, told.document)
        for customer in outcome.customers.values():
            for made, first in customer.referred.values():
                converted += first is not None and first >= made
                unconverted += first is not None and first < made
    assert min(converted, unconverted) > 5, (converted, unconverted)

"""Property 2 with policies that change on the way: changes are the same however the log is cut, and whenever the sweep comes.

A policy is published before some record of the log, as the worker reads it between two units of work; what had come before it
is judged under the old one.
"""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.state import decode_state
from stream_app.domain.facts.state import is_customer
from tests.oracle.days import DAY, parse_ms
from tests.oracle.histories import History
from tests.oracle.policies import policy
from tests.properties.memory import Later, published, work
from tests.properties.stories import mixtures, stories
from tests.properties.test_batches import CUTS


@st.composite
def versions(draw: st.DrawFn, story: History, *, in_time: bool) -> Later:
    """One to three later policies, each known before the first record that is not older; or, not `in_time`, one at any place."""
    begin, end = parse_ms(story.events[0]["time"]), max(parse_ms(raw["time"]) for raw in story.events)
    found = []
    for number in range(draw(st.integers(1, 3)) if in_time else 1):
        document = policy(Random(draw(st.integers(0, 1 << 32)))) | {"clock": "events", "version": number + 2}
        document |= {name: story.document[name] for name in ("currency", "time_zone") if name in story.document}
        document["horizons"].pop("ledger_orders", None)
        at_ms = draw(st.integers(begin - DAY, end + DAY))
        found.append((-1 if in_time else draw(st.integers(0, len(story.events))), at_ms, document))
    return sorted(found, key=lambda one: one[1] if in_time else one[0])


SLICES = st.integers(0, 3)


@settings(max_examples=60, deadline=None)
@given(stories(customers=4, contradict=True), CUTS, CUTS, st.integers(1, 4), st.integers(1, 3), SLICES, st.data())
def test_batches_partitions_restarts_and_sweeps_do_not_matter(
    story: History, cuts: set[int], restarts: set[int], partitions: int, limit: int, sweep: int, data: st.DataObject
) -> None:
    later = data.draw(versions(story, in_time=True))
    expected = published(work(story.events, story.document, set(), set(), later=later))
    assert published(work(story.events, story.document, cuts | restarts, restarts, partitions, limit, later, sweep)) == expected


@settings(max_examples=60, deadline=None)
@given(stories(customers=3, contradict=True), CUTS, CUTS, SLICES, st.data())
def test_out_of_time_order_they_do_not_matter_either(
    story: History, cuts: set[int], restarts: set[int], sweep: int, data: st.DataObject
) -> None:
    events = data.draw(mixtures(story.events))
    later = data.draw(versions(story, in_time=False))
    expected = published(work(events, story.document, set(), set(), later=later))
    assert published(work(events, story.document, cuts | restarts, restarts, later=later, sweep=sweep)) == expected


@settings(max_examples=20, deadline=None)
@given(stories(customers=4, contradict=True), CUTS, SLICES, st.data())
def test_everybody_ends_under_the_newest_version_that_time_has_reached(
    story: History, cuts: set[int], sweep: int, data: st.DataObject
) -> None:
    later = data.draw(versions(story, in_time=True))
    latest = max(parse_ms(raw["time"]) for raw in story.events)
    newest = [story.document, *(document for _, at_ms, document in later if at_ms <= latest)][-1]
    kept = work(story.events, story.document, cuts, set(), later=later, sweep=sweep)
    for key, (encoded, _) in kept[0].states.items():
        state = None if b"/\x00" in key else decode_state(encoded)  # else the mark of one who was erased
        if state is not None and is_customer(state):  # or of one who was only referred
            assert state.policy_version == newest.get("version", 1)
    for (topic, _), values in published(kept).items():
        if topic == "status-changes":
            _is_whole([json.loads(value)["data"] for value in values])


def _is_whole(changes: list[dict[str, Any]]) -> None:
    """Property 4: sequences 1..n in each life (an erasure ends one), and each `from` is the `to` before it."""
    values: dict[str, Any] = {}
    before = 0
    for change in changes:
        if "sequence" not in change:
            continue
        if change["sequence"] == 1:
            values, before = {}, 0
        assert change["sequence"] == before + 1
        assert change["from"] == values.get(change["dimension"])
        values[change["dimension"]], before = change["to"], change["sequence"]

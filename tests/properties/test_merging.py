"""Merged customers: their facts are those of one customer who had all the events, in any order, over any partitions, cut anywhere."""

from dataclasses import fields
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.state import decode_state, encode_state
from stream_app.domain.facts.state import State
from tests.oracle.histories import History
from tests.properties.memory import Partition, facts_at
from tests.properties.program import run
from tests.properties.stories import end_of, in_time_order, mixtures, stories
from tests.properties.together import work_together

CUTS = st.sets(st.integers(1, 40), max_size=12)
WIDE = stories(customers=4, dwell=False, wide=True, related=True)
SUBJECT, INTO = "c-0", "c-1"


@st.composite
def merged(draw: st.DrawFn) -> tuple[History, History]:
    """A story with one merge in it, and the same as if both had been one from the beginning."""
    story = draw(WIDE)
    time = draw(st.sampled_from(story.events))["time"]
    merge = {"specversion": "1.0", "id": "merge", "source": "/shops/acme", "type": "customer.merged", "subject": SUBJECT, "time": time}
    events = in_time_order([*story.events, merge | {"data": {"into": INTO}}])
    return History(events, story.document), History([as_one(event) for event in events], story.document)


def as_one(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the subject's name replaced; in the place of the merge comes one that says nothing, with its id and time."""
    if event["type"] == "customer.merged":
        return event | {"subject": INTO, "type": "profile.assessed", "data": {"criteria": {}}}
    data = dict(event["data"])
    if data.get("referred_customer_id") == SUBJECT:
        data["referred_customer_id"] = INTO
    return event | {"data": data, "subject": INTO if event["subject"] == SUBJECT else event["subject"]}


@settings(max_examples=150, deadline=None)
@given(merged(), CUTS, CUTS, st.integers(1, 4), st.data())
def test_the_facts_are_those_of_one(
    both: tuple[History, History], cuts: set[int], restarts: set[int], partitions: int, data: st.DataObject
) -> None:
    story, one = both
    until = end_of(story.events)
    mixed = data.draw(mixtures(story.events))
    found = _facts(work_together(mixed, story.document, cuts | restarts, restarts, partitions), story.document, until)
    expected = _facts(work_together(one.events, one.document, set(), set()), one.document, until)
    assert found.pop(f"acme/{SUBJECT}".encode(), None) is None
    assert differing(found, expected) == []


@settings(max_examples=150, deadline=None)
@given(merged(), st.data())
def test_the_statuses_are_those_of_one(both: tuple[History, History], data: st.DataObject) -> None:
    story, one = both
    until = end_of(story.events)
    found = run(data.draw(mixtures(story.events)), story.document, until, as_given=True).customers
    expected = run(one.events, one.document, until).customers
    for who, told in expected.items():
        if told.profile:
            for part in ("statuses", "measures", "facts"):
                assert found[who].profile["data"][part] == told.profile["data"][part]
    subject = found.get(("acme", SUBJECT))
    if subject is not None:
        assert not subject.profile
        last = {change["data"]["dimension"]: change["data"]["to"] for change in subject.changes}
        assert set(last.values()) <= {None}


def _facts(kept: list[Partition], document: dict[str, Any], until_ms: int) -> dict[bytes, bytes]:
    """The facts by customer; whom others know as their referrer is one, by either name."""
    found = {}
    for partition in kept:
        at = facts_at(partition, document, until_ms)
        for key, (encoded, _) in partition.states.items():
            state = decode_state(encoded)
            if state.merged_into:
                continue
            found[key] = at[key] if SUBJECT not in state.referrers else _renamed(partition, key, document, until_ms)
    return found


def _renamed(partition: Partition, key: bytes, document: dict[str, Any], until_ms: int) -> bytes:
    encoded, deadline = partition.states[key]
    state = decode_state(encoded)
    state.referrers = sorted({INTO if name == SUBJECT else name for name in state.referrers})
    one = Partition(partition.number, {key: (encode_state(state), deadline)})
    return facts_at(one, document, until_ms)[key]


def differing(found: dict[bytes, bytes], expected: dict[bytes, bytes]) -> list[str]:
    """Whose facts differ, and in which columns."""
    wrong = [f"only one side has {key!r}" for key in found.keys() ^ expected.keys()]
    names = [field.name for field in fields(State)]
    names = names[names.index("low_ms") :]
    for key in found.keys() & expected.keys():
        mine, theirs = msgspec.msgpack.decode(found[key]), msgspec.msgpack.decode(expected[key])
        wrong += [f"{key!r} {name}: {a}, not {b}" for name, a, b in zip(names, mine, theirs, strict=False) if a != b]
    return wrong

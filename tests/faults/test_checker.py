"""The checker turns red for everything that a fault could do: it is no use when it cannot."""

from copy import deepcopy

import pytest

from stream_app.codec.state import decode_state, encode_state
from stream_app.engine.stores.frame import frame, state_of
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topology import changelog_name
from stream_app.worker.cluster import producer, read_to_end
from stream_app.worker.topics import TABLE
from tests.faults.checker import Evidence, complaints, replayed
from tests.faults.story import POLICY, Story, history

CHANGES = "status-changes"


@pytest.fixture
def both() -> tuple[Evidence, Evidence]:
    """A worker that did everything right, and the replay; the worker's evidence may be spoilt."""
    replay = replayed((history(6_000, 300),), POLICY)
    return deepcopy(replay), replay


def busiest(evidence: Evidence) -> str:
    """The customer with the most changes."""
    return max((key for topic, key in evidence.said if topic == CHANGES), key=lambda key: len(evidence.said[CHANGES, key]))


def test_equal_evidence_is_green(both: tuple[Evidence, Evidence]) -> None:
    worker, replay = both
    assert sum(map(len, worker.said.values())) > 1_000
    assert len(worker.states) > 200
    assert complaints(worker, replay) == []


@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_dropped_output_is_red(both: tuple[Evidence, Evidence], place: int) -> None:
    worker, replay = both
    del worker.said[CHANGES, busiest(worker)][place]
    assert complaints(worker, replay)


def test_a_dropped_customer_is_red(both: tuple[Evidence, Evidence]) -> None:
    worker, replay = both
    del worker.said[CHANGES, busiest(worker)]
    assert complaints(worker, replay)


@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_doubled_output_is_red(both: tuple[Evidence, Evidence], place: int) -> None:
    worker, replay = both
    said = worker.said[CHANGES, busiest(worker)]
    said.append(deepcopy(said[place]))
    assert any("twice" in line for line in complaints(worker, replay))


def test_swapped_outputs_are_red(both: tuple[Evidence, Evidence]) -> None:
    worker, replay = both
    said = worker.said[CHANGES, busiest(worker)]
    said[0], said[-1] = said[-1], said[0]
    assert complaints(worker, replay)


def test_a_hole_in_the_sequences_is_red_on_both_sides(both: tuple[Evidence, Evidence]) -> None:
    worker, _ = both
    changes = [event for event in worker.said[CHANGES, busiest(worker)] if event["type"] == "status.changed"]
    changes[-1]["data"]["sequence"] += 1
    assert any("[1, 2" in line for line in complaints(worker, worker)), "a hole is wrong even where the replay has it, too"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_state_is_red(both: tuple[Evidence, Evidence], part: int) -> None:
    worker, replay = both
    key = busiest(worker)
    statuses, sequence, facts = worker.states[key]
    changed = ({**statuses, "lifecycle": "lead"}, sequence + 1, {**facts, "orders_counting": facts["orders_counting"] + 1})
    worker.states[key] = (*worker.states[key][:part], changed[part], *worker.states[key][part + 1 :])
    assert complaints(worker, replay)


def test_an_old_profile_and_a_lost_letter_are_red(both: tuple[Evidence, Evidence]) -> None:
    worker, replay = both
    key = busiest(worker)
    worker.profiles[key] = (worker.profiles[key][0], worker.profiles[key][1] - 1)
    assert complaints(worker, replay)
    assert worker.letters, "the history has rejected events"
    fresh = deepcopy(replay)
    fresh.letters.pop()
    assert complaints(fresh, replay)


async def test_on_kafka_a_doubled_output_and_a_changed_state_are_red(story: Story) -> None:
    await story.tell(1_000, 50, partitions=2)
    await story.finish(story.start())
    settings = story.settings
    changelog = changelog_name(settings.id, TABLE)
    last = [record async for record in read_to_end(settings, CHANGES)][-1]
    states = [record async for record in read_to_end(settings, changelog) if record.key != MARKER_KEY]
    async with producer(settings) as client:
        await client.send_and_wait(settings.topic(CHANGES), last.value, last.key, last.partition)
        assert any("twice" in line for line in await story.check())
        state = decode_state(state_of(states[-1].value))
        state.counting += 1
        await client.send_and_wait(settings.topic(changelog), frame(encode_state(state), None), states[-1].key, states[-1].partition)
    assert any(line.startswith(f"state of {states[-1].key.decode()}") for line in await story.check())

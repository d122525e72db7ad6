"""Insights are the same for any batching, any partition count and any restart, and whichever of orders and changes is read first."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stream_app.codec.schemas import make_schemas
from stream_app.codec.schemas.shop import SHOP_TYPES
from stream_app.codec.times import format_time
from stream_app.engine.fold import Decoded, Headers
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.processor.insights.fold import InsightsProcessor, InsightsTopics
from stream_app.processor.insights.sums import SUMS
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from tests.oracle.days import parse_ms
from tests.oracle.histories import History
from tests.properties.memory import ERASING, WALL_MS, Line, MemoryUnit, Partition, compiled, work
from tests.properties.stories import stories, topic_of

CUTS = st.sets(st.integers(1, 60), max_size=12)
CHANGES = "status-changes"
TOPICS = InsightsTopics(CHANGES, REKEYED, SUMS, SUMS)
VALIDATORS = {name: Draft202012Validator(make_schemas()[f"{name}.schema.json"]) for name in SHOP_TYPES}
Merge = Callable[[Sequence[Decoded], Sequence[Decoded]], list[Decoded]]


class Unit(MemoryUnit):
    """A unit whose sums go to the home partition of their shop."""

    def emit(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None) -> None:
        """Keep sums apart from what is published."""
        if topic == SUMS:
            assert partition is not None
            self._sent.append((partition, key, value, headers))
        else:
            super().emit(topic, key, value, headers, partition)


def by_time(orders: Sequence[Decoded], changes: Sequence[Decoded]) -> list[Decoded]:
    """Both inputs as the engine merges them: the older head first, of equals the order."""
    left, right, merged = list(orders), list(changes), []
    while left or right:
        merged.append((left if left and (not right or left[0].time_ms <= right[0].time_ms) else right).pop(0))
    return merged


def insights(story: History, cuts: set[int], restarts: set[int], partitions: int, merge: Merge = by_time) -> dict[str, bytes]:
    """The latest record of every period, after the status fold and then the insights fold have gone through a story."""
    kept = fold(story, cuts, restarts, partitions, merge)
    return {(key or b"").decode(): value or b"" for partition in kept for topic, key, value in partition.emitted if topic == "insights"}


def fold(story: History, cuts: set[int], restarts: set[int], partitions: int, merge: Merge = by_time) -> list[Partition]:
    """The partitions of the insights fold after it has gone through what the status fold has published of a story."""
    book = PolicyBook()
    book.add(DEFAULT_KEY, 0, compiled(story.document))
    published = work(story.events, story.document, set(), set(), partitions)
    kept = [Partition(number) for number in range(partitions)]
    coming: dict[int, list[Line]] = defaultdict(list)
    for partition in kept:
        processor = start(book, partition, partitions)
        changes = [
            line(CHANGES, partition.number, key, value) for topic, key, value in published[partition.number].emitted if topic == CHANGES
        ]
        ours = [raw for raw in story.events if topic_of(raw) == "orders" and partition_of(key_of(raw), partitions) == partition.number]
        orders = [line("orders", partition.number, key_of(raw), json.dumps(raw).encode()) for raw in ours]
        batch = merge(*([processor.decode(one, WALL_MS) for one in lines] for lines in (orders, changes)))
        go_through(book, partition, partitions, batch, cuts, restarts)
        for number, key, value, _ in partition.sent:
            coming[number].append(line(SUMS, number, key, value))
    for partition in kept:
        processor = start(book, partition, partitions)
        go_through(book, partition, partitions, [processor.decode(one, WALL_MS) for one in coming[partition.number]], cuts, restarts)
    return kept


def start(book: PolicyBook, partition: Partition, partitions: int) -> InsightsProcessor:
    processor = InsightsProcessor(book, partition.number, partitions, TOPICS, 0, ERASING)
    processor.resume(partition.memo)
    return processor


def go_through(book: PolicyBook, kept: Partition, partitions: int, batch: list[Decoded], cuts: set[int], restarts: set[int]) -> None:
    processor = start(book, kept, partitions)
    ends = [*sorted(cut for cut in cuts if cut < len(batch)), len(batch)]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        if end in restarts:
            processor = start(book, kept, partitions)
        unit = Unit(kept)
        for _ in processor.fold(batch[begin:end], unit):
            pass
        processor.fire(unit, None, WALL_MS, 1_000)
        processor.finish(unit)
        unit.commit(processor.memo())


def line(topic: str, number: int, key: bytes | None, value: bytes | None) -> Line:
    return Line(topic, number, 0, 0, key, value)


def key_of(raw: dict[str, Any]) -> bytes:
    return f"{raw['source'].removeprefix('/shops/')}/{raw['subject']}".encode()


@settings(max_examples=100, deadline=None)
@given(stories(customers=4, contradict=True), CUTS, CUTS, st.integers(1, 5))
def test_batches_partitions_and_restarts_do_not_matter(story: History, cuts: set[int], restarts: set[int], partitions: int) -> None:
    expected = insights(story, set(), set(), 1)
    assert insights(story, cuts | restarts, restarts, partitions) == expected
    assume(expected)  # a story of nothing but erasures, say, tells nothing
    for event in map(json.loads, expected.values()):
        VALIDATORS[event["type"]].validate(event)


@settings(max_examples=60, deadline=None)
@given(stories(customers=3, contradict=False), st.integers(1, 3), st.randoms(use_true_random=False))
def test_it_does_not_matter_which_input_comes_first(story: History, partitions: int, dice: Any) -> None:
    story.events[:] = [raw for raw in story.events if raw["type"] != "customer.erased"]

    def anyhow(orders: Sequence[Decoded], changes: Sequence[Decoded]) -> list[Decoded]:
        left, right, merged = list(orders), list(changes), []
        while left or right:
            merged.append((left if left and (not right or dice.random() < 0.5) else right).pop(0))
        return merged

    assert insights(story, set(), set(), partitions, anyhow) == insights(story, set(), set(), 1)


@settings(max_examples=40, deadline=None)
@given(stories(customers=3, contradict=True), CUTS, st.integers(1, 3))
def test_an_erased_customer_is_in_no_state_and_his_counts_stay(story: History, cuts: set[int], partitions: int) -> None:
    """Everybody is erased at the end: what is left are sums, and marks without names."""
    end_ms = max(parse_ms(raw["time"]) for raw in story.events) + 1
    published = insights(story, cuts, set(), partitions)
    assume(published)  # a story of nothing but erasures, say, tells nothing
    before = json.loads(published["acme/now"])["data"]
    names = sorted({raw["subject"] for raw in story.events})
    for name in names:
        envelope = {"specversion": "1.0", "id": f"end-{name}", "source": "/shops/acme", "type": "customer.erased", "subject": name}
        story.events.append({**envelope, "time": format_time(end_ms), "data": {}})
    kept = fold(story, cuts, set(), partitions)
    records = {key: value for partition in kept for topic, key, value in partition.emitted if topic == "insights"}
    after = json.loads(records[b"acme/now"] or b"")["data"]
    assert after["counts"] == after["erased"] == before["counts"]
    assert {name: after[name] for name in before if name != "erased"} == {name: before[name] for name in before if name != "erased"}
    for partition in kept:
        for key, (state, _) in partition.states.items():
            assert not [name for name in names if f"/{name}".encode() in key or name.encode() in state], (key, state)
        assert not [name for name in names if name.encode() in json.dumps(partition.memo).encode()]

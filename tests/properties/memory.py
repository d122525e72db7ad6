"""The engine's part of a unit of work, in memory: a store with timers, outputs, and a log cut into batches and partitions."""

import json
from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from stream_app.codec.policy import read_policy
from stream_app.codec.state import decode_state, encode_facts
from stream_app.domain.evaluate import advance, reach
from stream_app.domain.ids import Who
from stream_app.domain.policy import Policy
from stream_app.domain.settle import Outcome
from stream_app.engine.fold import Headers
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.processor.marks import Erasing
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from stream_app.processor.status import StatusProcessor
from tests.oracle.days import parse_ms
from tests.properties.stories import topic_of

Emitted = tuple[str, bytes | None, bytes | None]
Sent = tuple[int, bytes | None, bytes | None, Headers]
ERASING = Erasing(b"the secret of these properties")
WALL_MS = parse_ms("2026-01-01T00:00:00Z")


@dataclass
class Line:
    """A record as the engine hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass
class Partition:
    """What survives a restart of one partition: states with their timers, the memo, what was published, and sent to other partitions."""

    number: int
    states: dict[bytes, tuple[bytes, int | None]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    emitted: list[Emitted] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


class MemoryUnit:
    """One unit of work over a `Partition` (`engine.fold.Unit`); nothing is kept until `commit`."""

    def __init__(self, kept: Partition) -> None:
        """Begin on what the last unit committed."""
        self.partition = kept.number
        self._kept = kept
        self._written: dict[bytes, tuple[bytes, int | None] | None] = {}
        self._emitted: list[Emitted] = []
        self._sent: list[Sent] = []
        self._timers: list[tuple[int, bytes]] = []
        for key, (_, deadline) in kept.states.items():
            if deadline is not None:
                insort(self._timers, (deadline, key))

    def read(self, key: bytes) -> bytes | None:
        """The state under `key`."""
        held = self._written[key] if key in self._written else self._kept.states.get(key)
        return held[0] if held else None

    def write(self, key: bytes, state: bytes | None, deadline_ms: int | None) -> None:
        """Store a state and its timer."""
        self._written[key] = None if state is None else (state, deadline_ms)
        self._timers = [timer for timer in self._timers if timer[1] != key]
        if state is not None and deadline_ms is not None:
            insort(self._timers, (deadline_ms, key))

    def erase(self, key: bytes) -> None:
        """Take a state and its timer away."""
        self.write(key, None, None)

    def due(self, timeline: str, until_ms: int, limit: int) -> list[tuple[int, bytes]]:
        """Consume the due timers of a shop."""
        mine = [timer for timer in self._timers if timer[0] <= until_ms and timer[1].split(b"/")[0] == timeline.encode()][:limit]
        self._timers = [timer for timer in self._timers if timer not in mine]
        return mine

    def next_due(self, timeline: str) -> int | None:
        """The earliest timer of a shop."""
        return min((deadline for deadline, key in self._timers if key.split(b"/")[0] == timeline.encode()), default=None)

    def timelines(self) -> Sequence[str]:
        """The shops with timers."""
        return sorted({key.split(b"/")[0].decode() for _, key in self._timers})

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes | None]]:
        """The next keys of a shop."""
        found = sorted(one for one in self._kept.states if one > key and one.startswith(prefix))
        return [(one, self.read(one)) for one in found[:limit]]

    def emit(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None) -> None:
        """Add an output; to other partitions go only derived events, for every record lies where it belongs."""
        if topic == REKEYED:
            assert partition is not None
            self._sent.append((partition, key, value, headers))
            return
        assert partition in (None, self.partition)
        assert topic == "dead-letters" or len(headers) == (value is not None)
        self._emitted.append((topic, key, value))

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Nothing is counted here."""

    def commit(self, memo: dict[str, Any]) -> None:
        """Keep everything; the memo travels as JSON, as in the marker."""
        for key, held in self._written.items():
            if held is None:
                self._kept.states.pop(key, None)
            else:
                self._kept.states[key] = held
        self._kept.memo = json.loads(json.dumps(memo))
        self._kept.emitted += self._emitted
        self._kept.sent += self._sent


def compiled(document: dict[str, Any]) -> Policy:
    """The policy as the worker holds it."""
    return _compiled(yaml.safe_dump(document))


@lru_cache(20)
def _compiled(text: str) -> Policy:
    return read_policy(text.encode(), "policy.yaml")[1]


Later = Sequence[tuple[int, int, dict[str, Any]]]
"""Policies that are published meanwhile: before which record of a partition (or -1: before the first that is not older), when, what."""


def work(  # the arguments are what property 2 says must not matter
    events: list[dict[str, Any]],
    document: dict[str, Any],
    cuts: set[int],
    restarts: set[int],
    partitions: int = 1,
    limit: int = 1000,
    later: Later = (),
    sweep: int = 0,
) -> list[Partition]:
    """Run a log through `partitions` processors to a watermark at its latest time, and sweep at last.

    Args:
        cuts: after how many records of a partition a unit of work ends; the last one ends where the log ends.
        restarts: the cuts at which the processor is thrown away and taken up again from what was committed.
        limit: how many customers with due deadlines a unit may begin.
        later: policies that come meanwhile.
        sweep: how many customers a unit may sweep on the way.
    """
    versions = [compiled(one) for _, _, one in later]
    kept = [Partition(number) for number in range(partitions)]
    latest = max(events, key=lambda raw: parse_ms(raw["time"]))["time"]
    logs: dict[int, list[Line]] = defaultdict(list)
    for raw in events:
        key = f"{raw['source'].removeprefix('/shops/')}/{raw['subject']}".encode()
        number = partition_of(key, partitions)
        logs[number].append(_line(raw, key, number, len(logs[number])))
    for partition in kept:
        shops = sorted({raw["source"] for raw in events})
        for shop in shops:
            mark = {"specversion": "1.0", "id": f"w-{shop}", "source": shop, "type": "watermark", "time": latest}
            logs[partition.number].append(_line(mark, b"", partition.number, len(logs[partition.number])))
        log = logs[partition.number]
        coming = [
            (
                next((n for n, line in enumerate(log) if line.timestamp >= from_ms), len(log)) if place < 0 else min(place, len(log)),
                from_ms,
                one,
            )
            for (place, from_ms, _), one in zip(later, versions, strict=True)
        ]
        book = PolicyBook()
        book.add(DEFAULT_KEY, 0, compiled(document))
        _work_through(book, partition, log, cuts, restarts, (partitions, limit, sweep), coming)
    return kept


def _line(raw: dict[str, Any], key: bytes, number: int, offset: int) -> Line:
    return Line(topic_of(raw), number, offset, parse_ms(raw["time"]), key, json.dumps(raw).encode())


def _work_through(
    book: PolicyBook,
    kept: Partition,
    log: list[Line],
    cuts: set[int],
    restarts: set[int],
    sizes: tuple[int, int, int],
    coming: list[tuple[int, int, Policy]],
) -> None:
    partitions, limit, sweep = sizes
    processor = StatusProcessor(book, kept.number, partitions, 0, REKEYED, ERASING)
    processor.resume({})
    known = {place for place, _, _ in coming}
    ends = sorted({cut for cut in cuts | known if 0 < cut < len(log)} | {len(log)})
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        for place, from_ms, policy in coming:
            if place == begin:
                book.add(DEFAULT_KEY, from_ms, policy)
        bound = log[end].timestamp if end < len(log) else None
        unit = MemoryUnit(kept)
        list(processor.fold([processor.decode(line, WALL_MS) for line in log[begin:end]], unit))
        fired = processor.fire(unit, bound, None, limit)
        while fired >= limit:
            processor.finish(unit)
            unit.commit(processor.memo())
            unit = MemoryUnit(kept)
            fired = processor.fire(unit, bound, None, limit)
        if sweep:
            processor.sweep(unit, sweep)
        processor.finish(unit)
        unit.commit(processor.memo())
        if end in restarts:
            processor = StatusProcessor(book, kept.number, partitions, 0, REKEYED, ERASING)
            processor.resume(kept.memo)
    while processor.sweeping() is not None:
        unit = MemoryUnit(kept)
        processor.fire(unit, None, None, 1_000_000)
        processor.sweep(unit, sweep or 1_000)
        processor.finish(unit)
        unit.commit(processor.memo())


def published(kept: list[Partition]) -> dict[tuple[str, str], list[bytes]]:
    """What was published, in order, per topic and key; without the interim profiles, whose moments do depend on the batches."""
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for partition in kept:
        for topic, key, value in partition.emitted:
            if topic != "customer-profiles":
                found[topic, (key or b"").decode()].append(value or b"")
    return dict(found)


def facts_at(kept: Partition, document: dict[str, Any], time_ms: int) -> dict[bytes, bytes]:
    """The stored facts of every customer, once his clock is at `time_ms`: the window of the measures moves with the clock."""
    policy, found = compiled(document), {}
    for key, (encoded, _) in kept.states.items():
        state = decode_state(encoded)
        if state.deadline_ms is not None and state.deadline_ms <= time_ms:  # made by an event that came after the watermark
            advance(Who("", ""), state, time_ms, policy, Outcome())
        reach(state, time_ms, policy)
        found[key] = encode_facts(state)
    return found

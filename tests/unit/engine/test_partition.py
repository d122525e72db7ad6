"""A partition's runtime with the toy processor, a real store and an in-memory log in place of Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord, TopicPartition

from stream_app.engine.pace import Pace, Slices
from stream_app.engine.partition import PartitionRuntime
from stream_app.engine.stores.marker import MARKER_KEY, decode_marker
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.topology import Topology
from stream_app.engine.transactions.producer import Outputs
from stream_app.engine.unit import Output
from stream_app.errors import UnitError
from stream_app.settings import Settings, load_settings
from stream_app.telemetry.metrics import Metrics
from tests.toy import OUTPUT, Event, ToyProcessor

PAST_MS = 1_600_000_000_000
IDS = {"p-orders": "cluster/one", "p-contacts": "cluster/other"}


class LogProducer:
    """A `UnitProducer` that keeps what is committed; `gate` holds commits back, `broken` makes them fail."""

    def __init__(self) -> None:
        self.units: list[tuple[Mapping[TopicPartition, int], Outputs, Sequence[Output]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False
        self.running = 0
        self.running_max = 0
        self.offset = 0
        self.look_after_s: float | None = None
        self.looks = 0
        self._looks_at: float | None = None

    async def start(self) -> None:
        """Nothing to fence."""

    async def commit(self, offsets: Mapping[TopicPartition, int], outputs: Outputs, changelog: Sequence[Output]) -> int:
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        await self.gate.wait()
        self.running -= 1
        if self.broken:
            raise UnitError("broken on purpose")
        self.units.append((offsets, outputs, changelog))
        self.offset += len(changelog)
        self._looks_at = None if self.look_after_s is None else time.monotonic() + self.look_after_s
        return self.offset

    def look_at(self) -> float | None:
        return self._looks_at

    async def look(self) -> None:
        self.looks += 1
        self._looks_at = None
        if self.broken:
            raise UnitError("not to be seen")

    async def stop(self) -> None:
        """Nothing to close."""

    def causes(self) -> list[str]:
        return [
            msgspec.json.decode(value or b"")["cause"]
            for _, outputs, _ in self.units
            for records in outputs.values()
            for _, value, _ in records
        ]


class Rig:
    """One partition, ready to work."""

    def __init__(self, settings: Settings) -> None:
        self.topology = Topology(app_id="app", table="toy", inputs=("orders", "contacts"), outputs=(OUTPUT,), prefix="p-", partitions=1)
        self.store = MemoryStore()
        self.producer = LogProducer()
        self.errors: list[BaseException] = []
        self.offsets = {"p-orders": 0, "p-contacts": 0}
        self.runtime = PartitionRuntime(
            0,
            self.topology,
            settings,
            ToyProcessor(0, 1),
            self.store,
            self.producer,
            Metrics(),
            self.errors.append,
            asyncio.Lock(),
            Pace(0),
            Slices(),
            IDS,
        )
        self.runtime.seek(self.offsets.copy())

    def say(self, topic: str, *events: Event, lag: int = 0, of_many: bool = False) -> None:
        """Events arrive, each of a customer of its own if `of_many`; `lag` more are known to be on the broker."""
        entry = self.runtime.input(topic)
        first = self.offsets[topic]
        records: list[Any] = [
            ConsumerRecord(topic, 0, first + index, event.t, 0, key, msgspec.json.encode(event), None, 1, 1, ())
            for index, event in enumerate(events)
            for key in [f"shop/{event.id}".encode() if of_many else b"shop/1"]
        ]
        self.offsets[topic] += len(records)
        entry.fetched = self.offsets[topic]
        entry.end = entry.fetched + lag
        if records:
            entry.under_way += 1
            self.runtime.deliver(topic, records)


async def until(condition: Callable[[], object], limit_s: float = 5.0) -> None:
    """Poll until `condition` holds."""
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends, "the condition did not come true in time"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def rig(tmp_path: Path, **given: Any) -> AsyncIterator[Rig]:
    made = Rig(load_settings(data_dir=tmp_path, store="memory", merge_wait_ms=200, batch_wait_ms=0, **given))
    made.runtime.start()
    try:
        yield made
    finally:
        made.producer.gate.set()
        await made.runtime.quiesce()
        await made.runtime.stop()


def event(number: int, patience: int | None = None, at_ms: int = PAST_MS) -> Event:
    return Event(f"e{number}", at_ms + number, 1, patience)


async def test_a_unit_holds_outputs_states_marker_and_offsets(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts", event(1), event(4))
        it.say("p-orders", event(2))
        await until(lambda: len(it.producer.causes()) == 3)
        assert it.producer.causes() == ["e1", "e2", "e4"]
        offsets: dict[TopicPartition, int] = {}
        for moved, outputs, changelog in it.producer.units:
            offsets |= moved
            assert set(outputs) == {("p-" + OUTPUT, None)}
            assert [key for key, _, _ in changelog] == [b"shop/1", MARKER_KEY]
        assert offsets == {TopicPartition("p-orders", 0): 1, TopicPartition("p-contacts", 0): 2}
        marker = decode_marker(it.store.marker or b"")
        assert marker.offsets == {"p-orders": 1, "p-contacts": 2}
        assert marker.memo == {"stream_ms": PAST_MS + 4}
        assert marker.topic_ids == IDS
        assert it.store.offset == it.producer.offset


async def test_the_store_is_written_only_after_the_commit(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.producer.gate.clear()
        it.say("p-orders", event(1))
        await until(lambda: it.producer.running == 1)
        it.say("p-orders", event(2))
        await asyncio.sleep(0.05)
        assert (it.store.get(b"shop/1"), it.producer.running) == (None, 1)
        it.producer.gate.set()
        await until(lambda: len(it.producer.units) == 2)
        assert it.producer.running_max == 1, "units of one partition come strictly one after another"
        assert it.store.get(b"shop/1") is not None


async def test_a_failed_commit_is_fatal_and_leaves_the_store_alone(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.producer.broken = True
        it.say("p-orders", event(1))
        await until(lambda: it.errors)
        assert isinstance(it.errors[0], UnitError)
        assert (it.store.get(b"shop/1"), it.store.offset) == (None, None)


async def test_an_input_with_lag_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts", lag=1)
        it.say("p-orders", event(2))
        began = time.monotonic()
        await until(lambda: it.producer.units)
        assert time.monotonic() - began >= 0.15
        assert it.producer.causes() == ["e2"]


async def test_quiesce_lets_the_running_unit_end_and_begins_no_other(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.producer.gate.clear()
        it.say("p-orders", event(1))
        await until(lambda: it.producer.running == 1)
        quiet = asyncio.create_task(it.runtime.quiesce())
        it.say("p-orders", event(2))
        await asyncio.sleep(0.02)
        assert not quiet.done()
        it.producer.gate.set()
        await quiet
        await asyncio.sleep(0.05)
        assert it.producer.causes() == ["e1"]
        it.runtime.seek({"p-orders": 1, "p-contacts": 0})
        it.offsets["p-orders"] = 1
        it.runtime.start()
        with pytest.raises(AssertionError, match="a running partition"):
            it.runtime.seek({"p-orders": 0, "p-contacts": 0})
        it.say("p-contacts")
        it.say("p-orders", event(2))
        await until(lambda: len(it.producer.units) == 2)
        assert it.producer.causes() == ["e1", "e2"]


async def test_wall_clock_deadlines_fire_only_when_nothing_is_unread(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.say("p-orders", event(1, patience=10), lag=1)
        await until(lambda: it.producer.causes() == ["e1"])
        it.runtime.tick(int(time.time() * 1000))
        await asyncio.sleep(0.1)
        assert it.producer.causes() == ["e1"], "an order that is still unread may keep the customer active"
        it.say("p-orders")
        it.runtime.tick(int(time.time() * 1000))
        await until(lambda: it.producer.causes() == ["e1", "silence"])


async def test_an_idle_tick_without_due_deadlines_commits_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.say("p-orders", event(1, patience=10**6, at_ms=int(time.time() * 1000)))
        await until(lambda: it.producer.units)
        for _ in range(5):
            it.runtime.tick(int(time.time() * 1000))
            await asyncio.sleep(0.01)
        assert len(it.producer.units) == 1


@pytest.mark.parametrize("memo", [{}, {"stream_ms": 5}])
async def test_the_processor_takes_its_memo_back(memo: dict[str, int]) -> None:
    processor = ToyProcessor(0, 1)
    processor.resume(memo)
    assert processor.memo() == {"stream_ms": memo.get("stream_ms", 0)}


async def test_no_more_is_fetched_than_a_unit_holds(tmp_path: Path) -> None:
    async with rig(tmp_path, unit_records_max=5) as it:
        it.say("p-contacts")
        it.producer.gate.clear()
        it.say("p-orders", event(1))
        await until(lambda: it.producer.running == 1)
        entry = it.runtime.input("p-orders")
        delivered = 1
        while it.runtime.wants(entry):
            it.say("p-orders", *(event(delivered + n) for n in range(1, 4)), lag=100)
            delivered += 3
            assert delivered < 50, "there must be an end of it"
        assert 5 <= len(entry) < 5 + 3, "a unit, and the record batch that crossed the line"
        assert it.runtime.wants(it.runtime.input("p-contacts")), "each input has room of its own"
        entry.end = entry.fetched
        it.producer.gate.set()
        await until(lambda: len(it.producer.causes()) == delivered)
        assert it.producer.causes() == [f"e{n}" for n in range(1, delivered + 1)]
        await until(lambda: it.runtime.wants(entry))


async def test_a_record_batch_under_way_is_waited_for(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        entry = it.runtime.input("p-orders")
        assert it.runtime.wants(entry)
        entry.under_way += 1
        assert not it.runtime.wants(entry)
        entry.under_way -= 1
        await it.runtime.quiesce()
        assert not it.runtime.wants(entry), "what is stopped asks for nothing"

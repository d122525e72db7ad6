"""The client's thread: a fetch and a seek do not cross, and a recovery that a rebalance has overtaken resumes nothing."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP

from stream_app.engine.fetched import FetchedRecord
from stream_app.engine.host.transport import Arrived, Consumer, ConsumerThread, _lighten
from stream_app.engine.stream import Engine
from stream_app.engine.transactions.batches import pack
from stream_app.engine.unit import Output
from tests.simulator.member import Below

ORDERS = TP("orders", 0)


class Client:
    """As much of aiokafka's consumer as the thread looks at: one partition without an end, handed out three records a time."""

    def __init__(self) -> None:
        self.position = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuses: Exception | None = None
        self._fetcher = self
        self._records: dict[TP, Any] = {}
        self._subscription = SimpleNamespace(fetch_context=nullcontext, subscription=None)
        self._coordinator = SimpleNamespace(member_id="member")

    async def fetched_records(self, wanted: frozenset[TP], timeout: float) -> dict[TP, list[int]]:
        await self.gate.wait()
        if self.refuses is not None:
            raise self.refuses
        self.position += 3
        return {tp: list(range(self.position - 3, self.position)) for tp in wanted}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.position = offset

    def pause(self, *tps: TopicPartition) -> None:
        """Nothing to pause."""


class Thread(ConsumerThread):
    """The thread without Faust around it."""

    def __init__(self, engine: Any, client: Client) -> None:
        self._turn = asyncio.Lock()
        self.consumer: Any = SimpleNamespace(flow_active=True, app=SimpleNamespace(engine=engine))
        self._client: Any = client
        self.gate = asyncio.Event()
        self.gate.set()

    def _ensure_consumer(self) -> Any:
        return self._client

    async def call_thread(self, fun: Any, *args: Any, **_: Any) -> Any:
        await self.gate.wait()
        return await fun(*args)


class Alone(Consumer, Below):
    """The consumer without Faust around it."""


async def test_a_fetch_of_an_epoch_that_is_over_takes_nothing_from_the_client() -> None:
    engine, client = SimpleNamespace(epoch=1), Client()
    thread = Thread(engine, client)
    wanted = frozenset({ORDERS})
    assert (await thread.arrive(wanted, frozenset(), 1)).batches == {ORDERS: [0, 1, 2]}
    engine.epoch = 2
    await thread.place({ORDERS: 1}, frozenset())
    assert (await thread.arrive(wanted, frozenset(), 1)).batches == {}, "it was asked for before the seek, and comes after it"
    assert (await thread.arrive(wanted, frozenset(), 2)).batches == {ORDERS: [1, 2, 3]}


async def test_a_seek_waits_for_the_fetch_that_is_under_way() -> None:
    engine, client = SimpleNamespace(epoch=1), Client()
    thread = Thread(engine, client)
    client.gate.clear()
    fetch: asyncio.Task[Arrived] = asyncio.create_task(thread.arrive(frozenset({ORDERS}), frozenset(), 1))
    await asyncio.sleep(0)
    engine.epoch = 2
    seek = asyncio.create_task(thread.place({ORDERS: 1}, frozenset()))
    await asyncio.sleep(0)
    client.gate.set()
    await asyncio.gather(fetch, seek)
    assert client.position == 1, "what the fetch of the old epoch takes is dropped; the seek has the last word"


@pytest.mark.parametrize("refusal", [NoOffsetForPartitionError(ORDERS), OffsetOutOfRangeError({ORDERS: 7})])
async def test_what_the_group_knows_of_a_position_matters_to_nobody(refusal: Exception) -> None:
    """A fetch that has waited for a rebalance to pass meets the group's offsets, before the seek to the marker's."""
    engine, client = SimpleNamespace(epoch=1), Client()
    thread = Thread(engine, client)
    client.gate.clear()
    fetch: asyncio.Task[Arrived] = asyncio.create_task(thread.arrive(frozenset({ORDERS}), frozenset(), 1))
    await asyncio.sleep(0)
    engine.epoch, client.refuses = 2, refusal
    client.gate.set()
    assert (await fetch).batches == {}
    with pytest.raises(type(refusal)):
        await thread.arrive(frozenset({ORDERS}), frozenset(), 2)  # after a seek it is true


@pytest.mark.parametrize("begins", ["before the seek", "within the seek"])
async def test_a_takeover_that_a_rebalance_has_overtaken_resumes_nothing(engine: Engine, begins: str) -> None:
    engine.process = SimpleNamespace(name="w0")  # type: ignore[attr-defined]
    thread = Thread(engine, Client())
    consumer = Alone(engine, thread)  # type: ignore[arg-type]
    assigned = {ORDERS, TP(engine.topology.changelog, 0)}
    await consumer.on_partitions_revoked(set())
    await consumer.on_partitions_assigned(assigned, 1)
    await engine.take_over(assigned)
    if begins == "before the seek":
        await consumer.on_partitions_revoked(assigned)
    thread.gate.clear()
    overtaken = asyncio.create_task(consumer.perform_seek())
    await asyncio.sleep(0)
    if begins == "within the seek":
        await consumer.on_partitions_revoked(assigned)
    again = asyncio.create_task(consumer.on_partitions_assigned(assigned, 2))
    await asyncio.sleep(0)
    thread.gate.set()
    await asyncio.gather(overtaken, again)
    assert not engine.ready, "the next takeover asks the partitions where they stand, and they must stand still"
    await engine.take_over(assigned)
    await consumer.perform_seek()
    assert engine.ready


async def test_a_fetched_record_says_what_aiokafka_s_own_says() -> None:
    sent: list[Output] = [(b"a", b"1", (("h", b"x"), ("n", None))), (None, None, ()), (b"c", b"3" * 70_000, ())]
    (batch,) = [batch async for batch in pack(sent, 1_700_000_000_000)]
    made = []
    for light in (True, False):
        log = PartitionRecords(ORDERS, MemoryRecords(bytes(batch._build())), None, 0, None, None, True, READ_UNCOMMITTED)
        place = SimpleNamespace(paused=False, position=0, consumed_to=lambda _: None)
        assignment = SimpleNamespace(active=True, state_value=lambda _, at=place: at)
        result = FetchResult(ORDERS, assignment=assignment, partition_records=log, backoff=0)
        if light:
            _lighten(SimpleNamespace(_records={ORDERS: result}), frozenset({ORDERS}))
        made.append(result.getall())
    ours, theirs = made
    assert {type(record) for record in ours} == {FetchedRecord}
    for name in ("topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value"):
        assert [getattr(record, name) for record in ours] == [getattr(record, name) for record in theirs]
    assert [tuple(record.headers) for record in ours] == [record.headers for record in theirs] == [headers for _, _, headers in sent]

"""The way to Kafka: what comes together goes together, in order, and what a broker refuses is never called stored."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from stream_app.codec.changes import HEADERS
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.errors import BrokerUnavailableError
from stream_app.feed import Entry
from stream_app.worker.outbox import Outbox

PARTITIONS = 4
BATCH_RECORDS = 3


class Batch:
    """Holds three records."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def append(self, *, timestamp: int, key: bytes, value: bytes, headers: Any) -> object | None:
        if len(self.records) == BATCH_RECORDS:
            return None
        self.records.append(value)
        return self

    def close(self) -> None:
        pass

    def record_count(self) -> int:
        return len(self.records)


class Kafka:
    """Takes batches, and says that they are stored when it is let."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[bytes], asyncio.Future[None]]] = []
        self.connections = 0
        self.refuses: type[Exception] | None = None
        self.is_open = True
        self.came = asyncio.Event()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple["Kafka", Mapping[str, int]]]:
        self.connections += 1
        yield self, {"orders": PARTITIONS, "contacts": PARTITIONS}

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        self.sent.append((topic, partition, batch.records, done))
        self.came.set()
        if self.refuses is not None:
            done.set_exception(self.refuses())
        elif self.is_open:
            done.set_result(None)
        return done

    def let(self) -> None:
        """Store what has come so far, and what comes."""
        self.is_open = True
        for *_, done in self.sent:
            if not done.done():
                done.set_result(None)


def entry(number: int, customer: str = "c", **more: Any) -> Entry:
    return Entry("orders", f"acme/{customer}".encode(), b"%d" % number, HEADERS, 1_000, **more)


@asynccontextmanager
async def outbox(kafka: Kafka, patience_s: float = 5.0) -> AsyncIterator[tuple[Outbox, list[int]]]:
    seen: list[int] = []
    box = Outbox(kafka.connect, lambda name: f"t-{name}", lambda records, _: seen.append(records), patience_s)
    await box.start()
    try:
        yield box, seen
    finally:
        await box.stop()


async def test_requests_that_come_together_share_batches_and_keep_their_order() -> None:
    kafka = Kafka()
    async with outbox(kafka) as (box, seen):
        await asyncio.gather(*(box.append([entry(number)]) for number in range(7)))
        assert box.waiting_bytes == 0
    assert [values for _, _, values, _ in kafka.sent] == [[b"0", b"1", b"2"], [b"3", b"4", b"5"], [b"6"]]
    assert {(topic, partition) for topic, partition, *_ in kafka.sent} == {("t-orders", partition_of(b"acme/c", PARTITIONS))}
    assert seen == [3, 3, 1]


async def test_what_comes_while_a_batch_is_under_way_waits_for_it() -> None:
    kafka = Kafka()
    kafka.is_open = False
    async with outbox(kafka) as (box, _):
        first = asyncio.create_task(box.append([entry(0)]))
        await asyncio.wait_for(kafka.came.wait(), 5)
        rest = [asyncio.create_task(box.append([entry(number)])) for number in (1, 2)]
        done, _ = await asyncio.wait([first, *rest], timeout=0.1)
        assert not done
        assert len(kafka.sent) == 1
        assert box.waiting_bytes > 600
        kafka.let()
        await asyncio.gather(first, *rest)
        assert [values for _, _, values, _ in kafka.sent] == [[b"0"], [b"1", b"2"]]


async def test_a_request_is_answered_when_its_part_for_every_partition_is_stored() -> None:
    kafka = Kafka()
    kafka.is_open = False
    customers = [f"c-{number}" for number in range(20)]
    async with outbox(kafka) as (box, _):
        asked = asyncio.create_task(box.append([entry(number, customer) for number, customer in enumerate(customers)]))
        async with asyncio.timeout(5):
            while len(kafka.sent) < PARTITIONS:
                await asyncio.sleep(0.005)
        for *_, done in kafka.sent[1:]:
            done.set_result(None)
        await asyncio.wait([asked], timeout=0.1)
        assert not asked.done(), "one partition has not answered"
        kafka.let()
        await asked
    placed = {value: partition for _, partition, values, _ in kafka.sent for value in values}
    assert placed == {b"%d" % number: partition_of(f"acme/{customer}".encode(), PARTITIONS) for number, customer in enumerate(customers)}


async def test_a_watermark_goes_to_every_partition() -> None:
    kafka = Kafka()
    async with outbox(kafka) as (box, _):
        await box.append([entry(1, is_everywhere=True)])
    assert sorted(partition for _, partition, *_ in kafka.sent) == list(range(PARTITIONS))


async def test_what_is_refused_is_not_called_stored_and_a_new_producer_takes_what_comes() -> None:
    kafka = Kafka()
    kafka.refuses = MessageSizeTooLargeError
    async with outbox(kafka) as (box, seen):
        many = [entry(number) for number in range(5)]
        with pytest.raises(BrokerUnavailableError):
            await box.append(many)  # two batches, of which the first is refused
        assert box.waits_for() == "the connection to Kafka"
        kafka.refuses = None
        await box.append([entry(9)])
        assert kafka.connections == 2
        assert box.waits_for() is None
        assert (seen, box.waiting_bytes) == ([1], 0)
    assert [values for _, _, values, _ in kafka.sent] == [[b"0", b"1", b"2"], [b"9"]]


async def test_patience_ends_but_what_waits_is_still_stored() -> None:
    kafka = Kafka()
    kafka.is_open = False
    async with outbox(kafka, patience_s=0.05) as (box, seen):
        with pytest.raises(BrokerUnavailableError):
            await box.append([entry(1)])
        assert box.waiting_bytes > 0, "it takes room until it is known to be stored"
        kafka.let()
        async with asyncio.timeout(5):
            while box.waiting_bytes:
                await asyncio.sleep(0.005)
        assert seen == [1]


async def test_what_waits_is_stored_before_the_end() -> None:
    kafka = Kafka()
    async with outbox(kafka) as (box, seen):
        asked = asyncio.create_task(box.append([entry(1)]))
        await asyncio.sleep(0)
    await asked
    assert seen == [1]


async def test_nothing_is_stored_at_once() -> None:
    kafka = Kafka()
    async with outbox(kafka) as (box, _):
        await box.append([])
    assert kafka.sent == []

"""aiokafka's producer and consumer, as far as the product calls them, on the simulated broker."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.protocol.offset import OffsetRequest

from stream_app.engine.topic_ids import TopicIdsRequest
from tests.simulator.broker import Attempt, Broker, Transactional
from tests.simulator.log import Entry, Log, Sent
from tests.simulator.loop import OWNER
from tests.simulator.worker import WorkerProcess


def _process() -> WorkerProcess:
    owner = OWNER.get()
    assert isinstance(owner, WorkerProcess)
    return owner


class Metadata:
    """What the broker says of a record."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


class Batch:
    """A record batch."""

    def __init__(self, sent: Sequence[Sent]) -> None:
        self.sent = sent

    def record_count(self) -> int:
        return len(self.sent)


async def pack(records: Sequence[Sent], timestamp_ms: int) -> AsyncIterator[Batch]:
    """As the engine's own, but that a batch is full after so many records."""
    size = _process().batch_records
    for first in range(0, len(records), size):
        yield Batch(records[first : first + size])


class SimConnections:
    """A producer's `AIOKafkaClient`: it is asked for the ids of topics, and for the last stable offset of one partition."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.cluster = self

    def leader_for_partition(self, tp: TopicPartition) -> int:
        return 0

    def get_random_node(self) -> int:
        return 0

    async def send(self, node: int, request: OffsetRequest | TopicIdsRequest) -> Any:
        if isinstance(request, TopicIdsRequest):
            return SimpleNamespace(cluster_id="sim", topics=[(0, topic, 0, 1 + number) for number, topic in enumerate(request.topics)])
        ((topic, ((partition, _),)),) = request._topics
        stable = await self._broker.ask("ends", self._broker.logs[topic, partition].stable)
        return SimpleNamespace(topics=[(topic, [(partition, 0, -1, stable)])])


class SimProducer:
    """`AIOKafkaProducer` with a transactional id."""

    def __init__(self, *, client_id: str, transactional_id: str, transaction_timeout_ms: int, **_: Any) -> None:
        self._process = _process()
        self._broker: Broker = self._process.broker
        self.client = SimConnections(self._broker)
        self._name = transactional_id
        self._partition = int(client_id.rpartition("-")[2])
        self._timeout_s = transaction_timeout_ms / 1000
        self._entry: Transactional | None = None
        self._epoch = -1
        self._attempt: Attempt | None = None
        self._sending: dict[Log, asyncio.Future[Any]] = {}

    async def start(self) -> None:
        self._entry, self._epoch = await self._broker.ask("start", lambda: self._broker.init(self._name, self._process, self._partition))

    async def stop(self) -> None:
        await asyncio.sleep(0)

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(self._broker.partitions[topic]))

    async def begin_transaction(self) -> None:
        self._attempt = self._process.begin(self._partition)

    async def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, int], group_id: str) -> None:
        entry, attempt = self._open()
        await self._broker.ask("offsets", lambda: self._broker.join(entry, self._epoch, None, attempt, self._timeout_s))

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Metadata]:
        return self._send(batch.sent, self._broker.logs[topic, partition])

    async def send(self, topic: str, value: bytes | None, *, key: bytes | None, partition: int) -> asyncio.Future[Metadata]:
        return self._send([(key, value, ())], self._broker.logs[topic, partition])

    async def commit_transaction(self) -> None:
        await self._end(commit=True)
        self._process.committed(self._partition)

    async def abort_transaction(self) -> None:
        await self._end(commit=False)
        self._process.aborted(self._partition)

    async def _end(self, *, commit: bool) -> None:
        entry, _ = self._open()

        def told() -> None:
            entry.is_answered = True

        await self._broker.ask("commit", lambda: self._broker.end(entry, self._epoch, commit=commit), told)

    def _open(self) -> tuple[Transactional, Attempt]:
        assert self._entry is not None
        assert self._attempt is not None
        return self._entry, self._attempt

    def _send(self, sent: Sequence[Sent], log: Log) -> asyncio.Future[Metadata]:
        """Send one batch after the other to one partition, as the client does."""
        before = self._sending.get(log)
        after = asyncio.ensure_future(self._send_after(before, sent, log))
        self._sending[log] = after
        return after

    async def _send_after(self, before: asyncio.Future[Any] | None, sent: Sequence[Sent], log: Log) -> Metadata:
        if before is not None and not before.done():
            await asyncio.wait([before])
        entry, attempt = self._open()
        produce = self._broker.produce
        first = await self._broker.ask("produce", lambda: produce(entry, self._epoch, log, sent, attempt, self._timeout_s))
        return Metadata(first)


class SimReader:
    """`AIOKafkaConsumer` without a group: what a takeover reads with."""

    def __init__(self, *, isolation_level: str, **_: Any) -> None:
        self._process = _process()
        self._broker: Broker = self._process.broker
        self._is_committed = isolation_level == "read_committed"
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        await self._broker.ask("ends", lambda: None)

    async def stop(self) -> None:
        await asyncio.sleep(0)

    def assign(self, tps: Sequence[TopicPartition]) -> None:
        self._positions = dict.fromkeys(tps, 0)

    def pause(self, *tps: TopicPartition) -> None:
        """What is not asked for is not fetched here anyway."""

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        def ends() -> dict[TopicPartition, int]:
            logs = self._broker.logs
            return {tp: logs[tp].stable() if self._is_committed else logs[tp].end for tp in tps}

        found: dict[TopicPartition, int] = await self._broker.ask("ends", ends)
        return found

    async def beginning_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = await self._broker.ask("ends", lambda: {tp: self._broker.logs[tp].begin for tp in tps})
        return found

    async def getmany(self, *tps: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Entry]]:
        def read() -> dict[TopicPartition, tuple[list[Entry], int]]:
            limit = min(max_records, self._process.read_records)
            return {tp: self._broker.logs[tp].read(self._positions[tp], limit) for tp in sorted(tps)}

        found: dict[TopicPartition, tuple[list[Entry], int]] = await self._broker.ask("read", read)
        if all(position == self._positions[tp] for tp, (_, position) in found.items()):
            await asyncio.sleep(timeout_ms / 1000)
        for tp, (_, position) in found.items():
            self._positions[tp] = position
        return {tp: records for tp, (records, _) in found.items() if records}


class _Place:
    """How far a client is with one partition."""

    def __init__(self) -> None:
        self.has_valid_position = False
        self.position = 0
        self.lso: int | None = None
        self.timestamp: int | None = None


class SimClient:
    """`AIOKafkaConsumer` in a group, with the inner parts of it that the product's transport looks at."""

    def __init__(self, process: WorkerProcess) -> None:
        self._broker: Broker = process.broker
        self._places: dict[tuple[str, int], _Place] = {}
        self._fetcher = self._subscription = self.subscription = self.assignment = self
        self._records: dict[tuple[str, int], Any] = {}

    def fetch_context(self) -> AbstractContextManager[None]:
        return nullcontext()

    def state_value(self, tp: tuple[str, int]) -> _Place | None:
        return self._places.get(tp)

    def seek(self, tp: tuple[str, int], offset: int) -> None:
        place = self._places[tp] = _Place()
        place.position, place.has_valid_position = offset, True

    def pause(self, *_: Any) -> None:
        """Changelogs are never asked for here."""

    async def fetched_records(self, wanted: Iterable[Any], timeout: float) -> dict[Any, list[Entry]]:
        """What has arrived of some partitions; some answers come later than others, and some records come again."""
        broker, rng = self._broker, self._broker.rng
        asked = [(tp, self._places[tp]) for tp in sorted(wanted) if tp in self._places and rng.random() < 0.8]
        limit = rng.choice((1, 3, 10, 40))

        def read() -> list[tuple[Any, _Place, int, list[Entry], int, int]]:
            logs = broker.logs
            found = [(tp, self._places[tp]) for tp, _ in asked]
            return [(tp, place, place.position, *logs[tp].read(place.position, limit), logs[tp].stable()) for tp, place in found]

        try:
            async with asyncio.timeout(timeout):
                answers = await broker.ask("fetch", read)
        except TimeoutError:
            return {}
        batches: dict[Any, list[Entry]] = {}
        for tp, place, begin, records, position, stable in answers:
            if self._places[tp] is not place or place.position != begin:
                continue  # a seek came between
            place.position, place.lso, place.timestamp = position, stable, broker.now_ms()
            if not records and rng.random() < 0.05:
                records = self._seen_before(tp, position)  # noqa: PLW2901
            if records:
                batches[tp] = records
        if not batches:
            await asyncio.sleep(rng.uniform(0.005, 0.15))
        return batches

    def _seen_before(self, tp: Any, position: int) -> list[Entry]:
        """Records that were delivered before: a client may read a record batch from its first record on."""
        records, _ = self._broker.logs[tp].read(max(0, position - 3), 3)
        again = [record for record in records if record.offset < position]
        if again:
            self._broker.faults.count("delivered again")
        return again

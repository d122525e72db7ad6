"""Records to the input topics, a record batch a partition at a time."""

import asyncio
from collections import deque
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from stream_app.codec.changes import HEADERS
from stream_app.codec.times import format_time
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import input_partitions

KEYS_REMEMBERED_MAX: Final = 2_000_000
OPTIONS: Final[dict[str, Any]] = {"linger_ms": 0, "compression_type": "lz4", "max_batch_size": 512 << 10, "max_request_size": 4 << 20}
"""Of the producer that a `Sender` sends with."""

_HASHES = 2**31  # what Kafka's partitioner keeps of murmur2
_IN_FLIGHT = 64

Headers = list[tuple[str, bytes]]


def watermark_of(shop: str, time_ms: int) -> bytes:
    """The event that nothing of a shop before `time_ms` will follow."""
    at = format_time(time_ms)
    event = {"specversion": "1.0", "id": f"watermark-{at}", "source": f"/shops/{shop}", "type": "watermark", "time": at, "data": {}}
    return msgspec.json.encode(event)


class Sender:
    """Fills one record batch a partition, and sends it when it is full: five times as fast as sending records."""

    def __init__(self, client: AIOKafkaProducer, settings: Settings, *, gapless: bool = False) -> None:
        """With `gapless` a partition's next batch waits until the one before is stored, so that a failure leaves no hole behind it."""
        self._gapless = gapless
        self._latest: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._client = client
        self._settings = settings
        self._counts: dict[str, int] = {}
        self._open: dict[tuple[str, int], Any] = {}
        self._partitions: dict[bytes, int] = {}
        self._pending: deque[asyncio.Future[Any]] = deque()
        self._next = 0

    async def connect(self) -> None:
        """Learn how many partitions the input topics have."""
        self._counts = await input_partitions(self._client, self._settings)

    def partition(self, name: str, key: bytes | None) -> int:
        """The partition of a key; without a key the partitions take turns."""
        if key is None:
            self._next += 1
            number = self._next
        else:
            found = self._partitions.get(key)
            if found is None:
                if len(self._partitions) >= KEYS_REMEMBERED_MAX:
                    self._partitions.clear()
                # The full hash: murmur2 costs five times all the rest, and both topics need it.
                found = self._partitions[key] = partition_of(key, _HASHES)
            number = found
        return number % self._counts[name]

    def partitions(self, name: str) -> range:
        """Every partition of an input topic."""
        return range(self._counts[name])

    async def send(self, name: str, key: bytes | None, value: bytes, timestamp_ms: int) -> None:
        """Add a record to the batch of its key's partition."""
        await self.append(name, self.partition(name, key), key, value, timestamp_ms)

    async def everywhere(self, key: bytes | None, value: bytes, timestamp_ms: int) -> None:
        """Add a record to every partition of `orders`."""
        for partition in self.partitions("orders"):
            await self.append("orders", partition, key, value, timestamp_ms)

    async def flush(self) -> None:
        """Send what is open, and wait until all is stored."""
        for target in list(self._open):
            await self._send(target)
        while self._pending:
            await self._pending.popleft()

    async def stored(self) -> dict[tuple[str, int], int]:
        """Of each partition the offset of the first record of the batch that was sent last; after `flush`."""
        return {target: (await sent).offset for target, sent in self._latest.items()}

    async def append(
        self, name: str, partition: int, key: bytes | None, value: bytes, timestamp_ms: int, headers: Headers = HEADERS
    ) -> None:
        """Add a record to the batch of a partition."""
        target = name, partition
        batch = self._open.get(target)
        if batch is None:
            batch = self._open[target] = self._client.create_batch()
        if batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
            await self._send(target)
            batch = self._open[target] = self._client.create_batch()
            batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)

    async def _send(self, target: tuple[str, int]) -> None:
        name, partition = target
        batch = self._open.pop(target)
        batch.close()
        if self._gapless and target in self._latest:
            await self._latest[target]
        sent = self._latest[target] = await self._client.send_batch(batch, self._settings.topic(name), partition=partition)
        self._pending.append(sent)
        while len(self._pending) > _IN_FLIGHT:
            await self._pending.popleft()

"""The day to Kafka, tick by tick. A tick begins when the one before is stored, so the log has the order that was told.

A broker that is away is waited for, and the whole tick sent again: what was stored before it went is then there twice, which the
product must see through.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from benchmarks.place import say
from benchmarks.soak.traffic import TICK_S, Day, Line
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.errors import StreamAppError
from stream_app.settings import Settings
from stream_app.worker.cluster import producer

_PAST_RECORDS = 2_000
_ACKNOWLEDGED_WITHIN_S = 20.0
_AGAIN_S = 0.5


class Publisher:
    """Publishes one day.

    Attributes:
        stored: records that Kafka has acknowledged.
        again: how often a tick had to be sent again.
        late_s: how far it is behind the plan.
    """

    def __init__(self, settings: Settings, day: Day) -> None:
        self.stored, self.again, self.late_s = 0, 0, 0.0
        self._settings, self._day = settings, day
        self._homes: dict[bytes, int] = {}

    async def past(self) -> None:
        """Publish what happened before the day."""
        lines = self._day.past()
        await self._all([lines[place : place + _PAST_RECORDS] for place in range(0, len(lines), _PAST_RECORDS)])

    async def play(self, began: float) -> None:
        """Publish the day, which begins at `began` by the monotonic clock, and what ends it."""
        batches = (self._day.tick(number) for number in range(self._day.ticks))
        due = began
        left = enumerate(batches)
        sent: list[Line] | None = None
        number = 0
        while True:
            try:
                async with producer(self._settings, linger_ms=0, max_batch_size=1 << 20) as client:
                    if sent is not None:
                        self.again += 1
                        await self._send(client, sent)
                    for number, sent in left:
                        due = began + (number + 1) * TICK_S
                        await asyncio.sleep(max(0.0, due - time.monotonic()))
                        self.late_s = max(0.0, time.monotonic() - due)
                        await self._send(client, sent)
                    break
            except (KafkaError, StreamAppError, OSError, TimeoutError) as error:
                say(f"  the publisher waits for the broker ({type(error).__name__})")
                await asyncio.sleep(_AGAIN_S)
        await self._all([self._day.end()])

    async def _all(self, batches: Sequence[Sequence[Line]]) -> None:
        async with producer(self._settings, linger_ms=0, max_batch_size=1 << 20) as client:
            for batch in batches:
                await self._send(client, batch)

    async def _send(self, client: AIOKafkaProducer, lines: Sequence[Line]) -> None:
        """One record batch a partition and topic, all of them acknowledged."""
        batches: dict[tuple[str, int], Any] = {}
        for line in lines:
            place = self._settings.topic(line.topic), self._home(line.key) if line.partition is None else line.partition
            batch = batches.get(place) or batches.setdefault(place, client.create_batch())
            added = batch.append(timestamp=line.time_ms, key=line.key, value=line.value)
            assert added is not None, "a tick fits into a batch"
        async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
            under_way = []
            for (topic, partition), batch in batches.items():
                batch.close()
                under_way.append(await client.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*under_way)
        self.stored += len(lines)

    def _home(self, key: bytes) -> int:
        found = self._homes.get(key)
        if found is None:
            found = self._homes[key] = partition_of(key, self._day.partitions)
        return found

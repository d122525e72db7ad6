"""Live traffic at a steady rate, and when each change that it causes is there for a reader of committed records."""

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from benchmarks.product.reader import BatchReader
from benchmarks.product.shop import Shop
from benchmarks.product.states import SHOP, order_of
from stream_app.engine.transactions.partitioner import partition_of

_TICK_S = 0.02
"""As long as a publisher of a steady stream lingers; the writer has the cores of what is measured, and each of its requests is work."""

_NEW_EVERY = 5
_SETTLE_S = 15.0
_TURN = b'"dimension":"lifecycle","from":"active","to":"inactive","sequence":'  # a notice of it has no sequence there

Each = Callable[[Sequence[Any], float], None]
"""Is given records with a key and a value, and when they were read, by the wall clock in seconds."""


class Traffic:
    """Orders: of five one is a new customer's first, and the others are of customers who are known.

    A first order changes five statuses, and those are timed; so there is about one change an event, as in a shop.

    `sent` and `seen` are the wall clock in seconds by customer key: when the order was handed to the client, and when its first
    change was read with read_committed.
    """

    def __init__(self, shop: Shop, name: str) -> None:
        """Traffic on `shop`; `name` is in the ids of its customers."""
        self.shop, self.name = shop, name
        self.sent: dict[bytes, float] = {}
        self.seen: dict[bytes, float] = {}
        self._waiting: set[bytes] = set()  # those sent and not seen
        self._count = 0
        self._chance = random.Random(1)
        self._complete = asyncio.Event()

    async def run(self, rate: float, seconds: float, each: Each | None = None, enough: Callable[[], bool] | None = None) -> None:
        """Publish at `rate` for `seconds`, or until there is `enough`, and read until every order has its change.

        `each` is given all records of `status-changes`.
        """
        settings = self.shop.settings
        reader = BatchReader(settings.brokers)
        writer = AIOKafkaProducer(bootstrap_servers=settings.brokers, linger_ms=0, max_batch_size=256 << 10, acks="all")
        await reader.start()
        await writer.start()
        topic = settings.topic("status-changes")
        reader.assign([TopicPartition(topic, number) for number in range(self.shop.partitions)])
        await reader.seek_to_end()
        reading = asyncio.create_task(self._read(reader, each))
        gc.disable()  # it would walk all that was sent and seen again and again, on the cores of what is measured
        try:
            await self._write(writer, rate, seconds, lambda: reading.done() or bool(enough and enough()))
            if reading.done():
                reading.result()  # what has ended it
            self._complete.clear()
            if len(self.seen) < len(self.sent):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._complete.wait(), _SETTLE_S)
        finally:
            gc.enable()
            reading.cancel()
            await writer.stop()
            await reader.stop()

    def delays_ms(self, after_s: float = 0.0) -> list[float]:
        """From publishing to a visible change, ascending, of the orders sent later than `after_s` after the first.

        Raises:
            AssertionError: an order has no change.
        """
        missing = len(self.sent) - len(self.seen)
        assert not missing, f"{missing} of {len(self.sent)} orders have no visible change"
        first = min(self.sent.values())
        return sorted((self.seen[key] - at) * 1000 for key, at in self.sent.items() if at - first >= after_s)

    def delays_between(self, first: float, last: float) -> list[float]:
        """The same of the orders sent from `first` to `last`, by the wall clock."""
        self.delays_ms()
        return sorted((self.seen[key] - at) * 1000 for key, at in self.sent.items() if first <= at <= last)

    async def _write(self, writer: AIOKafkaProducer, rate: float, seconds: float, enough: Callable[[], bool]) -> None:
        encode = msgspec.json.encode
        topic, partitions = self.shop.settings.topic("orders"), self.shop.partitions
        started = time.monotonic()
        published = 0
        while (now := time.monotonic()) - started < seconds and not enough():
            due = int((now - started) * rate)
            batches: dict[int, Any] = {}
            for _ in range(due - published):
                self._count += 1
                is_new = self._count % _NEW_EVERY == 1
                name = f"{self.name}-{self._count if is_new else self._chance.randrange(1, self._count, _NEW_EVERY)}"
                key = f"{SHOP}/{name}".encode()
                home = partition_of(key, partitions)
                if home not in batches:
                    batches[home] = writer.create_batch()
                at = time.time()
                if is_new:
                    self.sent[key] = at
                    self._waiting.add(key)
                batches[home].append(
                    timestamp=int(at * 1000), key=key, value=encode(order_of(name, f"{name}-{self._count}", int(at * 1000)))
                )
            for home, batch in batches.items():
                batch.close()
                await writer.send_batch(batch, topic, partition=home)
            published = due
            await asyncio.sleep(_TICK_S)
        await writer.flush()

    async def _read(self, reader: BatchReader, each: Each | None) -> None:
        waiting, seen = self._waiting, self.seen
        while True:
            for batches in (await reader.getmany(timeout_ms=100)).values():
                at = time.time()
                for batch in batches:
                    records = batch.records()
                    changed = waiting.intersection([record.key for record in records])
                    if changed:
                        seen.update(dict.fromkeys(changed, at))
                        waiting -= changed
                        if not waiting:
                            self._complete.set()
                    if each is not None:
                        each(records, at)
            await asyncio.sleep(0)


def percentile(ascending: Sequence[float], pct: float) -> float:
    """The value below which `pct` percent of `ascending` lie."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * pct / 100))]


def turned_inactive(value: bytes) -> bool:
    """Whether a record of `status-changes` is the turn to inactive, and not the notice before it."""
    return value.find(_TURN) >= 0  # not `in`: of bytes in bytes that asks first whether it is a number, by an exception

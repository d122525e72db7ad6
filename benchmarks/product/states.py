"""Customers made cheaply: a few are computed by the product's own fold, and their frames are written under many keys into a changelog.

A worker that starts on that changelog restores them as its own.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from benchmarks.history import START_MS, YEAR_MS, make_history
from benchmarks.place import say
from benchmarks.product.shop import Shop
from stream_app.codec.policy import load_policy_file
from stream_app.engine.fold import Headers
from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.topology import changelog_name
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.engine.unit import TimerBounds, UnitOfWork
from stream_app.processor.policies import PolicyBook
from stream_app.processor.status import StatusProcessor
from stream_app.worker.topics import TABLE

END_MS = START_MS + YEAR_MS
SHOP = "bench"
_CUSTOMERS, _EVENTS_EACH = 100, 20
_FIRE_LIMIT = 1_000
_BATCH_BYTES = 512 << 10
_HASHES = 2**31
_hashes: list[int] = []  # of the customers by number: murmur2 costs more than all the rest of writing them


@dataclass
class _Line:
    """A record as Kafka would hand it over."""

    value: bytes | None
    key: bytes | None
    topic: str = "orders"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Headers = ()


def typical_frames(policy: Path) -> list[bytes]:
    """The frames of customers after a year of 20 events each and an order at its end, with everything fired that was due by then.

    Without that order the next one would be the first after weeks, which changes more than those that follow it: then an event would
    seem to cost more where there are more customers than events.
    """
    events = [*make_history(_CUSTOMERS * _EVENTS_EACH, _CUSTOMERS, seed=7)]
    latest = {event["subject"]: event for event in events}
    events += [order_of(subject, f"last-{number}", END_MS - 1_000) for number, subject in enumerate(sorted(latest))]
    return frames_of(policy, events, END_MS)


def order_of(subject: str, order_id: str, time_ms: int) -> dict[str, Any]:
    """An order of one thing as an event."""
    lines = [{"sku": "s-1", "category": "sneakers", "quantity": 1, "total_minor": 4_000}]
    data = {"order_id": order_id, "currency": "EUR", "total_minor": 4_000, "lines": lines}
    event = {"specversion": "1.0", "id": order_id, "source": f"/shops/{SHOP}", "type": "order.placed", "subject": subject}
    return {**event, "time": rfc3339(time_ms), "data": data}


def frames_of(policy: Path, events: Iterator[dict[str, Any]] | Sequence[dict[str, Any]], until_ms: int) -> list[bytes]:
    """The frames (deadline and state) of all customers of `events`, as the worker would store them at `until_ms`."""
    book = PolicyBook()
    book.add(SHOP, 0, load_policy_file(policy))
    processor = StatusProcessor(book, 0, 1, 0)
    store, cache = MemoryStore(), StateCache(1 << 20)
    wall_ms = int(time.time() * 1000)
    lines = [_Line(msgspec.json.encode(event), f"{SHOP}/{event['subject']}".encode()) for event in events]
    tick = {"specversion": "1.0", "id": "end", "source": f"/shops/{SHOP}", "type": "watermark", "time": rfc3339(until_ms), "data": {}}
    lines.append(_Line(msgspec.json.encode(tick), SHOP.encode()))
    batch = [processor.decode(line, wall_ms) for line in lines]
    more = True
    while more:
        unit = UnitOfWork(0, store, cache, TimerBounds(store.first_timers()))
        if batch:
            for _ in processor.fold(batch, unit):
                pass
        more = processor.fire(unit, None, wall_ms, _FIRE_LIMIT) >= _FIRE_LIMIT
        processor.finish(unit)
        store.apply(unit.changes(0, None))
        unit.settle()
        batch = []
    keys = {line.key for line in lines[:-1]}
    return [framed for key in sorted(filter(None, keys)) if (framed := store.get(key)) is not None]


def rfc3339(time_ms: int) -> str:
    """A time as events carry it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def customer(number: int) -> str:
    """The id of a customer of `fill`."""
    return f"customer-{number:07}"


def fill(shop: Shop, frames: Sequence[bytes], customers: int) -> None:
    """Write `customers` customers into the changelog of `shop`, whose workers are not running."""
    started = time.monotonic()
    asyncio.run(_fill(shop, frames, customers))
    size = sum(map(len, frames)) / len(frames)
    say(f"{customers:,} customers of {size:.0f} bytes written in {time.monotonic() - started:.1f} s")


async def _fill(shop: Shop, frames: Sequence[bytes], customers: int) -> None:
    topic = shop.settings.topic(changelog_name(shop.settings.id, TABLE))
    producer = AIOKafkaProducer(
        bootstrap_servers=shop.settings.brokers, linger_ms=0, compression_type="lz4", max_batch_size=_BATCH_BYTES, max_request_size=4 << 20
    )
    await producer.start()
    try:
        batches = [producer.create_batch() for _ in range(shop.partitions)]
        now_ms = int(time.time() * 1000)
        for number in range(customers):
            key = f"{SHOP}/{customer(number)}".encode()
            if number == len(_hashes):
                _hashes.append(partition_of(key, _HASHES))
            home = _hashes[number] % shop.partitions
            framed = frames[number % len(frames)]
            if batches[home].append(timestamp=now_ms, key=key, value=framed) is None:
                batches[home].close()
                await producer.send_batch(batches[home], topic, partition=home)
                batches[home] = producer.create_batch()
                batches[home].append(timestamp=now_ms, key=key, value=framed)
        for home, batch in enumerate(batches):
            batch.close()
            await producer.send_batch(batch, topic, partition=home)
        await producer.flush()
    finally:
        await producer.stop()

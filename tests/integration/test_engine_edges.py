"""Sizes and gaps at the edge: the largest records, a compacted changelog, a policy nobody can use."""

import asyncio
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topology import changelog_name
from stream_app.errors import PolicyError
from stream_app.settings import Settings
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.cluster import read_to_end
from stream_app.worker.policies import policy_follower
from stream_app.worker.topics import TABLE, create_topics
from tests.integration.workers import START_LIMIT_S, applied, changes, complaints, publish, workers
from tests.toy import Event

PARTITIONS = 1
BASE_MS = 1_700_000_000_000


async def test_the_largest_records_pass_through(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    sizes = [1, 1 << 10, 900_000, 1 << 20, 17, 1 << 20, 1 << 20]
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all", max_request_size=4 << 20) as client:
        for number, size in enumerate(sizes):
            await client.send_and_wait(settings.topic("orders"), bytes([number]) * size, b"shop/big", 0)
    await publish(settings, "orders", [(b"shop/1", Event("e0", BASE_MS, 1))], PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment)
        await _applied(settings, len(sizes) + 1, worker.started)
        assert worker.stop() == 0
    letters = [record.value async for record in read_to_end(settings, "dead-letters")]
    assert letters == [bytes([number]) * size for number, size in enumerate(sizes)]
    assert complaints(await changes(settings), {"shop/1": 1}) == []


async def test_a_compacted_changelog_is_restored_to_its_end(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await _compact_soon(settings)
    count = 0
    with workers(tmp_path) as start:
        worker = start(environment, UNIT_RECORDS_MAX="20", STORE="memory")
        while await _gaps(settings) < 50:
            assert time.monotonic() - worker.started < 100, "the broker has not compacted in time"
            await publish(settings, "orders", [(b"shop/1", Event(f"e{count + n}", BASE_MS, 1)) for n in range(100)], PARTITIONS)
            count += 100
            await asyncio.sleep(0.5)
        await _applied(settings, count, worker.started + 100)
        assert worker.stop() == 0
        again = start(environment, STORE="memory")
        await publish(settings, "orders", [(b"shop/1", Event("last", BASE_MS, 1))], PARTITIONS)
        await _applied(settings, count + 1, again.started)
        assert again.stop() == 0
    assert complaints(await changes(settings), {"shop/1": count + 1}) == []


async def test_a_policy_nobody_can_use_stops_no_other(settings: Settings) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    book, metrics = Book(), Metrics()
    wire = settings.topic("policies")
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all") as client:
        for key, value in ((b"acme", b"good 1"), (b"bad", b"bad"), (b"*", b"good 2"), (b"acme", None)):
            await client.send_and_wait(wire, value, key)
        async with policy_follower(settings, book, metrics) as follower:
            await follower.read_to_end()
            assert book.taken == [("acme", b"good 1"), ("*", b"good 2"), ("acme", None)]
            assert metrics.registry.get_sample_value("customer_status_policy_errors_total") == 1
            following = asyncio.create_task(follower.follow())
            await client.send_and_wait(wire, b"good 3", b"late")
            ends = time.monotonic() + 10
            while book.taken[-1] != ("late", b"good 3"):
                assert time.monotonic() < ends
                await asyncio.sleep(0.05)
            following.cancel()


class Book:
    """A sink that takes good documents only."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes | None]] = []

    def put(self, key: str, record_ms: int, document: bytes | None) -> None:
        assert record_ms > BASE_MS
        if document == b"bad":
            raise PolicyError("currency: it is missing")
        self.taken.append((key, document))


async def _compact_soon(settings: Settings) -> None:
    wire = settings.topic(changelog_name(settings.id, TABLE))
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        configs = {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime", "segment.ms": str(2**63 - 1)}
        eager = {"segment.bytes": str(1 << 20), "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, wire, configs | eager)])
    finally:
        await admin.close()


async def _gaps(settings: Settings) -> int:
    """How many superseded markers are gone from the changelog."""
    offsets = [record.offset async for record in read_to_end(settings, changelog_name(settings.id, TABLE)) if record.key == MARKER_KEY]
    return (max(offsets, default=0) + 1) // 3 - len(offsets)  # a unit of the toy takes three offsets: state, marker, commit


async def _applied(settings: Settings, count: int, since: float) -> None:
    while await applied(settings) < count:
        assert time.monotonic() - since < START_LIMIT_S
        await asyncio.sleep(0.1)

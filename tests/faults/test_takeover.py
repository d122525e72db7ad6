"""Taking over: the changelog and its marker are the truth, whatever else says something different."""

import asyncio
import shutil
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTxnState, KafkaError

from stream_app.engine.stores.frame import frame
from stream_app.engine.stores.marker import MARKER_KEY, Marker, encode_marker
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.topics import TABLE, create_topics
from tests.faults.names import fault
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, complaints, group_offsets, publish, wait_exit, workers
from tests.toy import OUTPUT, Event

PARTITIONS = 2
BASE_MS = 1_700_000_000_000


def events(first: int, count: int) -> list[tuple[bytes, Event]]:
    return [(f"shop/{n % 50}".encode(), Event(f"e{n}", BASE_MS + n, 1)) for n in range(first, first + count)]


def expected(count: int) -> dict[str, int]:
    return {f"shop/{key}": sum(1 for n in range(count) if n % 50 == key) for key in range(50)}


@fault("group offsets moved")
async def test_the_marker_wins_over_the_group_offset(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await publish(settings, "orders", events(0, 500), PARTITIONS)
    with workers(tmp_path) as start:
        assert await _work(start(environment), settings, 500) == 0
        committed = await group_offsets(settings, "orders", PARTITIONS)
        assert sum(offset or 0 for offset in committed.values()) == 500, "the group sees the same positions"
        await _set_group_offsets(settings, {0: 0, 1: committed[1] or 0})
        assert (await group_offsets(settings, "orders", PARTITIONS))[0] == 0, "the group offset was really moved back"
        await publish(settings, "orders", events(500, 300), PARTITIONS)
        assert await _work(start(environment), settings, 800) == 0
    assert complaints(await changes(settings), expected(800)) == []


@fault("transaction left open")
async def test_a_lost_store_is_rebuilt_and_an_open_transaction_is_aborted(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await publish(settings, "orders", events(0, 500), PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment)
        assert await _work(worker, settings, 500) == 0
        shutil.rmtree(tmp_path / "w1" / "store")
        ghost = await _leave_transaction_open(settings)
        await publish(settings, "orders", events(500, 300), PARTITIONS)
        again = start(environment)
        assert await _work(again, settings, 800) == 0
        assert any("restored" in line and "offsets=0" not in line for line in again.lines()), "the changelog was read"
        ghost._sender.sender_task.cancel()  # what it left open was aborted by the worker; it must not say goodbye
        await ghost.stop()
    by_key = await changes(settings)
    assert complaints(by_key, expected(800)) == []
    assert "shop/ghost" not in by_key


@fault("transaction hanging")
async def test_a_transaction_that_the_broker_never_ended_is_aborted(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    """Kafka 4 skips a commit's markers when it comes back from a kill; here the coordinator does not even know of the transaction."""
    await create_topics(settings, partitions=PARTITIONS)
    await publish(settings, "orders", events(0, 500), PARTITIONS)
    with workers(tmp_path) as start:
        assert await _work(start(environment), settings, 500) == 0
        await _verify_transactions(settings, "false")
        try:
            ghost = await _leave_transaction_hanging(settings)
        finally:
            await _verify_transactions(settings, "true")
        ghost._sender.sender_task.cancel()
        await ghost.stop()
        successor = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.id}-0")
        await successor.start()  # would end any transaction that the coordinator knows
        await successor.stop()
        changelog = TopicPartition(settings.topic(changelog_name(settings.id, TABLE)), 0)
        stable = await _end(settings, changelog, "read_committed")
        assert stable < await _end(settings, changelog), "the transaction must hang"
        await publish(settings, "orders", events(500, 300), PARTITIONS)
        again = start(environment)
        assert await _work(again, settings, 800) == 0
        assert any("ending transactions that the broker left open" in line for line in again.lines())
    by_key = await changes(settings)
    assert complaints(by_key, expected(800)) == []
    assert "shop/ghost" not in by_key


@fault("store in memory")
async def test_a_memory_store_is_rebuilt_at_every_start(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        for life in range(3):
            await publish(settings, "orders", events(life * 200, 200), PARTITIONS)
            assert await _work(start(environment, STORE="memory"), settings, (life + 1) * 200) == 0
    assert complaints(await changes(settings), expected(600)) == []


@fault("marker outside the log")
async def test_a_marker_outside_the_log_is_refused_with_one_line(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    offsets = {settings.topic(name): 0 for name in ("orders", "contacts", "customer-events-rekeyed")}
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all") as client:
        marker = encode_marker(Marker(offsets | {settings.topic("orders"): 4711}, {}))
        await client.send_and_wait(settings.topic(changelog_name(settings.id, TABLE)), marker, MARKER_KEY, 1)
    with workers(tmp_path) as start:
        worker = start(environment)
        assert await asyncio.to_thread(wait_exit, worker, START_LIMIT_S) == 1
        line = worker.lines()[-1]
    assert line.startswith("stream-app: topic ")
    assert "position 4711 lies outside the log (0 to 0)" in line
    assert "STREAM_APP_ID" in line, "the line names the fix"


async def _work(worker: Worker, settings: Settings, count: int) -> int:
    """Let a worker apply everything, then stop it; its exit status."""
    while await applied(settings) < count:
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.1)
    return await asyncio.to_thread(worker.stop)


async def _set_group_offsets(settings: Settings, offsets: dict[int, int]) -> None:
    """Move the group's offsets while no worker runs; a static member is in the group until its session ends, so this waits."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=settings.id, enable_auto_commit=False)
    await consumer.start()
    try:
        tps = {TopicPartition(settings.topic("orders"), number): offset for number, offset in offsets.items()}
        consumer.assign(list(tps))
        ends = time.monotonic() + START_LIMIT_S
        while True:
            try:
                await consumer.commit(tps)
            except KafkaError:
                assert time.monotonic() < ends, "the group did not become empty in time"
                await asyncio.sleep(0.5)
            else:
                return
    finally:
        await consumer.stop()


async def _leave_transaction_open(settings: Settings) -> AIOKafkaProducer:
    """Write a state, a marker and an output as the partition's predecessor would, and never commit them."""
    client = await _begin(settings)
    await _write(client, settings)
    return client


async def _leave_transaction_hanging(settings: Settings) -> AIOKafkaProducer:
    """The same without a word to the transaction coordinator, so that nobody ever ends it.

    A broker applies a changed setting some time after it has agreed to it; until then it refuses.
    """
    ends = time.monotonic() + START_LIMIT_S
    while True:
        client = await _begin(settings)
        client._txn_manager._txn_partitions.update({TopicPartition(name, 0) for name in _written(settings)})
        try:
            await _write(client, settings)
        except InvalidTxnState:
            assert time.monotonic() < ends, "the broker still checks transactions"
            client._sender.sender_task.cancel()
            await client.stop()
            await asyncio.sleep(0.1)
        else:
            return client


async def _begin(settings: Settings) -> AIOKafkaProducer:
    client = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.id}-0", acks="all")
    await client.start()
    await client.begin_transaction()
    return client


def _written(settings: Settings) -> tuple[str, str]:
    return settings.topic(changelog_name(settings.id, TABLE)), settings.topic(OUTPUT)


async def _write(client: AIOKafkaProducer, settings: Settings) -> None:
    changelog, output = _written(settings)
    await client.send_and_wait(changelog, frame(b"\x94\x01\x01\x01\xc0", None), b"shop/ghost", 0)
    await client.send_and_wait(changelog, encode_marker(Marker({settings.topic("orders"): 4711}, {})), MARKER_KEY, 0)
    await client.send_and_wait(output, b"{}", b"shop/ghost", 0)


async def _verify_transactions(settings: Settings, value: str) -> None:
    """Let the broker check, or not, that a transaction's coordinator knows the partition that is written."""
    client = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await client.start()
    try:
        name = {"transaction.partition.verification.enable": value}
        await client.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", configs=name)])
    finally:
        await client.close()


async def _end(settings: Settings, tp: TopicPartition, isolation_level: str = "read_uncommitted") -> int:
    async with AIOKafkaConsumer(bootstrap_servers=settings.brokers, isolation_level=isolation_level) as client:
        client.assign([tp])
        ends: dict[TopicPartition, int] = await client.end_offsets([tp])
        return ends[tp]

"""Erasure on a real Kafka: a canary's name is searched for everywhere, found before, and in no place after it and one compaction."""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream_app.demo.broker import free_port
from stream_app.engine.topology import changelog_name
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client, producer, read_to_end
from stream_app.worker.topics import TABLE, topics_of
from tests.integration import product
from tests.integration.test_restore import gauge
from tests.integration.workers import START_LIMIT_S, Worker, workers
from tests.pages import page

PARTITIONS = 2
CANARY = "canary-7f3a91"
KEY = f"acme/{CANARY}".encode()
HOME = partition_of(KEY, PARTITIONS)
POLICY = "shop: acme\ncurrency: EUR\nclock: events\nrhythm: {default: {method: fixed, days: 30}}\n"
LIMIT_S = 90.0
APPENDING = (
    "orders",
    "contacts",
    "customer-events-rekeyed",
    "status-changes",
    "win-back",
    "service-level",
    "contact-advice",
    "dead-letters",
)


def event(kind: str, day: int, customer: str | None = CANARY, number: int = 0, **data: Any) -> dict[str, Any]:
    found = {"specversion": "1.0", "id": f"{kind}-{day}-{number}", "source": "/shops/acme", "type": kind, "data": data}
    return found | {"time": f"2026-01-{day:02d}T00:00:00Z"} | ({} if customer is None else {"subject": customer})


def order(day: int, customer: str = CANARY, number: int = 0) -> dict[str, Any]:
    return event("order.placed", day, customer, number, order_id=f"o-{customer[-2:]}-{day}-{number}", currency="EUR", total_minor=100)


class Stage:
    """Topics, a policy, one worker and everything that it leaves behind."""

    def __init__(self, settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
        self.settings = settings
        self.environment = environment
        self.data = tmp_path / "w1"
        self.log = tmp_path / "w1.log"
        self.port = free_port()
        self.sent = 0

    async def say(self, *events: dict[str, Any], partition: int | None = None) -> None:
        """Publish, where the customer belongs or elsewhere."""
        async with producer(self.settings) as client:
            for one in events:
                key = f"acme/{one.get('subject', '')}".encode()
                topic = self.settings.topic("orders" if one["type"].startswith(("order.", "watermark")) else "contacts")
                where = partition_of(key, PARTITIONS) if partition is None else partition
                await client.send_and_wait(topic, json.dumps(one).encode(), key, partition=where)
                self.sent += 1

    async def until(self, what: str, condition: Callable[[], Awaitable[bool]], worker: Worker) -> None:
        began = time.monotonic()
        while not await condition():
            assert worker.process.poll() is None, "the worker ended by itself"
            assert time.monotonic() - began < LIMIT_S, what
            await asyncio.sleep(0.1)

    async def applied(self, worker: Worker, *, hops: int = 0) -> None:
        async def done() -> bool:
            return await product.applied(self.settings) >= self.sent + hops

        await self.until("not all was applied", done, worker)

    async def records(self, name: str) -> list[Any]:
        return [
            record async for record in read_to_end(self.settings, name) if CANARY.encode() in (record.key or b"") + (record.value or b"")
        ]

    async def found(self, *, running: bool) -> set[str]:
        """The places in which the name is: files, the latest records of compacted topics, the log, the metrics."""
        places = set()
        for file in (path for path in self.data.rglob("*") if path.is_file()):
            try:
                content = file.read_bytes()
            except FileNotFoundError:  # RocksDB replaces files as it works
                continue
            if CANARY.encode() in content or CANARY.encode().hex().encode() in content.lower():
                places.add("store")
        for name in (changelog_name(self.settings.id, TABLE), "customer-profiles"):
            latest = {record.key: record.value async for record in read_to_end(self.settings, name)}
            if any(value is not None and CANARY.encode() in key + value for key, value in latest.items()):
                places.add(name.replace(self.settings.id, "app"))
        if CANARY in self.log.read_text():
            places.add("log")
        if running and CANARY in page(self.port, "/metrics")[1]:
            places.add("metrics")
        return places


async def configure(settings: Settings, name: str, configs: dict[str, str]) -> None:
    """Set a topic's configuration, beside what every topic must have."""
    everywhere = {"message.timestamp.type": "CreateTime", "segment.ms": str(2**63 - 1)}
    async with admin_client(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(name), everywhere | configs)])


async def compact(stage: Stage, names: list[str], worker: Worker) -> None:
    """Let Kafka compact topics, to the last tombstone, and wait until nothing of the name is left in them."""
    quickly = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.0", "delete.retention.ms": "0"}
    for name in names:
        assert await stage.records(name), "a tombstone has his key until Kafka compacts it away"
        await configure(stage.settings, name, quickly)
    others = (other for number in range(100_000) if partition_of(f"acme/{(other := f'other-{number}')}".encode(), PARTITIONS) == HOME)

    async def gone() -> bool:
        await stage.say(order(15, next(others)))  # only a segment that is not written to any more is compacted
        return not [name for name in names if await stage.records(name)]

    await stage.until("Kafka has not compacted in time", gone, worker)


@pytest.mark.slow
async def test_nothing_names_an_erased_customer(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(tmp_path / "policy.yaml"))
    await configure(
        settings, "dead-letters", {"cleanup.policy": "delete", "max.message.bytes": str(2 << 20), "retention.ms": str(7 * 86_400_000)}
    )
    stage = Stage(settings, environment, tmp_path)
    with workers(tmp_path, *product_worker()) as start:
        first = start(environment)
        await stage.say(*(order(1, f"other-{n}") for n in range(30)), order(1), order(2, number=1))
        await stage.say(event("order.cancelled", 3, order_id="never came"), order(4), event("lead.identified", 5))
        await stage.applied(first)
        assert first.stop() == 0
        assert await stage.found(running=False) == {"store", "app-status-changelog", "customer-profiles"}, "the search finds it"

        worker = start({**environment, "METRICS_PORT": str(stage.port), "LOG_LEVEL": "debug"})
        before = {name: len(await stage.records(name)) for name in APPENDING}
        await stage.say(event("customer.erased", 10))
        await stage.applied(worker)
        await stage.until("the store was not cleaned", lambda: cleaned(worker), worker)
        assert await stage.found(running=True) == set()
        await receipt_is_all_that_is_new(stage, before)
        await nobody_returns(stage, worker)
        await compact(stage, [changelog_name(settings.id, TABLE), "customer-profiles"], worker)
        assert gauge(stage.port, "customer_status_erasures_total") == 1
        assert await stage.found(running=True) == set()
        assert worker.stop() == 0
        assert await stage.found(running=False) == set()
        await mend_topics(settings)
        shutil.rmtree(stage.data)
        await he_may_come_back(stage, start(environment))


def product_worker() -> tuple[str, str]:
    return "stream_app", "worker"


async def cleaned(worker: Worker) -> bool:
    return any("store cleaned" in line and "complete=True" in line for line in worker.lines())


async def receipt_is_all_that_is_new(stage: Stage, before: dict[str, int]) -> None:
    after = {name: len(await stage.records(name)) for name in APPENDING}
    assert {name: count - before[name] for name, count in after.items() if count != before[name]} == {"contacts": 1, "status-changes": 1}
    receipt = (await stage.records("status-changes"))[-1]
    said = json.loads(receipt.value)
    assert (receipt.key, receipt.partition, said["type"], said["subject"]) == (KEY, HOME, "erasure.completed", CANARY)
    kept = said["data"].pop("kept")
    assert set(kept) == {stage.settings.topic(topic.name) for topic in topics_of(stage.settings) if topic.name in APPENDING}
    assert kept[stage.settings.topic("orders")] == {"retention_ms": None, "until_at": None}
    week = {"retention_ms": 7 * 86_400_000, "until_at": "2026-01-17T00:00:00.000Z"}
    assert kept[stage.settings.topic("dead-letters")] == week
    assert said["data"] == {
        "event_id": "customer.erased-10-0",
        "erased_at": "2026-01-10T00:00:00.000Z",
        "was_known": True,
        "suppressed_until_at": "2027-02-14T00:00:00.000Z",
    }


async def nobody_returns(stage: Stage, worker: Worker) -> None:
    """Old events are dropped, from wherever they come, and what cannot be read names nobody new."""
    before = {name: len(await stage.records(name)) for name in APPENDING}
    await stage.say(order(6), event("customer.erased", 10), event("order.cancelled", 7, order_id="never came"))
    await stage.say(order(8, number=2), partition=1 - HOME)
    await stage.applied(worker, hops=1)
    assert gauge(stage.port, "customer_status_suppressed_total") == 4
    after = {name: len(await stage.records(name)) - count for name, count in before.items()}
    assert after == dict.fromkeys(APPENDING, 0) | {"orders": 3, "contacts": 1, "customer-events-rekeyed": 1}
    assert await stage.found(running=True) == set()


async def mend_topics(settings: Settings) -> None:
    for topic in topics_of(settings):
        if topic.configs["cleanup.policy"] == "compact":
            await configure(settings, topic.name, topic.configs)


async def he_may_come_back(stage: Stage, worker: Worker) -> None:
    """A worker that has only the changelog knows the mark; an event from after the erasure begins a new customer."""
    said = len(await stage.records("status-changes"))
    await stage.say(order(9, number=3), order(12))
    await stage.applied(worker, hops=1)
    changes = [json.loads(record.value) for record in (await stage.records("status-changes"))[said:]]
    assert [change["data"]["sequence"] for change in changes] == list(range(1, len(changes) + 1))
    assert changes[0]["data"]["effective_at"] == "2026-01-12T00:00:00.000Z"
    states = await product.states(stage.settings)
    assert states[KEY.decode()].counting == 1
    assert worker.stop() == 0


async def test_without_a_key_an_erasure_is_a_dead_letter_and_with_a_wrong_one_no_worker_starts(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(tmp_path / "policy.yaml"))
    stage = Stage(settings, environment, tmp_path)
    keyless = {name: value for name, value in environment.items() if name != "ERASURE_KEY"}
    with workers(tmp_path, *product_worker()) as start:
        worker = start(keyless)
        await stage.say(order(1), event("customer.erased", 10))
        await stage.applied(worker)
        assert [code for code, _ in await product.dead_letters(settings)] == ["erasure_key_missing"]
        assert worker.stop() == 0
        short = start({**environment, "ERASURE_KEY": "short"})
        assert await asyncio.to_thread(short.process.wait, START_LIMIT_S) == 2
        assert short.lines()[-1] == "stream-app: STREAM_APP_ERASURE_KEY: it is too short; expected: a secret of at least 16 bytes"
        worker = start(environment)
        await stage.say(event("customer.erased", 11))
        await stage.applied(worker)
        assert worker.stop() == 0
        refused = start(keyless)
        assert await asyncio.to_thread(refused.process.wait, START_LIMIT_S) == 1
        assert "under an erasure key, which now is not set" in refused.lines()[-1]

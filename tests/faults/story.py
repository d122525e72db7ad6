"""A history, the workers that work on it while something strikes, and the end that all these stories must have."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from aiokafka import AIOKafkaConsumer

from benchmarks.history import make_history
from stream_app.errors import BrokerUnavailableError
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client, partitions_of
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics, topics_of
from tests.faults.checker import check
from tests.integration import product
from tests.integration.workers import Worker

POLICY = Path(__file__).parents[2] / "benchmarks" / "policy.yaml"
PARTITIONS = 4
START_LIMIT_S = 60.0
SETTLE_LIMIT_S = 15.0
HURRY = {"UNIT_RECORDS_MAX": "100", "BATCH_WAIT_MS": "0", "SESSION_TIMEOUT_MS": "6000", "TRANSACTION_TIMEOUT_MS": "5000"}


@cache
def history(events: int, customers: int) -> Path:
    """A history of this size, written once for all tests of the process."""
    path = Path(mkdtemp(prefix="stream-app-faults-")) / f"{events}-{customers}.jsonl"
    return product.write_lines(path, with_flaws(make_history(events, customers, seed=7)))


def with_flaws(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same with, now and then, an event twice (a duplicate), or its order under a new event id (a dead letter)."""
    for number, event in enumerate(events):
        yield event
        if number % 400 == 0:
            yield event
        elif number % 400 == 200 and event["type"] == "order.placed":
            yield {**event, "id": f"{event['id']}-again"}


class Story:
    """One history on one set of topics, and its workers."""

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        self.settings = settings
        self.tmp_path = tmp_path
        self.files: list[Path] = []
        self.policy = POLICY
        self.records = 0
        self.worker_broker = settings.broker
        self._started: list[Worker] = []

    async def tell(self, events: int = 6_000, customers: int = 300, *, partitions: int = PARTITIONS) -> None:
        """Make the topics and publish policy and history."""
        await create_topics(self.settings, partitions=partitions)
        await publish_policy(self.settings, self.policy)
        await self.go_on(history(events, customers), partitions)

    async def start_over(self) -> None:
        """Delete every topic and tell the same again."""
        wires = [self.settings.topic(topic.name) for topic in topics_of(self.settings)]
        async with admin_client(self.settings) as admin:
            await admin.delete_topics(wires)
            ends = time.monotonic() + START_LIMIT_S
            while set(wires) & set(await admin.list_topics()):
                assert time.monotonic() < ends
                await asyncio.sleep(0.1)
        self.records, files, self.files = 0, self.files, []
        await create_topics(self.settings, partitions=PARTITIONS)
        await publish_policy(self.settings, self.policy)
        for file in files:
            await self.go_on(file)

    async def go_on(self, file: Path, partitions: int = PARTITIONS) -> None:
        """Publish `file` and how far time has come."""
        done = await publish(self.settings, [file], history=True)
        assert not done.refused
        self.files.append(file)
        self.records += sum(done.events.values()) + done.watermarks * partitions

    def start(self, name: str = "w1", **extra: str) -> Worker:
        """Start the worker `name`, in small units of work; `extra` settings win."""
        settings = self.settings
        given = {"BROKER": self.worker_broker, "TOPIC_PREFIX": settings.topic_prefix, "ID": settings.id, "INSTANCE": name, **HURRY}
        folder = self.tmp_path / name
        worker = Worker({**given, "DATA_DIR": str(folder), **extra}, self.tmp_path / f"{name}.log", "tests.faults.struck", "product")
        self._started.append(worker)
        return worker

    async def applied(self) -> int:
        """How many records the markers say are applied."""
        return await product.applied(self.settings)

    async def until_applied(self, count: int, *live: Worker, limit_s: float = START_LIMIT_S) -> int:
        """Wait until at least `count` records are applied; the workers `live` must stay alive."""
        ends = time.monotonic() + limit_s
        while (now := await self.applied()) < count:
            for worker in live:
                assert worker.process.poll() is None, "the worker has ended"
            assert time.monotonic() < ends, f"{now} of {count} records were applied within {limit_s:.0f} s"
            await asyncio.sleep(0.05)
        return now

    async def supervise(self, worker: Worker, *, limit_s: float = START_LIMIT_S, **extra: str) -> tuple[Worker, list[str]]:
        """Start the worker again whenever it ends, until everything is applied; returns it, and the one line of every end."""
        ends, lines = time.monotonic() + limit_s, []
        while await self._applied_if_known() < self.records:
            assert time.monotonic() < ends, f"not everything was applied within {limit_s:.0f} s"
            if worker.process.poll() is not None:
                assert worker.process.returncode == 1, f"exit status {worker.process.returncode}"
                lines.append(worker.lines()[-1])
                assert lines[-1].startswith("stream-app: "), "one line says why"
                worker = self.start(worker.log.stem, **extra)
            await asyncio.sleep(0.2)
        return worker, lines

    async def finish(self, *live: Worker, limit_s: float = START_LIMIT_S) -> None:
        """The end: everything is applied, it is what the replay says, and stays so when the workers have stopped."""
        await self.until_applied(self.records, *live, limit_s=limit_s)
        ends = time.monotonic() + SETTLE_LIMIT_S
        while True:  # the last deadlines fire after the last record is applied
            written = await ends_of(self.settings)
            complaints = await self.check()
            if not complaints:
                break
            assert time.monotonic() < ends, complaints
            await asyncio.sleep(0.2)
        for worker in live:
            await until(worker.listens, "it listens to signals")
            assert await asyncio.to_thread(worker.stop) == 0
        if await ends_of(self.settings) != written:
            assert await self.check() == []

    async def check(self) -> list[str]:
        """The checker's complaints."""
        return await check(self.settings, self.files, self.policy)

    async def _applied_if_known(self) -> int:
        try:
            return await self.applied()
        except BrokerUnavailableError:
            return 0

    def close(self) -> None:
        """End what is left of the workers, and print their logs, which pytest shows if the story ended badly."""
        for worker in self._started:
            worker.close()
        for log in sorted({worker.log for worker in self._started}):
            sys.stderr.write(f"--- {log.name}\n{log.read_text()[-6_000:]}\n")


async def ends_of(settings: Settings) -> dict[str, int]:
    """Where every partition of every topic ends, what is not committed included."""
    async with AIOKafkaConsumer(bootstrap_servers=settings.brokers) as client:
        tps = await partitions_of(client, settings, *(topic.name for topic in topics_of(settings)))
        client.assign(tps)
        ends = await client.end_offsets(tps)
    return {f"{tp.topic}-{tp.partition}": end for tp, end in ends.items()}


async def until(condition: Callable[[], bool], what: str, limit_s: float = START_LIMIT_S) -> None:
    """Wait for something that a worker's log or process shows."""
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends, f"not in time: {what}"
        await asyncio.sleep(0.05)


def owns(worker: Worker, partitions: int) -> bool:
    """Whether the worker's newest word is that it owns so many partitions."""
    words = [line for line in worker.lines() if "ready " in line and "partitions=" in line]
    return bool(words) and words[-1].partition("partitions=")[2].count(",") + 1 == partitions

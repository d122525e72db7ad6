"""Worker processes under test, and what they leave on Kafka: events in, committed outputs and markers out."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.engine.stores.marker import MARKER_KEY, Marker, decode_marker
from stream_app.engine.topology import changelog_name
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings, child_environment
from stream_app.worker.cluster import partitions_of, producer, read_to_end, reader
from stream_app.worker.topics import TABLE
from tests.toy import OUTPUT, Change, Event

TOY = "tests.toy_worker"
ROOT = Path(__file__).parents[2]
START_LIMIT_S = 60.0


class Worker:
    """One worker process."""

    def __init__(self, environment: dict[str, str], log: Path, *command: str) -> None:
        self._begins = log.stat().st_size if log.exists() else 0
        self._log = log.open("ab")
        self.log = log
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(command or (TOY,))], env=child_environment(**environment), cwd=ROOT, stdout=self._log, stderr=self._log
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def lines(self) -> list[str]:
        """What it has printed."""
        return self.log.read_text().splitlines()

    def listens(self) -> bool:
        """Whether this life of it says that it has started; before that a signal ends it at once."""
        return b" started " in self.log.read_bytes()[self._begins :]

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._log.close()


@contextmanager
def workers(tmp_path: Path, *command: str) -> Iterator[Callable[..., Worker]]:
    """Start worker processes by name; all of them are ended when the test ends, and their logs shown if it failed.

    `command` is the module and its arguments, by default the toy's.
    """
    started: list[Worker] = []

    def start(environment: dict[str, str], name: str = "w1", **extra: str) -> Worker:
        settings = {"INSTANCE": name, "BATCH_WAIT_MS": "5", "INSIGHTS": "false", **environment, "DATA_DIR": str(tmp_path / name), **extra}
        worker = Worker(settings, tmp_path / f"{name}.log", *command)
        started.append(worker)
        return worker

    try:
        yield start
    except BaseException:
        for log in sorted({worker.log for worker in started}):
            sys.stderr.write(f"--- {log.name}\n{log.read_text()[-6_000:]}\n")
        raise
    finally:
        for worker in started:
            worker.close()


async def publish(settings: Settings, topic: str, events: Iterable[tuple[bytes, Event]], partitions: int) -> None:
    """Write events where their keys belong, in order."""
    wire = settings.topic(topic)
    async with producer(settings, linger_ms=5, max_batch_size=64 << 10) as client:
        batches: dict[int, Any] = {}

        async def send(partition: int) -> None:
            batch = batches.pop(partition)
            batch.close()
            await client.send_batch(batch, wire, partition=partition)

        for key, event in events:
            partition = partition_of(key, partitions)
            value = msgspec.json.encode(event)
            batch = batches.setdefault(partition, client.create_batch())
            if batch.append(timestamp=event.t, key=key, value=value) is None:
                await send(partition)
                batches[partition] = client.create_batch()
                batches[partition].append(timestamp=event.t, key=key, value=value)
        for partition in list(batches):
            await send(partition)
        await client.flush()


async def changes(settings: Settings) -> dict[str, list[Change]]:
    """All committed outputs of the toy by key, in log order."""
    by_key: dict[str, list[Change]] = defaultdict(list)
    async for record in read_to_end(settings, OUTPUT):
        change = msgspec.json.decode(record.value, type=Change)
        by_key[change.key].append(change)
    return by_key


async def markers(settings: Settings) -> dict[int, Marker]:
    """The newest committed marker of each partition, looked for from the end of the changelog."""
    found: dict[int, Marker] = {}
    async with reader(settings, auto_offset_reset="earliest", max_poll_records=None) as client:
        tps = await partitions_of(client, settings, changelog_name(settings.id, TABLE))
        client.assign(tps)
        ends, begins = await client.end_offsets(tps), await client.beginning_offsets(tps)
        for tp in tps:
            look_back = 4  # a unit ends with its marker and Kafka's
            at = ends[tp]
            while tp.partition not in found and at > begins[tp]:
                at = max(begins[tp], ends[tp] - look_back)
                client.seek(tp, at)
                if newest := await _markers_from(client, tp, ends[tp]):
                    found[tp.partition] = newest[-1]
                look_back *= 8
    return found


async def _markers_from(client: AIOKafkaConsumer, tp: TopicPartition, end: int) -> list[Marker]:
    found: list[Marker] = []
    while await client.position(tp) < end:
        records = (await client.getmany(tp, timeout_ms=200)).get(tp, ())
        found += [decode_marker(record.value) for record in records if record.key == MARKER_KEY and record.offset < end]
    return found


async def applied(settings: Settings, topic: str = "orders") -> int:
    """How many records of an input the markers say are applied."""
    wire = settings.topic(topic)
    return sum(marker.offsets.get(wire, 0) for marker in (await markers(settings)).values())


async def group_offsets(settings: Settings, topic: str, partitions: int) -> dict[int, int | None]:
    """The committed offsets of the worker's group."""
    tps = [TopicPartition(settings.topic(topic), number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=settings.id, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(tps)
        return {tp.partition: await consumer.committed(tp) for tp in tps}
    finally:
        await consumer.stop()


def complaints(by_key: dict[str, list[Change]], events: dict[str, int]) -> list[str]:
    """What is wrong with the outputs: every event counted once, and sequences 1..n without hole or repetition."""
    wrong = [
        f"{key}: {len(by_key.get(key, []))} outputs for {count} events"
        for key, count in events.items()
        if len(by_key.get(key, [])) != count
    ]
    for key, found in by_key.items():
        if [change.sequence for change in found] != list(range(1, len(found) + 1)):
            wrong.append(f"{key}: sequences {[change.sequence for change in found][:20]}")
        causes = [change.cause for change in found if change.cause != "silence"]
        if len(set(causes)) != len(causes):
            wrong.append(f"{key}: a cause twice")
    return wrong[:5]


def wait_exit(worker: Worker, limit_s: float) -> int:
    """The exit status of a worker that ends by itself."""
    return worker.process.wait(limit_s)


def pid_alive(pid: int) -> bool:
    """Whether a process still exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

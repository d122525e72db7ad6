"""Workers come and go under load: every record is applied once, and a zombie cannot write."""

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.faults.names import fault
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, complaints, publish, wait_exit, workers
from tests.toy import Event

PARTITIONS = 4
BASE_MS = 1_700_000_000_000
SLOW = {"UNIT_RECORDS_MAX": "100", "SESSION_TIMEOUT_MS": "6000"}


@fault("worker added and removed")
async def test_a_worker_added_and_one_removed_under_load(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    stream = Stream(settings)
    publishing = asyncio.create_task(stream.run())
    with workers(tmp_path) as start:
        first = start(environment, "w1", **SLOW)
        await _until(lambda: _ready(first, PARTITIONS), "the first worker owns everything")
        second = start(environment, "w2", **SLOW)
        await _until(lambda: _ready(second, 2) and _ready(first, 2), "both own a half")
        shared_at = await applied(settings)
        await _until(lambda: stream.sent > 40_000, "load while both work")
        assert second.stop() == 0, "a clean stop"
        await _until(lambda: _ready(first, PARTITIONS), "the first worker owns everything again")
        stream.stop = True
        await publishing
        await _all_applied(settings, stream.sent)
        assert first.process.poll() is None, "the first worker has lived through both rebalances"
        assert shared_at < stream.sent
        assert first.stop() == 0
    assert complaints(await changes(settings), stream.by_key) == []


@fault("worker asleep longer than its session")
async def test_a_zombie_is_fenced_and_writes_nothing(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    stream = Stream(settings)
    publishing = asyncio.create_task(stream.run())
    with workers(tmp_path) as start:
        first = start(environment, "w1", **SLOW)
        await _until(lambda: _ready(first, PARTITIONS), "the first worker owns everything")
        first.process.send_signal(signal.SIGSTOP)
        second = start(environment, "w2", **SLOW)
        await _until(lambda: _ready(second, PARTITIONS), "the second worker owns everything")
        at = await applied(settings)
        first.process.send_signal(signal.SIGCONT)
        await _until(lambda: stream.sent > 30_000, "load while the zombie is awake")
        stream.stop = True
        await publishing
        await _all_applied(settings, stream.sent)
        assert at < stream.sent
        assert await asyncio.to_thread(wait_exit, first, 20) == 1, "a zombie ends as soon as it knows"
        assert first.lines()[-1].startswith("stream-app: "), "one line says why"
        assert second.process.poll() is None
    assert complaints(await changes(settings), stream.by_key) == []


@fault("two workers with one name")
async def test_two_workers_with_one_name_are_told_apart(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        first = start(environment, "w1", INSTANCE="same", **SLOW)
        await _until(lambda: _ready(first, PARTITIONS), "the first worker owns everything")
        second = start(environment, "w2", INSTANCE="same", **SLOW)
        await _until(lambda: _ready(second, PARTITIONS), "the second worker owns everything")
        assert await asyncio.to_thread(wait_exit, first, 20) == 1
        assert "STREAM_APP_INSTANCE=same" in first.lines()[-1]
        await asyncio.sleep(2)
        assert second.process.poll() is None, "the first has not pushed its successor out"


class Stream:
    """Publishes until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent = 0
        self.stop = False
        self.by_key: Counter[str] = Counter()

    async def run(self) -> None:
        """Publish a slice of events, again and again."""
        while not self.stop:
            slice_ = []
            for number in range(self.sent, self.sent + 500):
                key = f"shop/{number * 7919 % 997}"
                self.by_key[key] += 1
                slice_.append((key.encode(), Event(f"e{number}", BASE_MS + number, 1)))
            await publish(self.settings, "orders", slice_, PARTITIONS)
            self.sent += len(slice_)
            await asyncio.sleep(0.05)


def _ready(worker: Worker, partitions: int) -> bool:
    """Whether the worker's newest word is that it owns so many partitions."""
    words = [line for line in worker.lines() if "ready " in line and "partitions=" in line]
    return bool(words) and words[-1].partition("partitions=")[2].count(",") + 1 == partitions


async def _until(condition, what: str) -> None:  # type: ignore[no-untyped-def]
    ends = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < ends, f"not in time: {what}"
        await asyncio.sleep(0.1)


async def _all_applied(settings: Settings, count: int) -> None:
    ends = time.monotonic() + START_LIMIT_S
    while await applied(settings) < count:
        assert time.monotonic() < ends, "not everything was applied in time"
        await asyncio.sleep(0.2)

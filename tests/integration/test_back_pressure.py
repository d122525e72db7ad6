"""A processor that is slower than its input: what is fetched is bounded, whatever waits on the broker, and a stop is still clean."""

import asyncio
import random
import time
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.integration.workers import START_LIMIT_S, Worker, applied, publish, workers
from tests.toy import Event

PARTITIONS = 2
EVENTS = 100_000
EVENT_BYTES = 1_000
UNIT = 200
GROWTH_MIB_MAX = 48
"""Two units and two fetches of 1 MiB a partition, decoded, with what the client and the allocator keep; the input is 100 MB."""
STOP_LIMIT_S = 10.0


async def test_memory_stays_bounded_while_a_hundred_megabytes_wait(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path, "tests.slow_worker") as start:
        worker = start({**environment, "UNIT_RECORDS_MAX": str(UNIT), "SLOW_FOLD_MS": "100"})
        await publish(settings, "orders", events(0, 100), PARTITIONS)
        await applied_beyond(worker, settings, 99)
        before = peak_mib(worker)
        await publish(settings, "orders", events(100, EVENTS), PARTITIONS)
        done = await applied_beyond(worker, settings, 10_000)
        assert done < EVENTS / 2, "the input must wait, or nothing is proved"
        assert peak_mib(worker) - before < GROWTH_MIB_MAX
        began = time.monotonic()
        assert await asyncio.to_thread(worker.stop) == 0
        assert time.monotonic() - began < STOP_LIMIT_S, "a stop under load is as quick"


def events(first: int, count: int) -> list[tuple[bytes, Event]]:
    """Events that hardly compress."""
    chance = random.Random(first)
    return [(f"shop/{n % 500}".encode(), Event(chance.randbytes(EVENT_BYTES // 2).hex(), n, 1)) for n in range(first, first + count)]


async def applied_beyond(worker: Worker, settings: Settings, count: int) -> int:
    """Wait until more than `count` records are applied."""
    while (now := await applied(settings)) <= count:
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.2)
    return now


def peak_mib(worker: Worker) -> int:
    """The most memory that the process ever held."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10

"""The disk is full: one line says so, and when there is room again the work goes on where it was committed."""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.faults.names import fault
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, complaints, publish, wait_exit, workers
from tests.toy import Event

PARTITIONS = 1
EVENTS = 40_000
KEY_BYTES = 1_000
"""Large keys fill the write buffer, which is what is written to disk, with few events; they hardly compress."""
SIZE_MIB = 4


@contextmanager
def small_disk(path: Path) -> Iterator[bool]:
    """A file system of `SIZE_MIB` at `path`; False where this user may not mount one."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(path)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)


@fault("disk full")
async def test_a_full_disk_ends_the_worker_and_loses_nothing(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    chance = random.Random(5)
    keys = [f"shop/{number:05}{chance.randbytes(KEY_BYTES // 2).hex()}" for number in range(EVENTS)]
    await publish(settings, "orders", ((key.encode(), Event(f"e{n}", n + 1, 1)) for n, key in enumerate(keys)), PARTITIONS)
    with small_disk(tmp_path / "w1") as mounted, workers(tmp_path, "tests.faults.struck", "toy") as start:
        # Who may not mount a small disk gets a limit on the size of a file, which fails in the same place.
        full = start(environment, **({} if mounted else {"FILE_MIB_MAX": str(SIZE_MIB)}))
        assert await asyncio.to_thread(wait_exit, full, START_LIMIT_S) == 1
        line = full.lines()[-1]
        assert line.startswith(f"stream-app: the store cannot be written (IO error: {'No space left' if mounted else 'File too large'}")
        assert f"make room in {tmp_path / 'w1' / 'store'}, then start the worker again" in line
        before = await applied(settings)
        assert 0 < before < EVENTS, "it must strike in the middle of the work"
        again = start(environment, **({"DATA_DIR": str(tmp_path / "larger")} if mounted else {}))
        await _all_applied(settings, again)
        assert again.stop() == 0
    assert complaints(await changes(settings), dict.fromkeys(keys, 1)) == []


async def _all_applied(settings: Settings, worker: Worker) -> None:
    while await applied(settings) < EVENTS:
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.1)

"""kill -9 in the middle of the work: nothing is lost, nothing is doubled."""

import asyncio
import random
import time
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.faults.names import fault
from tests.integration.workers import START_LIMIT_S, applied, changes, complaints, publish, workers
from tests.toy import Event

PARTITIONS = 4
EVENTS = 150_000
KEYS = 3_000
KILLS = 6
BASE_MS = 1_700_000_000_000


@fault("worker killed under load")
async def test_kill_9_under_load_loses_and_doubles_nothing(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    rng = random.Random(7)
    keys = [f"shop/{rng.randrange(KEYS)}" for _ in range(EVENTS)]
    await publish(settings, "orders", ((key.encode(), Event(f"e{n}", BASE_MS + n, n % 7)) for n, key in enumerate(keys)), PARTITIONS)
    with workers(tmp_path) as start:
        before = 0
        for life in range(KILLS):
            worker = start(environment, UNIT_RECORDS_MAX="50", BATCH_WAIT_MS="0")
            now = await _committed_more(settings, before)
            await asyncio.sleep(rng.random() * 0.15)
            assert worker.process.poll() is None, "the worker must be killed by us alone"
            worker.kill()
            assert now > before, f"life {life} has committed nothing"
            before = await applied(settings)
        assert before < EVENTS, "the last kill must have come in the middle of the work"
        worker = start(environment)
        while await applied(settings) < EVENTS:
            assert time.monotonic() - worker.started < START_LIMIT_S
            await asyncio.sleep(0.2)
        assert worker.stop() == 0
    by_key = await changes(settings)
    expected: dict[str, int] = {}
    totals: dict[str, int] = {}
    for n, key in enumerate(keys):
        expected[key] = expected.get(key, 0) + 1
        totals[key] = totals.get(key, 0) + n % 7
    assert complaints(by_key, expected) == []
    assert {key: found[-1].total for key, found in by_key.items()} == totals


async def _committed_more(settings: Settings, before: int) -> int:
    """Wait until this life has committed at least one unit of work, as the markers say."""
    ends = time.monotonic() + START_LIMIT_S
    while True:
        now = await applied(settings)
        if now > before:
            return now
        assert time.monotonic() < ends, "nothing was committed in time"
        await asyncio.sleep(0.02)

"""The broker dies in the middle of the work and comes back: the worker ends or goes on, and nothing is lost or doubled."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stream_app.demo.broker import EmbeddedBroker, free_port
from stream_app.errors import BrokerUnavailableError
from stream_app.settings import Settings, load_settings
from stream_app.worker.topics import create_topics
from tests.integration.workers import START_LIMIT_S, applied, changes, complaints, publish, workers
from tests.toy import Event

PARTITIONS = 4
EVENTS = 250_000
KEYS = 700
HURRY = {"UNIT_RECORDS_MAX": "200", "BATCH_WAIT_MS": "0", "TRANSACTION_TIMEOUT_MS": "4000", "SESSION_TIMEOUT_MS": "6000"}


async def test_kill_9_of_the_broker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    settings = load_settings(broker=f"127.0.0.1:{port}", id="app", data_dir=tmp_path / "data")
    environment = {"BROKER": settings.broker, "ID": settings.id}
    with workers(tmp_path) as start:
        async with broker_on(tmp_path, port) as broker:
            await create_topics(settings, partitions=PARTITIONS)
            events = ((f"shop/{n % KEYS}".encode(), Event(f"e{n}", 1_700_000_000_000 + n, 1)) for n in range(EVENTS))
            await publish(settings, "orders", events, PARTITIONS)
            worker = start(environment, **HURRY)
            while await applied(settings) == 0:
                assert time.monotonic() - worker.started < START_LIMIT_S
                await asyncio.sleep(0.05)
            os.kill(broker.pid, signal.SIGKILL)
        async with broker_on(tmp_path, port):
            before = await applied(settings)
            assert 0 < before < EVENTS, "the broker must have died in the middle of the work"
            ends = time.monotonic() + START_LIMIT_S
            while await _applied(settings) < EVENTS:
                assert time.monotonic() < ends, "the work was not ended in time"
                if worker.process.poll() is not None:
                    assert worker.process.returncode == 1
                    assert worker.lines()[-1].startswith("stream-app: "), "one line says why"
                    worker = start(environment, **HURRY)  # as a supervisor would
                await asyncio.sleep(0.2)
            assert complaints(await changes(settings), {f"shop/{key}": len(range(key, EVENTS, KEYS)) for key in range(KEYS)}) == []
            assert worker.stop() == 0


@asynccontextmanager
async def broker_on(tmp_path: Path, port: int) -> AsyncIterator[EmbeddedBroker]:
    """A broker that this test may kill."""
    broker = EmbeddedBroker(tmp_path / "kafka", load_settings().cache_dir, port)
    await asyncio.to_thread(broker.start)
    try:
        yield broker
    finally:
        await asyncio.to_thread(broker.stop)


async def _applied(settings: Settings) -> int:
    try:
        return await applied(settings)
    except BrokerUnavailableError:
        return 0

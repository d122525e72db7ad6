"""The broker dies in the middle of the work and comes back, at once or late: nothing is lost or doubled."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from stream_app.demo.broker import free_port
from stream_app.errors import BrokerUnavailableError
from stream_app.settings import Settings, load_settings
from stream_app.worker.topics import create_topics
from tests.faults.brokers import broker_on
from tests.faults.names import fault
from tests.faults.story import Story
from tests.integration.workers import START_LIMIT_S, applied, changes, complaints, publish, workers
from tests.toy import Event

PARTITIONS = 4
EVENTS = 250_000
KEYS = 700
DOWN_S = 120
HURRY = {"UNIT_RECORDS_MAX": "200", "BATCH_WAIT_MS": "0", "TRANSACTION_TIMEOUT_MS": "4000", "SESSION_TIMEOUT_MS": "6000"}


@fault("broker killed")
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


async def _applied(settings: Settings) -> int:
    try:
        return await applied(settings)
    except BrokerUnavailableError:
        return 0


@fault("broker stopped and started")
async def test_a_clean_restart_of_the_broker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await _away(tmp_path, signal.SIGTERM, 1)


@pytest.mark.timeout(600)
@fault("broker down for two minutes")
async def test_two_minutes_without_a_broker_lose_and_double_nothing(tmp_path: Path) -> None:
    await _away(tmp_path, signal.SIGKILL, DOWN_S)


async def _away(tmp_path: Path, how: signal.Signals, down_s: float) -> None:
    """Let the broker go away for a while in the middle of the product's work."""
    port = free_port()
    story = Story(load_settings(broker=f"127.0.0.1:{port}", id="app", data_dir=tmp_path / "data"), tmp_path)
    try:
        async with broker_on(tmp_path, port) as broker:
            await story.tell(40_000, 2_000)
            worker = story.start()
            assert await story.until_applied(2_000, worker) < story.records, "it must strike in the middle of the work"
            os.kill(broker.pid, how)
            while broker.alive():
                await asyncio.sleep(0.1)
        ended, began = 0, time.monotonic()
        while time.monotonic() - began < down_s:
            if worker.process.poll() is not None:
                assert worker.process.returncode == 1
                assert worker.lines()[-1].startswith("stream-app: "), "one line says why"
                ended += 1
                worker = story.start()
            await asyncio.sleep(1)
        async with broker_on(tmp_path, port):
            worker, _ = await story.supervise(worker, limit_s=2 * START_LIMIT_S)
            assert down_s < START_LIMIT_S or ended > 1, "nobody waits for ever"
            await story.finish(worker)
    finally:
        story.close()

"""Starting, stopping, idle deadlines: within the times that are promised, and with one line when it cannot be."""

import asyncio
import socket
import time
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, publish, wait_exit, workers
from tests.toy import Event

PARTITIONS = 2
START_LINE_LIMIT_S = 15.0
COMMIT_AGAIN_LIMIT_S = 10.0
STOP_LIMIT_S = 10.0


def now_ms() -> int:
    return int(time.time() * 1000)


async def test_a_silent_partitions_deadline_is_visible_within_a_second(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment)
        await publish(settings, "orders", [(b"shop/warm", Event("warm", now_ms(), 1))], PARTITIONS)
        await _applied(worker, settings, 1)
        deadline_ms = now_ms() + 2_500
        await publish(settings, "orders", [(b"shop/1", Event("e1", deadline_ms - 2_500, 1, 2_500))], PARTITIONS)
        await _applied(worker, settings, 2)
        assert now_ms() < deadline_ms, "the deadline passes while nothing happens anywhere"
        assert [change.cause for change in (await changes(settings))["shop/1"]] == ["e1"]
        while True:
            seen = [change.cause for change in (await changes(settings))["shop/1"]]
            late_ms = now_ms() - deadline_ms
            if seen == ["e1", "silence"]:
                break
            assert late_ms < 1_000, "the change must be visible within a second"
            await asyncio.sleep(0.02)
        assert late_ms >= 0, "a deadline may never fire late, and this processor never early"
        await asyncio.sleep(0.3)
        assert [change.cause for change in (await changes(settings))["shop/1"]] == ["e1", "silence"], "it fires once"
        assert worker.stop() == 0


async def test_a_deadline_that_passes_while_no_worker_runs_fires_after_the_start(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment)
        await publish(settings, "orders", [(b"shop/warm", Event("warm", now_ms(), 1))], PARTITIONS)
        await _applied(worker, settings, 1)
        deadline_ms = now_ms() + 5_000
        await publish(settings, "orders", [(b"shop/1", Event("e1", deadline_ms - 5_000, 1, 5_000))], PARTITIONS)
        await _applied(worker, settings, 2)
        worker.kill()
        assert now_ms() < deadline_ms, "the deadline passes while no worker runs"
        assert [change.cause for change in (await changes(settings))["shop/1"]] == ["e1"]
        await asyncio.sleep(max(0, deadline_ms - now_ms()) / 1000)
        again = start(environment, STORE="memory")
        while len((await changes(settings))["shop/1"]) < 2:
            assert time.monotonic() - again.started < START_LIMIT_S
            await asyncio.sleep(0.1)
        assert [change.cause for change in (await changes(settings))["shop/1"]] == ["e1", "silence"]


async def test_a_restarted_worker_commits_again_within_ten_seconds(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment, SESSION_TIMEOUT_MS="30000")
        await publish(settings, "orders", [(b"shop/1", Event("e0", now_ms(), 1))], PARTITIONS)
        await _applied(worker, settings, 1)
        worker.kill()
        await publish(settings, "orders", [(b"shop/1", Event("e1", now_ms(), 1))], PARTITIONS)
        again = start(environment, SESSION_TIMEOUT_MS="30000")
        await _applied(again, settings, 2)
        assert time.monotonic() - again.started < COMMIT_AGAIN_LIMIT_S, "static membership: no session time-out is waited for"


async def test_a_stop_signal_ends_the_worker_cleanly_in_time(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await publish(settings, "orders", [(f"shop/{n}".encode(), Event(f"e{n}", n + 1, 1)) for n in range(60_000)], PARTITIONS)
    with workers(tmp_path) as start:
        worker = start(environment, UNIT_RECORDS_MAX="200", BATCH_WAIT_MS="0")
        await _applied(worker, settings, 1)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < STOP_LIMIT_S
        assert await applied(settings) < 60_000, "it was stopped in the middle of the work"
        assert "stopped" in worker.lines()[-1]


async def test_a_second_worker_on_one_data_directory_refuses(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    with workers(tmp_path) as start:
        first = start(environment)
        await publish(settings, "orders", [(b"shop/1", Event("e0", now_ms(), 1))], PARTITIONS)
        await _applied(first, settings, 1)
        second = Worker({**environment, "DATA_DIR": str(tmp_path / "w1"), "INSTANCE": "w2"}, tmp_path / "second.log")
        try:
            assert await asyncio.to_thread(wait_exit, second, START_LINE_LIMIT_S) == 1
            fix = "stop it, or set STREAM_APP_DATA_DIR to another directory"
            assert second.lines() == [f"stream-app: data directory {tmp_path / 'w1'} is used by another worker: {fix}"]
        finally:
            second.close()
        assert first.process.poll() is None


async def test_a_missing_topic_is_one_line(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    with workers(tmp_path) as start:
        worker = start(environment)
        assert await asyncio.to_thread(wait_exit, worker, START_LINE_LIMIT_S) == 1
        assert worker.lines()[-1].startswith(f"stream-app: topic {settings.topic('orders')} does not exist")
        assert len(worker.lines()) == 1


async def test_an_unreachable_broker_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with workers(tmp_path) as start:
            worker = start(environment, BROKER=address)
            assert await asyncio.to_thread(wait_exit, worker, START_LINE_LIMIT_S) == 1
            assert worker.lines() == [
                f"stream-app: no Kafka broker answers at {address}: start it, or set STREAM_APP_BROKER to where it is"
            ]


async def _applied(worker: Worker, settings: Settings, count: int) -> None:
    while await applied(settings) < count:
        assert worker.process.poll() is None, "the worker has ended"
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.05)

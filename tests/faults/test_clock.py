"""The wall clock jumps: what comes of the same events is the same, and a deadline fires once, never early by the clock it reads."""

import asyncio
import time
from pathlib import Path

import pytest

from stream_app.settings import Settings
from stream_app.worker.topics import create_topics
from tests.faults.names import fault
from tests.faults.story import Story
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, publish, workers
from tests.toy import Event

HOUR_S = 3_600


@fault("clock jumps to and fro")
async def test_a_clock_that_jumps_by_hours_changes_nothing(story: Story) -> None:
    await story.tell()
    worker = story.start(CLOCK=f"{20 * HOUR_S}:50", STRIKE="kill:stored:20")
    await asyncio.to_thread(worker.process.wait, 60)
    assert worker.lines()[-1] == "struck stored"
    assert await story.applied() < story.records
    await story.finish(story.start(CLOCK=f"{-20 * HOUR_S}:50"))


@pytest.mark.parametrize("shift_s", [HOUR_S, -HOUR_S])
@fault("clock jumps over a deadline")
async def test_a_deadline_fires_once_whatever_the_clock_does(
    settings: Settings, environment: dict[str, str], tmp_path: Path, shift_s: int
) -> None:
    """First by a clock an hour fast (or slow), then by the true one: the same deadline fires when the worker's clock has reached it."""
    await create_topics(settings, partitions=1)
    now_ms = int(time.time() * 1000)
    patience_ms = 2_000 + max(0, shift_s) * 500  # a fast clock is already past it, a slow one is not there yet
    with workers(tmp_path, "tests.faults.struck", "toy") as start:
        worker = start(environment, CLOCK=str(shift_s))
        await publish(settings, "orders", [(b"shop/1", Event("e1", now_ms, 1, patience_ms))], 1)
        await _applied(settings, worker, 1)
        if shift_s > 0:
            await _says(settings, worker, ["e1", "silence"])
        else:
            await asyncio.sleep(3)
            assert await _causes(settings) == ["e1"], "not before its time by the clock that is read"
        assert worker.stop() == 0
        again = start(environment)
        await publish(settings, "orders", [(b"shop/2", Event("e2", now_ms, 1))], 1)
        await _applied(settings, again, 2)
        await _says(settings, again, ["e1", "silence"])
        await asyncio.sleep(0.5)
        assert await _causes(settings) == ["e1", "silence"], "it fires once"
        assert again.stop() == 0


async def _causes(settings: Settings) -> list[str]:
    return [change.cause for change in (await changes(settings))["shop/1"]]


async def _says(settings: Settings, worker: Worker, causes: list[str]) -> None:
    while await _causes(settings) != causes:
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.05)


async def _applied(settings: Settings, worker: Worker, count: int) -> None:
    while await applied(settings) < count:
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S
        await asyncio.sleep(0.05)

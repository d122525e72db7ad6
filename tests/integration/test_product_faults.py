"""Exactly once, on the whole product: what a worker that is killed, joined and left has committed is what the replay says."""

import asyncio
import time
from pathlib import Path

import pytest

from benchmarks.history import make_history
from stream_app.settings import Settings
from tests.integration import product
from tests.integration.workers import Worker, workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
POLICY = Path(__file__).parents[2] / "benchmarks" / "policy.yaml"
PARTITIONS = 4
KILLS = 10
PRODUCT = ("stream_app", "worker")


def prepare(environment: dict[str, str], tmp_path: Path, events: int, customers: int) -> Path:
    """Topics, policy and history, published to its end; returns the history."""
    history = product.write_lines(tmp_path / "history.jsonl", make_history(events, customers, seed=7))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(POLICY))
    product.run(environment, "publish", str(history), "--history")
    return history


async def applied_beyond(settings: Settings, before: int, worker: Worker, limit_s: float) -> int:
    """Wait until the markers are beyond `before`; fails when the worker ends or the time is up."""
    began = time.monotonic()
    while (now := await product.applied(settings)) <= before:
        assert worker.process.poll() is None, "the worker ended by itself"
        assert time.monotonic() - began < limit_s, f"nothing was committed within {limit_s} s"
        await asyncio.sleep(0.05)
    return now


async def compare(settings: Settings, tmp_path: Path, history: Path) -> None:
    """What was committed equals the replay, one by one."""
    said, final = await product.committed(settings), await product.profiles(settings)
    expected, expected_final, rejected = product.replayed(tmp_path, [history], POLICY)
    assert product.differences(said, expected) == []
    assert product.holes(said) == []
    assert await product.dead_letters(settings) == rejected
    statuses = {key: (profile["data"]["statuses"], profile["data"]["sequence"]) for key, profile in final.items()}
    assert statuses == {key: (profile["data"]["statuses"], profile["data"]["sequence"]) for key, profile in expected_final.items()}


async def test_ten_kills_lose_and_double_nothing(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    events = 300_000
    history = prepare(environment, tmp_path, events, 20_000)
    with workers(tmp_path, *PRODUCT) as start:
        done = 0
        for _ in range(KILLS):
            worker = start({**environment, "UNIT_RECORDS_MAX": "1000"})
            # A restarted static member commits again within ten seconds of its start, and is killed only after that.
            done = await applied_beyond(settings, done, worker, 10.0)
            assert done < events, "the history was over before the last kill"
            worker.kill()
            done = await product.applied(settings)
        last = start(environment)
        await applied_beyond(settings, events + PARTITIONS - 1, last, 180.0)
        assert last.stop() == 0
    await compare(settings, tmp_path, history)


async def test_a_second_worker_comes_and_goes_under_load(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    events = 150_000
    history = prepare(environment, tmp_path, events, 10_000)
    with workers(tmp_path, *PRODUCT) as start:
        slow = {**environment, "UNIT_RECORDS_MAX": "500"}
        first = start(slow, "w1")
        done = await applied_beyond(settings, 0, first, 30.0)
        second = start(slow, "w2")
        await second_owns(second)
        done = await applied_beyond(settings, done, second, 30.0)
        assert done < events, "the history was over before the second worker had a share"
        assert second.stop() == 0
        await applied_beyond(settings, events + PARTITIONS - 1, first, 180.0)
        assert first.stop() == 0
    await compare(settings, tmp_path, history)


async def second_owns(worker: Worker) -> None:
    """Wait until a worker says which partitions it has taken."""
    began = time.monotonic()
    while not any("ready" in line and "partitions=[" in line and "partitions=[]" not in line for line in worker.lines()):
        assert worker.process.poll() is None
        assert time.monotonic() - began < 60, "the second worker got no partitions"
        await asyncio.sleep(0.1)

"""A worker of several processes: each has partitions of its own, one port shows them all, and it ends as one."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from stream_app.demo.broker import free_port
from stream_app.settings import Settings
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics
from tests.faults.story import POLICY, history
from tests.integration import product
from tests.integration.workers import Worker, pid_alive, workers
from tests.pages import page

PARTITIONS = 4
LIMIT_S = 60.0


async def until(is_so: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < ends, what
        await asyncio.sleep(0.1)


def processes_of(worker: Worker) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()]


def shown(port: int) -> dict[str, float]:
    """What the port shows, by name and labels."""
    families = text_string_to_metric_families(page(port, "/metrics")[1])
    return {f"{one.name}{sorted(one.labels.items())}": one.value for family in families for one in family.samples}


def by_partition(port: int) -> dict[str, float]:
    return {partition: shown(port).get(f"customer_status_records_total[('partition', '{partition}')]", 0.0) for partition in "0123"}


async def test_two_processes_are_one_worker(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await publish_policy(settings, POLICY)
    port = free_port()
    given = {**environment, "PROCESSES": "2", "METRICS_PORT": str(port), "UNIT_RECORDS_MAX": "50", "SESSION_TIMEOUT_MS": "6000"}
    file = history(8_000, 400)
    done = await publish(settings, [file], history=True)  # before they start: in the order of the log, whatever its topics
    records = sum(done.events.values()) + done.watermarks * PARTITIONS
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(given)
        await until(lambda: page(port, "/readyz")[0] == 200, "both are ready")
        assert page(port, "/healthz") == (200, "ok")
        log = worker.log.read_text()
        assert "started processes" in log
        ready = [set(found.split(", ")) for found in re.findall(r" ready .*partitions=\[([0-9, ]+)\]", log)]
        assert ready[-1] | ready[-2] == set("0123"), "between them they have all partitions"
        assert not ready[-1] & ready[-2], "and none of them twice"

        await until(lambda: all(by_partition(port).values()), "each partition is somebody's, and one port shows them all")
        first, second = processes_of(worker)
        os.kill(first, signal.SIGKILL)
        assert await asyncio.to_thread(worker.process.wait, 20) == 1, "without one of them it is no worker"
        assert worker.lines()[-1] == "stream-app: a process of this worker was ended by SIGKILL: start the worker again"
        assert not pid_alive(second)
        struck = await product.applied(settings)
        assert 0 < struck < records, "it was killed in the middle"

        again = start(given)
        await until(lambda: sum(by_partition(port).values()) == records - struck, "it begins where it was")
        expected, final, rejected = product.replayed(tmp_path, [file], POLICY)
        ends = time.monotonic() + LIMIT_S
        while found := product.differences(await product.committed(settings), expected):
            assert time.monotonic() < ends, found
            await asyncio.sleep(0.2)
        assert await asyncio.to_thread(again.stop) == 0
        assert again.log.read_text().count(" stopped ") == 3, "the second of the first life, and both of this one"
    assert product.differences(await product.committed(settings), expected) == []
    statuses = {key: one["data"]["statuses"] for key, one in (await product.profiles(settings)).items()}
    assert statuses == {key: one["data"]["statuses"] for key, one in final.items()}
    assert await product.dead_letters(settings) == rejected


async def test_what_all_of_them_would_say_is_said_once(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start({**environment, "PROCESSES": "3"})
        assert await asyncio.to_thread(worker.process.wait, 30) == 1
        said = [line for line in worker.lines() if line.startswith("stream-app: ")]
        assert len(said) == 1
        assert settings.topic("orders") in said[0]

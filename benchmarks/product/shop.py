"""Our product in one measurement: its topics and policy on a broker, its workers as processes, and how far they have come."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.place import PARTITIONS, Place
from benchmarks.product.process import usage
from stream_app.engine.stores.marker import MARKER_KEY, decode_marker
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings, child_environment, load_settings
from stream_app.worker.cluster import reader
from stream_app.worker.topics import TABLE

_POLL_S = 0.25
_QUIET_S = 0.75
_STALL_S = 60.0
_READY_S = 120.0
_STOP_S = 30.0


class Step(NamedTuple):
    """A committed unit of work: when, and how many records all partitions have applied by then."""

    at_ms: int
    applied: int


@dataclass
class Worker:
    """A worker process; `log` is what it prints, one JSON object a line."""

    process: "subprocess.Popen[bytes]"
    log: Path
    started: float

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines it logged about `event`."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [entry for line in lines if line.startswith("{") and (entry := json.loads(line)).get("event") == event]

    def wait_for(self, event: str) -> dict[str, Any]:
        """Wait until it has logged `event`; the last line about it."""
        self._wait(lambda: bool(self.said(event)), event)
        return self.said(event)[-1]

    def wait_ready(self, partitions: int, processes: int = 1) -> None:
        """Wait until its processes share all partitions, and work on them."""

        def is_ready() -> bool:
            shares = [entry["partitions"] for entry in self.said("ready")[-processes:]]
            return sorted(number for share in shares for number in share) == list(range(partitions))

        self._wait(is_ready, "ready")

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _READY_S
        while not is_so():
            self.check()
            assert time.monotonic() < until, f"the worker did not say {what!r} within {_READY_S:.0f} s"
            time.sleep(0.05)

    def check(self) -> None:
        """Fail when it has ended."""
        status = self.process.poll()
        assert status is None, f"the worker ended with {status}: {self.log.read_text(errors='replace')[-400:]}"

    def usage(self) -> tuple[float, int]:
        """CPU seconds and resident MiB."""
        return usage(self.process.pid)


class Shop:
    """One application with topics of its own."""

    def __init__(self, place: Place, name: str, policy: Path, partitions: int = PARTITIONS) -> None:
        """Create the topics and publish the policy; `name` is the prefix of its topics."""
        self.place, self.name, self.partitions = place, name, partitions
        self.settings: Settings = load_settings(broker=place.broker, id=name, topic_prefix=f"{name}-", data_dir=place.folder / name)
        changelog = self.settings.topic(changelog_name(self.settings.id, TABLE))
        self._changelog = [TopicPartition(changelog, number) for number in range(partitions)]
        self._read_to: dict[TopicPartition, int] = {}
        self._applied: dict[int, int] = {}
        self.run("topics", "create", "--partitions", str(partitions))
        self.run("policy", "publish", str(policy))

    def run(self, *arguments: str) -> None:
        """Run a command of the product to its end."""
        command = [sys.executable, "-m", "stream_app", *arguments]
        subprocess.run(command, env=self.environment(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def publish(self, history: Path) -> None:
        """Publish a file, and the watermarks at its end."""
        self.run("publish", str(history), "--history")

    @contextmanager
    def worker(self, name: str = "w1", **extra: str) -> Iterator[Worker]:
        """Run a worker, the status fold alone; each name has its own data directory, which stays. `extra` are settings."""
        log = self.place.folder / f"{self.name}-{name}-{time.monotonic_ns()}.log"
        environment = self.environment(
            INSTANCE=name, DATA_DIR=str(self.place.folder / self.name / name), LOG_FORMAT="json", **{"INSIGHTS": "false", **extra}
        )
        with log.open("wb") as target:
            command = [sys.executable, "-m", "stream_app", "worker"]
            started = time.monotonic()
            process = subprocess.Popen(command, env=environment, stdout=target, stderr=subprocess.STDOUT)
            try:
                worker = Worker(process, log, started)
                yield worker
                worker.check()
                process.terminate()
                process.wait(_STOP_S)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def wait_applied(self, records: int, *workers: Worker) -> list[Step]:
        """Wait until `records` more are applied; every unit of work since the last call, in order of time."""
        return asyncio.run(self._wait_applied(records, workers))

    def skip_changelog(self) -> None:
        """Leave out of what follows all that the changelog holds now."""
        asyncio.run(self._skip())

    async def _wait_applied(self, records: int, workers: Sequence[Worker]) -> list[Step]:
        """While workers work, only the changelog's ends are asked for: reading it would take a core from them."""
        steps = [Step(0, sum(self._applied.values()))]
        target = steps[0].applied + records
        end, looked, moved = 0, 0, time.monotonic()
        async with reader(self.settings) as client:
            client.assign(self._changelog)
            while True:
                for worker in workers:
                    worker.check()
                now, ends = time.monotonic(), await client.end_offsets(self._changelog)
                if sum(ends.values()) != end:
                    end, moved = sum(ends.values()), now
                elif end != looked and now - moved > _QUIET_S:
                    looked = end
                    steps += await self._steps(client, ends)
                    if steps[-1].applied >= target:
                        return steps[1:]
                assert now - moved < _STALL_S, f"nothing was committed for {_STALL_S:.0f} s"
                await asyncio.sleep(_POLL_S)

    async def _steps(self, client: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[Step]:
        """The units of work between where this was called last and `ends`, in order of time."""
        units: list[tuple[int, int, int]] = []
        for tp in self._changelog:
            client.seek(tp, self._read_to.get(tp, 0))
        while pending := [tp for tp in self._changelog if await client.position(tp) < ends[tp]]:
            for tp, records in (await client.getmany(*pending, timeout_ms=200)).items():
                # Inputs hold no transaction markers (a plain producer wrote them), so offsets count records.
                units += [
                    (record.timestamp, tp.partition, sum(decode_marker(record.value).offsets.values()))
                    for record in records
                    if record.key == MARKER_KEY
                ]
        self._read_to = ends
        steps = []
        for at_ms, partition, offsets in sorted(units):
            self._applied[partition] = offsets
            steps.append(Step(at_ms, sum(self._applied.values())))
        return steps

    async def _skip(self) -> None:
        async with reader(self.settings) as client:
            client.assign(self._changelog)
            self._read_to = await client.end_offsets(self._changelog)

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of a process of the product, with `extra` settings."""
        given = {"BROKER": self.place.broker, "ID": self.name, "TOPIC_PREFIX": f"{self.name}-", "DATA_DIR": str(self.settings.data_dir)}
        return child_environment(**{**given, **extra})


def rate(steps: list[Step]) -> float:
    """Records a second between the first committed unit of work and the last: start-up is excluded."""
    first, last = steps[0], steps[-1]
    assert last.at_ms > first.at_ms, "one unit of work held everything: the input is too small to tell a rate"
    return (last.applied - first.applied) * 1000 / (last.at_ms - first.at_ms)


def rate_once_warm(steps: list[Step]) -> float:
    """Records a second from the last unit of work at which no more than half were applied to the end.

    As W1 counts: the start of each process and its warm-up are in the first half.
    """
    last = steps[-1]
    first = next(
        (step for step in reversed(steps[:-1]) if step.applied - steps[0].applied <= (last.applied - steps[0].applied) / 2), steps[0]
    )
    return rate([first, last])

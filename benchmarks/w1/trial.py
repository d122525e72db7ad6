"""One run of one system: start it, wait until it is done, stop it, and compare what it leaves with the reference."""

import asyncio
import json
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.product.process import usage
from benchmarks.w1.orders import Reference
from benchmarks.w1.systems import System, Task, read_said
from benchmarks.w1.verdict import COMPLAINTS_MAX, Said, Totals, complete, rate, wrong_changes, wrong_totals
from stream_app.settings import Settings, load_settings
from stream_app.worker.cluster import read_to_end

_POLL_S = 0.25
_QUIET_S = 1.0
_STALL_S = 45.0
_STOP_S = 30.0


class WrongResultError(Exception):
    """A system's results are not the reference's, or it did not finish: its figure must not count."""


@dataclass(frozen=True)
class Trial:
    """One figure: orders a second, and what it cost."""

    events_per_s: float
    cpu_us_per_event: float
    rss_mib: int


async def create_topic(broker: str, name: str, partitions: int, *, appended: bool = False) -> None:
    """Create a topic; `appended`: its records carry the moment at which the broker wrote them."""
    configs = {"message.timestamp.type": "LogAppendTime"} if appended else {}
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        assert not any(code for _, code, *_ in answer.topic_errors), answer
    finally:
        await admin.close()


def run_trial(system: System, prefix: list[str], task: Task, reference: Reference) -> Trial:
    """Run `system` over the orders once.

    Raises:
        WrongResultError: what it published or stored is wrong, or it stopped before the end.
    """
    settings = load_settings(broker=task.broker)
    task.folder.mkdir(parents=True)
    log = task.folder.with_suffix(".log")
    with log.open("wb") as target:
        process = subprocess.Popen(system.command(prefix, task), env=system.environment(task), stdout=target, stderr=target)
        try:
            said, (cpu_s, rss_mib) = asyncio.run(_until_done(settings, task, reference, process))
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_S)
        except WrongResultError as error:
            raise WrongResultError(f"{error}; it said: {log.read_text(errors='replace')[-300:]!r}") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    complaints = wrong_changes(reference, said, full=system.full) + asyncio.run(_wrong_stored(settings, system, task, reference))
    if complaints:
        raise WrongResultError(f"{len(complaints)} differences: {'; '.join(complaints[:COMPLAINTS_MAX])}")
    return Trial(rate(reference, said), cpu_s * 1e6 / reference.orders, rss_mib)


async def _until_done(
    settings: Settings, task: Task, reference: Reference, process: "subprocess.Popen[bytes]"
) -> tuple[list[Said], tuple[float, int]]:
    """Everything published, once it is complete, and the usage. While the system works, only the ends of its topic are asked for."""
    end, moved = -1, time.monotonic()
    looked = -1
    used = 0.0, 0
    consumer = AIOKafkaConsumer(bootstrap_servers=task.broker, isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        while True:
            alive = process.poll() is None
            if alive:
                used = usage(process.pid)
            ends = await consumer.end_offsets([TopicPartition(task.output, number) for number in range(4)])
            now = time.monotonic()
            if sum(ends.values()) != end:
                end, moved = sum(ends.values()), now
            if end != looked and end >= len(reference.totals) and (now - moved > _QUIET_S or not alive):
                said = await _said(settings, task.output)
                looked = end
                if complete(reference, said):
                    return said, used
            if not alive:
                raise WrongResultError(f"it ended with exit status {process.returncode} before all changes were published")
            if now - moved > _STALL_S:
                raise WrongResultError(f"nothing was published for {_STALL_S:.0f} s, and changes are missing")
            await asyncio.sleep(_POLL_S)
    finally:
        await consumer.stop()


async def _said(settings: Settings, output: str) -> list[Said]:
    said = [read_said(record.timestamp, record.value) async for record in read_to_end(settings, output)]
    return [change for change in said if change is not None]


async def _wrong_stored(settings: Settings, system: System, task: Task, reference: Reference) -> list[str]:
    if system.read_total is not None:
        return wrong_totals(reference, await _changelog(settings, system, task))
    dumped = task.folder / "totals.json"
    if dumped.is_file():
        stored = json.loads(dumped.read_text(encoding="utf-8"))
        return wrong_totals(reference, {customer: tuple(total) for customer, total in stored.items()})
    return _wrong_sums(reference, task.folder / "sums.json")


def _wrong_sums(reference: Reference, dumped: Path) -> list[str]:
    expected = [reference.orders, sum(total for _, total in reference.totals.values())]
    stored = json.loads(dumped.read_text(encoding="utf-8")) if dumped.is_file() else None
    return [] if stored == expected else [f"stored {stored} in all, not {expected}"]


async def _changelog(settings: Settings, system: System, task: Task) -> Totals:
    """The newest totals of every customer in the system's changelog."""
    assert system.read_total is not None
    admin = AIOKafkaAdminClient(bootstrap_servers=task.broker)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if task.group in name and "changelog" in name]
    finally:
        await admin.close()
    totals: dict[str, tuple[int, int, str]] = {}
    for name in names:
        async for record in read_to_end(settings, name):
            total = system.read_total(record.key, record.value)
            if total is not None:
                totals[total[0]] = total[1]
    return totals

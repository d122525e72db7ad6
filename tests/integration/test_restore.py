"""A restore says how far it is, stops when told to, and goes on where it stopped."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import msgspec

from stream_app.demo.broker import free_port
from stream_app.engine.stores.frame import frame
from stream_app.engine.stores.marker import MARKER_KEY, Marker, encode_marker
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.cluster import producer
from stream_app.worker.topics import INPUTS, TABLE, create_topics
from tests.integration.workers import START_LIMIT_S, Worker, applied, changes, publish, workers
from tests.pages import page
from tests.toy import Event, State

PARTITIONS = 2
RECORDS = 40_000
STOP_LIMIT_S = 10.0
LEFT = re.compile(r"not ready: restoring, (\d+) records left(?:, (\d+) a second, about (\d+) s to go)?")


async def test_progress_is_told_and_a_stop_in_the_middle_is_clean(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await write_changelog(settings)
    with workers(tmp_path, "tests.slow_worker") as start:
        port = free_port()
        slow = start({**environment, "METRICS_PORT": str(port), "SLOW_RESTORE_MS": "25"})
        seen = await watch_restore(slow, port)
        lefts = [int(found[1]) for found in seen]
        assert 0 < lefts[-1] < lefts[0] <= RECORDS + 2 * PARTITIONS
        assert lefts == sorted(lefts, reverse=True)
        assert all(found[3] is not None for found in seen[1:]), "once something is read, an end is in sight"
        assert gauge(port, "customer_status_restore_eta_seconds") > 0
        assert 0 < gauge(port, "customer_status_restore_records_left") < lefts[0]
        assert gauge(port, "customer_status_ready") == 0
        began = time.monotonic()
        assert await asyncio.to_thread(slow.stop) == 0
        assert time.monotonic() - began < STOP_LIMIT_S
        assert any(re.search(r"restoring .*eta_s=\d+.*offsets_left=\d+.*per_s=\d+", line) for line in slow.lines())
        assert "stopped" in slow.lines()[-1]
        assert not any("ready" in line for line in slow.lines()), "it was stopped in the middle of the restore"

        again = start({**environment, "METRICS_PORT": str(port)})
        await publish(settings, "orders", [(b"shop/7", Event("e1", 1, 1))], PARTITIONS)
        while await applied(settings) < 1:
            assert time.monotonic() - again.started < START_LIMIT_S
            await asyncio.sleep(0.1)
        offsets = re.search(r"offsets=(\d+)", next(line for line in reversed(again.lines()) if "restored" in line))
        assert offsets is not None
        assert 0 < int(offsets[1]) < lefts[-1] + 1, "what was restored before the stop is kept"
        while page(port, "/readyz") != (200, "ready"):
            assert time.monotonic() - again.started < START_LIMIT_S
            await asyncio.sleep(0.1)
        assert gauge(port, "customer_status_restore_eta_seconds") == gauge(port, "customer_status_restore_records_left") == 0
        assert again.stop() == 0
    assert [change.sequence for change in (await changes(settings))["shop/7"]] == [8], "the restored state counts on"


async def write_changelog(settings: Settings) -> None:
    """A changelog as a worker would have left it, of many customers whose count is their number."""
    marker = encode_marker(Marker({settings.topic(name): 0 for name in INPUTS}, {"stream_ms": 0}))
    wire = settings.topic(changelog_name(settings.id, TABLE))
    async with producer(settings, max_batch_size=1 << 20) as client:
        for partition in range(PARTITIONS):
            records = [(f"shop/{n}".encode(), frame(msgspec.msgpack.encode(State(n, n, n)), None)) for n in range(RECORDS // PARTITIONS)]
            for first in range(0, len(records), 500):
                batch = client.create_batch()
                for key, value in [*records[first : first + 500], (MARKER_KEY, marker)]:
                    assert batch.append(timestamp=1, key=key, value=value) is not None
                batch.close()
                await client.send_batch(batch, wire, partition=partition)
        await client.flush()


async def watch_restore(worker: Worker, port: int) -> list[re.Match[str]]:
    """What `/readyz` says during the restore, until the log has said something too."""
    seen: list[re.Match[str]] = []
    while not any("restoring" in line for line in worker.lines()):
        assert worker.process.poll() is None
        assert time.monotonic() - worker.started < START_LIMIT_S, "no progress was told in time"
        status, text = page(port, "/readyz")
        assert status != 200, "the restore was over before it was seen"
        if found := LEFT.fullmatch(text):
            assert status == 503
            seen.append(found)
        await asyncio.sleep(0.1)
    assert len(seen) > 3
    return seen


def gauge(port: int, name: str) -> float:
    """A metric, summed over its labels."""
    lines: Any = [line for line in page(port, "/metrics")[1].splitlines() if line.startswith(name)]
    assert lines, name
    return sum(float(line.rpartition(" ")[2]) for line in lines)

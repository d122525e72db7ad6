"""`ingest` on a real Kafka, killed with -9 under load: whatever it answered with 2xx is there, and what was cut off can be sent again."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from benchmarks.product.posting import SHOP, Posting
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.topics import create_topics
from tests.integration.workers import Worker, workers

KEY = "only-for-this-test"
PARTITIONS = 3
SIZE = 5
ENOUGH = 150


async def port_of(worker: Worker) -> int:
    """The port that it says it answers on."""
    async with asyncio.timeout(30):
        while True:
            assert worker.process.poll() is None, worker.log.read_text()[-2_000:]
            said = re.findall(r"http://127\.0\.0\.1:([0-9]+)/v1/events", worker.log.read_text())
            if said:
                return int(said[-1])
            await asyncio.sleep(0.05)


async def stored(settings: Settings) -> dict[str, list[Any]]:
    """The records of `orders`, by the id of their event."""
    found: dict[str, list[Any]] = {}
    async for record in read_to_end(settings, "orders"):
        found.setdefault(json.loads(record.value)["id"], []).append(record)
    return found


async def test_what_was_answered_survives_a_kill_in_the_middle(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    given = {**environment, "INGEST_KEYS": json.dumps({SHOP: {"keys": [KEY]}}), "INGEST_PORT": "0"}
    with workers(tmp_path, "stream_app", "ingest") as start:
        first = start(given, "first")
        posting = Posting(await port_of(first), KEY, "k", size=SIZE, connections=16)
        running = asyncio.create_task(posting.run(400, 60))
        async with asyncio.timeout(30):
            while len(posting.stored) < ENOUGH or not posting.is_under_way:
                await asyncio.sleep(0.001)
        first.kill()
        await running
        assert posting.unanswered, "the kill struck nothing"
        assert set(posting.statuses) == {202}
        before = await stored(settings)
        ids = {number: [f"k-{number * SIZE + place}" for place in range(SIZE)] for number in (*posting.stored, *posting.unanswered)}
        assert [one for number in posting.stored for one in ids[number] if one not in before] == []

        second = start(given, "second")
        again = Posting(await port_of(second), KEY, "k", size=SIZE, connections=1)
        again.only(posting.unanswered)
        await again.run(400, 1.0)
        assert sorted(again.stored) == sorted(posting.unanswered)
        after = await stored(settings)
        assert set(after) == {one for each in ids.values() for one in each}
        for records in after.values():
            for record in records:
                assert record.partition == partition_of(record.key, PARTITIONS)
        assert second.stop() == 0

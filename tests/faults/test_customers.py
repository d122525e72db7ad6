"""Customers who are not like others: one has half of all events, one has a million; states stay bounded, and nobody waits for them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.history import START_MS, YEAR_MS, make_history
from stream_app.codec.times import format_time
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.topics import TABLE, create_topics
from tests.faults.names import fault
from tests.faults.story import PARTITIONS, Story, with_flaws
from tests.integration import product
from tests.integration.workers import Worker

STATE_BYTES_MAX = 512 << 10
MEMORY_MIB_MAX = 500
HOT = "customer-hot"


async def largest_state(settings: Settings) -> int:
    """The size of the largest record in the changelog."""
    return max(
        [len(record.value) async for record in read_to_end(settings, changelog_name(settings.id, TABLE)) if record.key != MARKER_KEY]
    )


def memory_mib(worker: Worker) -> int:
    """The most memory that a worker has used so far."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10


async def tell(story: Story, events: Iterator[dict[str, Any]]) -> None:
    """Publish a history of its own."""
    await create_topics(story.settings, partitions=PARTITIONS)
    await publish_policy(story.settings, story.policy)
    await story.go_on(product.write_lines(story.tmp_path / "history.jsonl", events))


@fault("hot customer with half of all events")
async def test_half_of_all_events_are_of_one_customer(story: Story) -> None:
    chance = random.Random(11)
    events = 20_000
    # Events about an earlier order stay with their customer: only orders and contacts change hands.
    free = {"order.placed", "contact.made"}
    orders: dict[str, str] = {}

    def hot() -> Iterator[dict[str, Any]]:
        for event in make_history(events, 1_000, seed=7):
            order_id = event["data"].get("order_id")
            subject = HOT if event["type"] in free and chance.random() < 0.5 else orders.get(order_id, event["subject"])
            orders[order_id] = subject
            yield {**event, "subject": subject}

    await tell(story, with_flaws(hot()))
    worker = story.start(UNIT_RECORDS_MAX="1000")
    await story.until_applied(1, worker)
    worker.kill()
    assert await story.applied() < story.records, "it must strike in the middle of the work"
    worker = story.start(UNIT_RECORDS_MAX="1000")
    await story.finish(worker)
    said = [event for (topic, key), found in (await product.committed(story.settings)).items() if key == f"bench/{HOT}" for event in found]
    assert said
    assert await largest_state(story.settings) < STATE_BYTES_MAX


@pytest.mark.timeout(900)
@fault("hot customer with a million events")
async def test_a_customer_with_a_million_events_stays_bounded(story: Story) -> None:
    events = 1_000_000

    def million() -> Iterator[dict[str, Any]]:
        for number in range(events):
            time_ms = START_MS + number * YEAR_MS // events
            order: dict[str, Any] = {"order_id": f"o-{number}", "currency": "EUR", "total_minor": 1_000 + number % 997, "lines": []}
            about = {"id": f"e-{number}", "source": "/shops/bench", "type": "order.placed", "subject": HOT, "time": format_time(time_ms)}
            yield {"specversion": "1.0", **about, "data": order}

    await tell(story, million())
    worker = story.start(UNIT_RECORDS_MAX="4000", TRANSACTION_TIMEOUT_MS="15000")
    await story.until_applied(events // 4, worker, limit_s=300)
    worker.kill()
    assert await story.applied() < story.records, "it must strike in the middle of the work"
    worker = story.start(UNIT_RECORDS_MAX="4000", TRANSACTION_TIMEOUT_MS="15000", METRICS_PORT="0")
    await story.until_applied(story.records, worker, limit_s=300)
    assert memory_mib(worker) < MEMORY_MIB_MAX
    states = await product.states(story.settings)
    assert len(states[f"bench/{HOT}"].order_ms) <= 2_000
    assert await largest_state(story.settings) < STATE_BYTES_MAX
    await story.finish(worker)

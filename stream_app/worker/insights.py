"""The insights process: a second fold on the same engine, with a consumer group, a table and a data directory of its own."""

import asyncio
import os

from stream_app.engine.fold import Processor
from stream_app.processor.hop import REKEYED
from stream_app.processor.insights.fold import InsightsProcessor, InsightsTopics
from stream_app.processor.marks import Erasing
from stream_app.processor.policies import PolicyBook
from stream_app.settings import Settings, read_erasure_key
from stream_app.telemetry.logs import configure_logging
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.app import following, run_engine
from stream_app.worker.memory import tune_memory
from stream_app.worker.preflight import lock_data_dir
from stream_app.worker.topics import INSIGHTS_TABLE, insights_group, sums_name

CHANGES = "status-changes"
_NICENESS = 5
"""Statuses go first where processors are few."""


def run_insights(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: the erasure key cannot be used.
        Failure: the data directory, the broker or a topic is not as it must be; one line with the fix.
    """
    configure_logging(settings.log_format, settings.log_level)
    key = read_erasure_key(settings)
    member = as_member(settings)
    lock_data_dir(member.data_dir)
    os.nice(_NICENESS)
    tune_memory()
    asyncio.run(_run(settings, member, key))


def as_member(settings: Settings) -> Settings:
    """The settings of the insights process of this worker: another group, another member of it, another directory and port."""
    changed = {
        "id": insights_group(settings),
        "instance": f"{settings.instance}-insights",
        "data_dir": settings.data_dir / "insights",
        "metrics_port": settings.insights_metrics_port,
    }
    return settings.model_copy(update=changed)


async def _run(settings: Settings, member: Settings, key: bytes | None) -> None:
    metrics = Metrics()
    book = PolicyBook()
    sums = sums_name(settings)
    topics = InsightsTopics(settings.topic(CHANGES), settings.topic(REKEYED), settings.topic(sums), sums)
    erasing = None if key is None else Erasing(key)

    def factory(partition: int, partitions: int) -> Processor:
        return InsightsProcessor(book, partition, partitions, topics, settings.insights_every_ms, erasing)

    async with following(settings, book, metrics):
        inputs, outputs = ("orders", REKEYED, CHANGES, sums), ("insights", sums)
        await run_engine(settings, factory, metrics, table=INSIGHTS_TABLE, inputs=inputs, outputs=outputs, member=member)

"""Steady traffic is fetched at a measured pace from a real broker, and none of it is left out."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from stream_app.engine.host import client
from stream_app.engine.host.client import PacedConsumer
from stream_app.settings import Settings
from stream_app.worker.topics import create_topics

RECORDS = 300
APART_S = 0.003
PACE_S = 0.2
"""Ten times as long as a worker's, so that it tells on a busy machine, too."""


async def test_a_broker_is_asked_once_in_a_pace(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FETCH_PACE_S", PACE_S)
    await create_topics(settings, partitions=1)
    topic = TopicPartition(settings.topic("orders"), 0)
    asked, seconds = await follow(PacedConsumer, settings, topic)
    unpaced, _ = await follow(AIOKafkaConsumer, settings, topic)
    assert asked <= seconds / PACE_S + 2
    assert unpaced > 2 * asked, "without the pace the same traffic takes many more, or nothing is proved"


async def follow(kind: type[AIOKafkaConsumer], settings: Settings, topic: TopicPartition) -> tuple[int, float]:
    """Read as it is written; returns the fetches that were sent, and how long it took."""
    reader = kind(bootstrap_servers=settings.brokers, enable_auto_commit=False)
    writer = AIOKafkaProducer(bootstrap_servers=settings.brokers)
    await reader.start()
    await writer.start()
    fetches = 0
    send = reader._client.send

    async def counting(node: int, request: Any, **options: Any) -> Any:
        nonlocal fetches
        fetches += isinstance(request, FetchRequest)
        return await send(node, request, **options)

    try:
        reader.assign([topic])
        await reader.seek_to_end()
        reader._client.send = counting
        began = time.monotonic()
        writing = asyncio.create_task(write(writer, topic.topic))
        values: list[bytes] = []
        while len(values) < RECORDS:
            record = await asyncio.wait_for(reader.getone(), 10)
            values.append(record.value)
        seconds = time.monotonic() - began
        await writing
    finally:
        await reader.stop()
        await writer.stop()
    assert values == [b"%d" % number for number in range(RECORDS)]
    return fetches, seconds


async def write(writer: AIOKafkaProducer, topic: str) -> None:
    for number in range(RECORDS):
        await writer.send_and_wait(topic, b"%d" % number)
        await asyncio.sleep(APART_S)

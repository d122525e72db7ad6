"""A changelog of an earlier version on a real Kafka is gone on from; one of a later version is refused, and stays as it was."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.codec.state import STATE_VERSION
from stream_app.engine.stores.frame import frame, state_of
from stream_app.engine.stores.marker import MARKER_KEY, Marker, decode_marker, encode_marker
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.cluster import producer
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.topics import INPUTS, TABLE, create_topics
from tests.fixtures.states import HERE, VERSIONS, changelog, half, rig_of
from tests.integration import product
from tests.integration.workers import START_LIMIT_S, wait_exit, workers
from tests.unit.processor.rig import Record

PRODUCT = ("stream_app", "worker")
NEWEST = VERSIONS[-1]


async def lay_down(settings: Settings, version: str, *, memo: int | None = None, states: int | None = None) -> None:
    """Topics, policy and the first half of the events, and the changelog as its worker has left it; with other versions if given."""
    await create_topics(settings, partitions=1)
    await publish_policy(settings, HERE / version / "policy.yaml")
    await send(settings, half(version, first=True))
    async with producer(settings) as client:
        for key, value in changelog(version):
            stored = value
            if key == MARKER_KEY:
                marker = decode_marker(value)
                offsets = {settings.topic(name): offset for name, offset in marker.offsets.items()}
                stored = encode_marker(Marker(offsets, marker.memo if memo is None else {**marker.memo, "states": memo}))
            elif states is not None:
                stored = frame(bytes([states]) + state_of(value)[1:], 0)
            await client.send(settings.topic(changelog_name(settings.id, TABLE)), stored, key, partition=0)
        await client.flush()


async def send(settings: Settings, records: list[Record]) -> None:
    async with producer(settings) as client:
        for record in records:
            await client.send(settings.topic(record.topic), record.value, record.key, partition=0)
        await client.flush()


async def ends(settings: Settings) -> dict[str, int]:
    """Where everything that a worker writes ends."""
    names = ["status-changes", "customer-profiles", "dead-letters", *INPUTS, changelog_name(settings.id, TABLE)]
    tps = [TopicPartition(settings.topic(name), 0) for name in names]
    async with AIOKafkaConsumer(bootstrap_servers=settings.brokers) as client:
        client.assign(tps)
        return {tp.topic: end for tp, end in (await client.end_offsets(tps)).items()}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stored_changelog_is_gone_on_from(version: str, settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await lay_down(settings, version)
    second = half(version, first=False)
    await send(settings, second)
    rig = rig_of(version)
    rig.work(*half(version, first=True))
    before = len(rig.outputs)
    rig.work(*second)
    expected: product.Said = {}
    for output in rig.outputs[before:]:
        if output.topic in product.TOPICS:
            expected.setdefault((output.topic, (output.key or b"").decode()), []).append(output.event)
    count = len(half(version, first=True)) + len(second)
    with workers(tmp_path, *PRODUCT) as start:
        worker = start(environment)
        while await product.applied(settings) < count:
            assert worker.process.poll() is None
            assert time.monotonic() - worker.started < START_LIMIT_S
            await asyncio.sleep(0.1)
        assert worker.stop() == 0
    said = await product.committed(settings)
    assert sum(map(len, said.values())) > 50
    assert product.differences(said, expected) == []
    assert json.loads(second[-1].value or b"")["type"] == "watermark", "every deadline of the history has fired"


@pytest.mark.parametrize("given", [{"memo": STATE_VERSION + 1}, {"states": STATE_VERSION + 1}])
async def test_states_of_a_later_version_are_refused_and_not_overwritten(
    given: dict[str, int], settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    await lay_down(settings, NEWEST, **given)
    await send(settings, half(NEWEST, first=False))
    before = await ends(settings)
    with workers(tmp_path, *PRODUCT) as start:
        worker = start(environment)
        assert await asyncio.to_thread(wait_exit, worker, START_LIMIT_S) == 1
        said = worker.lines()[-1]
    assert said == (
        f"stream-app: the states were written by a newer version of stream-app (layout {STATE_VERSION + 1}, this one knows "
        f"{STATE_VERSION}): run the newer version, or start over with another STREAM_APP_ID"
    )
    assert await ends(settings) == before

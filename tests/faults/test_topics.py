"""Topics that are missing, made anew, cut off, or of the wrong width; group offsets that are gone: refused with one line, or harmless."""

import asyncio
import time

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest

from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client
from stream_app.worker.topics import create_topics
from tests.faults.names import fault
from tests.faults.story import PARTITIONS, Story, history
from tests.integration.workers import START_LIMIT_S, Worker, group_offsets, wait_exit

LINE_LIMIT_S = 15.0


async def refused(worker: Worker, limit_s: float = START_LIMIT_S) -> str:
    """The one line of a worker that ends by itself."""
    assert await asyncio.to_thread(wait_exit, worker, limit_s) == 1
    line = worker.lines()[-1]
    assert line.startswith("stream-app: ")
    return line


async def half_done(story: Story) -> int:
    """Let a worker do a part of the work and kill it; returns how many records are applied."""
    await story.tell()
    worker = story.start(STRIKE="kill:sent:20")
    await asyncio.to_thread(wait_exit, worker, START_LIMIT_S)
    assert worker.lines()[-1] == "struck sent"
    applied = await story.applied()
    assert 0 < applied < story.records
    return applied


async def truncate(settings: Settings, before: int) -> int:
    """Delete the records of `orders` before the offset `before` (-1: all); returns in how many partitions something is gone."""
    tps = {TopicPartition(settings.topic("orders"), number): RecordsToDelete(before) for number in range(PARTITIONS)}
    async with admin_client(settings) as admin:
        gone = await admin.delete_records(tps)
    return sum(low > 0 for low in gone.values())


@fault("topic missing")
async def test_a_missing_topic_is_one_line(story: Story) -> None:
    await half_done(story)
    wire = story.settings.topic("contacts")
    await delete_topic(story.settings, "contacts")
    line = await refused(story.start("w2"), LINE_LIMIT_S)
    assert line == f"stream-app: topic {wire} does not exist: create it with `stream-app topics create`"


@fault("topic recreated")
async def test_a_topic_that_was_made_anew_is_refused(story: Story) -> None:
    await half_done(story)
    before = await story.check()
    await delete_topic(story.settings, "orders")
    assert (await create_topics(story.settings))[story.settings.topic("orders")] == "created"
    line = await refused(story.start())
    assert "lies outside the log (0 to 0), the topic was made anew or cut off" in line
    assert "another STREAM_APP_ID" in line, "the line names the fix"
    assert await story.check() == before, "nothing was written"


@fault("topic recreated and filled")
async def test_a_topic_that_was_made_anew_and_filled_is_refused(story: Story) -> None:
    await half_done(story)
    await delete_topic(story.settings, "orders")
    assert (await create_topics(story.settings))[story.settings.topic("orders")] == "created"
    await story.go_on(history(60_000, 3_000))
    line = await refused(story.start())
    assert f"topic {story.settings.topic('orders')}, partition" in line
    assert "the topic was deleted and made anew since its records were read" in line
    assert "start over with another STREAM_APP_ID" in line, "the line names the fix"


async def delete_topic(settings: Settings, name: str) -> None:
    """Delete a topic and wait until it is gone."""
    wire = settings.topic(name)
    async with admin_client(settings) as admin:
        await admin.delete_topics([wire])
        ends = time.monotonic() + START_LIMIT_S
        while wire in await admin.list_topics():
            assert time.monotonic() < ends
            await asyncio.sleep(0.05)


@fault("topic truncated past the marker")
async def test_a_topic_truncated_past_the_marker_is_refused(story: Story) -> None:
    await half_done(story)
    assert await truncate(story.settings, -1) == PARTITIONS
    line = await refused(story.start())
    assert "records before they were read are gone: restore the topic, or start over with another STREAM_APP_ID" in line


@fault("topic truncated before the marker")
async def test_a_topic_truncated_before_the_marker_is_harmless(story: Story) -> None:
    await half_done(story)
    assert await truncate(story.settings, 5) == PARTITIONS
    await story.finish(story.start())


@fault("topic truncated under a running worker")
async def test_a_topic_truncated_under_a_running_worker_ends_it(story: Story) -> None:
    await story.tell()
    worker = story.start(STRIKE="stop:folding:500", SESSION_TIMEOUT_MS="60000", TRANSACTION_TIMEOUT_MS="60000")
    while worker.lines()[-1:] != ["struck folding"]:
        await asyncio.sleep(0.05)
    await story.go_on(history(60_000, 3_000))
    assert await truncate(story.settings, -1) == PARTITIONS
    worker.process.send_signal(18)
    line = await refused(worker)
    assert "records before they were read are gone from the log" in line
    assert "records before they were read are gone" in await refused(story.start())


@fault("group offsets deleted")
async def test_deleted_group_offsets_are_harmless(story: Story) -> None:
    await story.tell()
    worker = story.start()
    await story.until_applied(500, worker)
    assert await asyncio.to_thread(worker.stop) == 0
    settings = story.settings
    assert any((await group_offsets(settings, "orders", PARTITIONS)).values())
    await delete_group(settings)
    assert not any((await group_offsets(settings, "orders", PARTITIONS)).values()), "the fault must strike"
    await story.finish(story.start())


async def delete_group(settings: Settings) -> None:
    """Delete the workers' group, as soon as its members are forgotten."""
    ends = time.monotonic() + START_LIMIT_S
    async with admin_client(settings) as admin:
        coordinator = await admin.find_coordinator(settings.id)
        while True:
            answer = await admin._client.send(coordinator, DeleteGroupsRequest([settings.id]))
            if not answer.results[0][1]:
                return
            assert time.monotonic() < ends, answer
            await asyncio.sleep(0.3)


@fault("partition count wrong")
async def test_another_partition_count_is_refused_with_one_line(story: Story) -> None:
    await half_done(story)
    await widen(story.settings, "orders", PARTITIONS + 2)
    worker = story.start()
    line = await refused(worker, LINE_LIMIT_S)
    assert f"topic {story.settings.topic('contacts')} has {PARTITIONS} partitions, but topic {story.settings.topic('orders')} has" in line


@fault("partition count changed under a running worker")
async def test_partitions_added_under_a_running_worker_do_no_harm(story: Story) -> None:
    await story.tell()
    worker = story.start()
    await story.until_applied(500, worker)
    await widen(story.settings, "orders", PARTITIONS + 2)
    await story.finish(worker)
    assert "partitions, but topic" in await refused(story.start(), LINE_LIMIT_S), "the next start says what is wrong"


async def widen(settings: Settings, name: str, count: int) -> None:
    """Give a topic more partitions."""
    admin: AIOKafkaAdminClient
    async with admin_client(settings) as admin:
        await admin.create_partitions({settings.topic(name): NewPartitions(count)})
        ends = time.monotonic() + START_LIMIT_S
        while len((await admin.describe_topics([settings.topic(name)]))[0]["partitions"]) != count:
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)

"""`topics create` makes every topic what the contract says, twice without harm; the preflight says what is wrong in one line."""

import asyncio
import re
import time

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream_app.errors import BrokerUnavailableError, TopicError
from stream_app.settings import Settings, load_settings
from stream_app.worker.cluster import admin_client
from stream_app.worker.topics import check_topics, create_topics, topics_of

LONG_MAX = str(2**63 - 1)
NAMES = [
    "orders",
    "contacts",
    "policies",
    "customer-events-rekeyed",
    "status-changes",
    "win-back",
    "service-level",
    "contact-advice",
    "customer-profiles",
    "insights",
    "dead-letters",
]


async def configs_of(settings: Settings, name: str) -> dict[str, str]:
    async with admin_client(settings) as admin:
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(name))])
    return {entry[0]: entry[1] for response in responses for entry in response.resources[0][4]}


async def set_config(settings: Settings, name: str, key: str, value: str) -> None:
    async with admin_client(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(name), {key: value})])


async def test_every_topic_of_the_contract_is_created_and_stays(settings: Settings) -> None:
    names = [
        *NAMES,
        *(
            f"{settings.id}-{own}"
            for own in ("status-changelog", "insights-changelog", "insights-sums", "dead-letters-replayed", "webhook-retries")
        ),
    ]
    assert await create_topics(settings, partitions=3) == {
        settings.topic(name): "created" for name in (t.name for t in topics_of(settings))
    }
    assert set(await create_topics(settings)) == {settings.topic(name) for name in names}
    assert set((await create_topics(settings, partitions=3)).values()) == {"ok"}
    assert await check_topics(settings) == 3


async def test_the_configurations_of_the_contract(settings: Settings) -> None:
    await create_topics(settings)
    for topic in topics_of(settings):
        configs = await configs_of(settings, topic.name)
        assert configs["message.timestamp.type"] == "CreateTime"
        assert configs["segment.ms"] == LONG_MAX
    for name in ("orders", "contacts", "customer-events-rekeyed"):
        configs = await configs_of(settings, name)
        assert (configs["retention.ms"], configs["message.timestamp.after.max.ms"]) == ("-1", LONG_MAX)
    for name in ("policies", "customer-profiles", "insights", f"{settings.id}-status-changelog", f"{settings.id}-insights-changelog"):
        assert (await configs_of(settings, name))["cleanup.policy"] == "compact"
    assert (await configs_of(settings, "dead-letters"))["max.message.bytes"] == str(2 << 20)


async def test_what_was_changed_is_named_and_mended_and_other_settings_stay(settings: Settings) -> None:
    await create_topics(settings)
    await set_config(settings, "status-changes", "retention.ms", "123456789")
    while (await configs_of(settings, "status-changes"))["segment.ms"] == LONG_MAX:
        await asyncio.sleep(0.05)
    with pytest.raises(TopicError, match=r"status-changes has segment\.ms=\d+ and needs \d+: set it with `stream-app topics create`$"):
        await check_topics(settings)
    done = await create_topics(settings)
    assert done[settings.topic("status-changes")] == "changed"
    assert (await configs_of(settings, "status-changes"))["retention.ms"] == "123456789"
    assert await check_topics(settings) == 4


async def test_retention_is_only_what_the_setting_says(settings: Settings, kafka: str, prefix: str) -> None:
    await create_topics(settings)
    kept = load_settings(broker=kafka, topic_prefix=prefix, id=settings.id, retention_days=7)
    with pytest.raises(TopicError, match=r"orders has retention\.ms=-1 and needs 604800000"):
        await check_topics(kept)


async def test_a_missing_topic_is_one_line(settings: Settings) -> None:
    with pytest.raises(TopicError, match=re.escape(f"topic {settings.topic('orders')} does not exist (and 15 more)")):
        await check_topics(settings)


async def test_a_wrong_partition_count_is_one_line(settings: Settings) -> None:
    async with admin_client(settings) as admin:
        await admin.create_topics([NewTopic(settings.topic("contacts"), 2, 1), NewTopic(settings.topic("orders"), 5, 1)])
        while len([name for name in await admin.list_topics() if name.startswith(settings.topic_prefix)]) < 2:
            await asyncio.sleep(0.05)
    with pytest.raises(TopicError, match=r"contacts has 2 partitions, but topic \S+orders has 5: delete the wrong topic"):
        await create_topics(settings)


async def test_an_impossible_replication_is_one_line(settings: Settings) -> None:
    with pytest.raises(TopicError, match="could not be created") as caught:
        await create_topics(settings, replication=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "does-not-exist.invalid:9092"])
async def test_an_unreachable_broker_is_one_line_in_time(address: str) -> None:
    started = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match=re.escape(address)):
        await check_topics(load_settings(broker=address))
    assert time.monotonic() - started < 15

"""What the chart's users may do, as rules of Kafka's authorizer, and the work that each of them does."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from aiokafka.structs import OffsetAndMetadata

from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, producer, read_to_end, reader
from stream_app.worker.dead_letters.letters import Wanted
from stream_app.worker.dead_letters.replay import replay
from stream_app.worker.doctor.rights import DESCRIBE_CONFIGS
from stream_app.worker.history import KafkaTopics
from stream_app.worker.policy_topic import publish_policy, read_policies
from stream_app.worker.topics import webhook_retries_name
from stream_app.worker.watch import TOPICS
from stream_app.worker.webhooks.leader import Leader, end
from stream_app.worker.webhooks.retries import gone_key, read_kept
from tests.deploy.chart import Manifest
from tests.integration.test_doctor_rights import DESCRIBE, GROUP, LITERAL, PREFIXED, READ, TOPIC, TRANSACTIONAL_ID, WRITE

_KINDS = {"topic": TOPIC, "group": GROUP, "transactionalId": TRANSACTIONAL_ID}
_OPERATIONS = {"Read": READ, "Write": WRITE, "Describe": DESCRIBE, "DescribeConfigs": DESCRIBE_CONFIGS}
_PATTERNS = {"literal": LITERAL, "prefix": PREFIXED}


def rules(user: Manifest) -> Iterator[tuple[int, str, int, int]]:
    """What Strimzi's user operator makes of a KafkaUser: kind, name, pattern and operation of each rule."""
    for acl in user["spec"]["authorization"]["acls"]:
        of_what = acl["resource"]
        for operation in acl["operations"]:
            yield _KINDS[of_what["type"]], of_what["name"], _PATTERNS[of_what["patternType"]], _OPERATIONS[operation]


async def operate(settings: Settings, folder: Path) -> None:
    """Publish a policy, and send again what was rejected."""
    (folder / "policy.yaml").write_text("currency: EUR\n")
    await publish_policy(settings, folder / "policy.yaml")
    assert list(await read_policies(settings)) == ["*"]
    assert (await replay(settings, Wanted())).replayed == {}


async def look(settings: Settings) -> None:
    """Read what `serve` reads."""
    topics = KafkaTopics(settings)
    assert await topics.topic_ids()
    async for batch in topics.follow({}):
        assert batch.caught_up
        break
    async for pulse in topics.pulses():
        assert pulse.lag_records == 0
        break
    assert len(await topics.read_policies()) == 1
    await topics.find_customer("acme", "c1")


async def deliver(settings: Settings) -> None:
    """Be the process that delivers, keep what waits, and commit an endpoint's positions."""
    leads = asyncio.Event()

    async def stop() -> None:
        leads.clear()

    leader = asyncio.create_task(Leader(settings, leads.set, stop).run())
    try:
        async with asyncio.timeout(20):
            await leads.wait()
    finally:
        await end(leader)
    async with producer(settings) as client:
        await client.send_and_wait(settings.topic(webhook_retries_name(settings)), b"x", key=gone_key("crm"), partition=0)
    assert (await read_kept(settings, "crm")).gone == b"x"
    async with reader(settings, group_id=f"{settings.id}-webhooks-crm") as client:
        assigned = await partitions_of(client, settings, *TOPICS)
        client.assign(assigned)
        await client.commit({at: OffsetAndMetadata(0, "") for at in assigned})
        assert await client.committed(assigned[0]) == 0
    assert not [record async for record in read_to_end(settings, "win-back")]

"""The doctor on a broker with an authorizer: what is not allowed is named, and nothing is written to find out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.protocol.admin import CreateAclsRequest

from stream_app.demo.broker import EmbeddedBroker
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings, load_settings
from stream_app.worker.cluster import admin_client, read_to_end
from stream_app.worker.doctor.examine import examine
from stream_app.worker.doctor.wire import ask
from stream_app.worker.topics import TABLE, create_topics

TOPIC, GROUP, TRANSACTIONAL_ID = 2, 3, 5
LITERAL, PREFIXED = 3, 4
READ, WRITE, DESCRIBE = 3, 4, 8
ALLOW = 3
US, SOMEBODY = "User:ANONYMOUS", "User:somebody"
AUTHORIZER = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nallow.everyone.if.no.acl.found=true\n"


class GuardedBroker(EmbeddedBroker):
    """The embedded broker with Kafka's authorizer; what no rule names is allowed to all."""

    def _configure(self) -> Path:
        config = super()._configure()
        with config.open("a", encoding="utf-8") as more:
            more.write(AUTHORIZER)
        return config


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker with an authorizer."""
    with GuardedBroker(tmp_path_factory.mktemp("guarded"), load_settings().cache_dir) as broker:
        yield broker.address


@pytest.mark.kafka
async def test_each_right_that_is_lacking_is_named(guarded: str, tmp_path: Path) -> None:
    settings = load_settings(broker=guarded, topic_prefix="g-", id="g-app", data_dir=tmp_path, insights=True)
    await create_topics(settings, partitions=1)
    assert await acls(settings) == [("ok", "everything that a worker does is allowed")]
    changelog = settings.topic(changelog_name(settings.id, TABLE))
    for kind, name, pattern, who, operation in (
        (TOPIC, "g-orders", LITERAL, US, WRITE),
        (TOPIC, changelog, LITERAL, US, READ),
        (TOPIC, "g-status-changes", LITERAL, US, DESCRIBE),
        (TOPIC, "g-contacts", LITERAL, SOMEBODY, READ),
        (GROUP, "g-app", LITERAL, US, DESCRIBE),
        (GROUP, "g-app-insights", LITERAL, SOMEBODY, READ),
        (TRANSACTIONAL_ID, "g-app-", PREFIXED, SOMEBODY, WRITE),
    ):
        await allow(settings, kind, name, pattern, who, operation)
    fix = "grant it with kafka-acls.sh --add"
    assert {text for status, text in await acls(settings) if status == "failed"} == {
        f"READ and DESCRIBE_CONFIGS on topic g-orders is not allowed: {fix}",
        f"WRITE and DESCRIBE_CONFIGS on topic {changelog} is not allowed: {fix}",
        f"READ and WRITE and DESCRIBE_CONFIGS on topic g-status-changes is not allowed: {fix}",
        f"DESCRIBE on topic g-contacts is not allowed: {fix}",
        f"READ on group g-app is not allowed: {fix}",
        f"READ on group g-app-insights is not allowed: {fix}",
        f"WRITE on the transactional ids that begin with g-app- is not allowed: {fix}",
    }
    found = {finding.check: finding for finding in await examine(settings)}
    assert found["broker"].status == "ok"
    assert found["topics"].status == "failed", "a topic that may not be seen does not exist for us"
    assert found["clock"].status == "skipped"
    assert not [record async for record in read_to_end(settings, "win-back")]


async def acls(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.status, finding.text) for finding in await examine(settings) if finding.check == "acls"]


async def allow(settings: Settings, kind: int, name: str, pattern: int, who: str, operation: int) -> None:
    """Write one rule; a resource with a rule is closed to whom no rule names."""
    async with admin_client(settings) as admin:
        answer = await ask(admin, CreateAclsRequest(kind, name, pattern, who, "*", operation, ALLOW))
        assert [code for code, *_ in answer.creation_responses] == [0], answer

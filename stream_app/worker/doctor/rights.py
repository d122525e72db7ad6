"""What the broker lets us do, asked for without doing it."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TransactionalIdAuthorizationFailed, for_code
from aiokafka.protocol.admin import DescribeAclsRequest

from stream_app.settings import Settings
from stream_app.worker.cluster import FIX
from stream_app.worker.doctor.findings import Finding
from stream_app.worker.doctor.wire import TRANSACTION, GroupRequest, TopicRightsRequest, ask, coordinator
from stream_app.worker.topics import Topic, insights_group, topics_of

READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 8, 10
"""Kafka's numbers of operations; what we may do is a mask of their bits."""

_NAMES = {READ: "READ", WRITE: "WRITE", DESCRIBE: "DESCRIBE", DESCRIBE_CONFIGS: "DESCRIBE_CONFIGS"}
_ONLY_READ = {"orders", "contacts", "policies"}
_ANY = 1
_NO_AUTHORIZER = 54
_TOPIC_REFUSED = 29
_GROUP_REFUSED = 30
_LOADING_POLLS = 25
_LOADING_POLL_S = 0.2


async def check_rights(admin: AIOKafkaAdminClient, settings: Settings) -> list[Finding]:
    """One finding for each resource that lacks a right, or one that says that nothing is lacking."""
    try:
        if lacking := await find_lacking(admin, settings):
            return [Finding("acls", "failed", f"{what}: {FIX}") for what in lacking]
        if await _has_no_authorizer(admin):
            return [Finding("acls", "ok", "no authorizer: the broker lets everybody do everything")]
    except (KafkaError, NotImplementedError) as error:
        return [Finding("acls", "skipped", f"the broker does not tell what is allowed ({type(error).__name__})")]
    return [Finding("acls", "ok", "everything that a worker does is allowed")]


async def find_lacking(admin: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    """What a worker needs and may not do, one phrase a resource.

    Raises:
        KafkaError, NotImplementedError: the broker does not tell.
    """
    return [*await _topics(admin, settings), *await _groups(admin, settings), *await _transactional_id(admin, settings)]


async def find_lacking_to_write(admin: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    """What whoever writes events needs and may not do, one phrase a topic.

    Raises:
        KafkaError, NotImplementedError: the broker does not tell.
    """
    return await _on_topics(admin, {settings.topic(name): [DESCRIBE, WRITE] for name in ("orders", "contacts")})


async def _topics(admin: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    return await _on_topics(admin, {settings.topic(topic.name): _needed(topic) for topic in topics_of(settings) if not topic.aside})


async def _on_topics(admin: AIOKafkaAdminClient, needed: dict[str, list[int]]) -> list[str]:
    answer = await ask(admin, TopicRightsRequest(list(needed)))
    lacking = []
    for code, wire, _, _, mask in answer.topics:
        if code and code != _TOPIC_REFUSED:
            continue  # a topic that is missing is the other check's
        missing = [DESCRIBE] if code else _without(mask, needed[wire])
        if missing:
            lacking.append(f"{_list(missing)} on topic {wire} is not allowed")
    return lacking


def _needed(topic: Topic) -> list[int]:
    reads = [READ] if topic.together or topic.fixed else []
    return [DESCRIBE, *reads, *([] if topic.name in _ONLY_READ else [WRITE]), DESCRIBE_CONFIGS]


async def _groups(admin: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    names = [settings.id, *([insights_group(settings)] if settings.insights else [])]
    return [lacking for name in names for lacking in await _group(admin, name)]


async def _group(admin: AIOKafkaAdminClient, name: str) -> list[str]:
    try:
        node = await coordinator(admin, name)
    except KafkaError as error:
        if error.errno != _GROUP_REFUSED:
            raise
        return [f"READ on group {name} is not allowed"]
    for _ in range(_LOADING_POLLS):
        group = (await ask(admin, GroupRequest(name), node)).groups[0]
        if group[0] in (0, _GROUP_REFUSED):
            break
        await asyncio.sleep(_LOADING_POLL_S)  # its coordinator has only just begun
    else:
        raise for_code(group[0])
    missing = [READ] if group[0] == _GROUP_REFUSED else _without(group[-1], [READ])
    return [f"{_list(missing)} on group {name} is not allowed"] if missing else []


async def _transactional_id(admin: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    try:
        await coordinator(admin, f"{settings.id}-0", TRANSACTION)
    except TransactionalIdAuthorizationFailed:
        return [f"WRITE on the transactional ids that begin with {settings.id}- is not allowed"]
    return []


async def _has_no_authorizer(admin: AIOKafkaAdminClient) -> bool:
    nobody: Any = None
    answer = await ask(admin, DescribeAclsRequest(_ANY, nobody, _ANY, nobody, nobody, _ANY, _ANY))
    return bool(answer.error_code == _NO_AUTHORIZER)


def _without(mask: int, needed: list[int]) -> list[int]:
    return [operation for operation in needed if not mask >> operation & 1]


def _list(operations: list[int]) -> str:
    return " and ".join(_NAMES[operation] for operation in operations)

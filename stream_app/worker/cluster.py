"""Connections to the broker for commands: opened within a time limit, and an unreachable broker is one line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from stream_app.engine.connection import client_options, why_unreachable
from stream_app.errors import BrokerUnavailableError, Failure, RightsError, TopicError
from stream_app.settings import Settings

CONNECT_TIMEOUT_S = 10.0
_REQUEST_TIMEOUT_MS = 10_000
FIX = "grant it with kafka-acls.sh --add"
_FORBIDDEN = {
    TopicAuthorizationFailedError: "reading or writing a topic",
    GroupAuthorizationFailedError: "joining the consumer group",
    ClusterAuthorizationFailedError: "writing any topic",
    TransactionalIdAuthorizationFailed: "the transactional id",
}


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client.

    Raises:
        BrokerUnavailableError: nobody answers within ten seconds, or the connection is lost.
    """
    client = AIOKafkaAdminClient(**client_options(settings), client_id="stream-app", request_timeout_ms=_REQUEST_TIMEOUT_MS)
    async with _connected(client, client.close, settings):
        yield client


@asynccontextmanager
async def producer(settings: Settings, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer that waits for all replicas; raises like `admin_client`."""
    client = AIOKafkaProducer(
        **client_options(settings),
        client_id="stream-app",
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=30_000,
        **options,
    )
    async with _connected(client, client.stop, settings):
        yield client


@asynccontextmanager
async def reader(settings: Settings, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that sees only what is committed, unless `options` say otherwise; raises like `admin_client`."""
    client = AIOKafkaConsumer(
        **client_options(settings),
        client_id="stream-app",
        enable_auto_commit=False,
        request_timeout_ms=30_000,
        fetch_max_wait_ms=200,
        **{"isolation_level": "read_committed", **options},
    )
    async with _connected(client, client.stop, settings):
        yield client


def what_broke(settings: Settings, error: BaseException, otherwise: Failure | None = None) -> Failure:
    """A client's error as our one line: what is not allowed, or `otherwise`, or that the broker is lost."""
    if isinstance(error, KafkaError) and type(error) in _FORBIDDEN:
        given = error.args[0] if error.args else ()
        names = f" ({', '.join(sorted(map(str, given)))})" if isinstance(given, set | frozenset | list | tuple) and given else ""
        return RightsError(f"{_FORBIDDEN[type(error)]}{names} is not allowed: {FIX}")
    if otherwise is not None:
        return otherwise
    return BrokerUnavailableError(f"the broker at {settings.broker} is lost ({type(error).__name__}): start it again")


async def partitions_of(client: AIOKafkaConsumer, settings: Settings, *names: str) -> list[TopicPartition]:
    """Every partition of the topics `names`, given without prefix.

    Raises:
        TopicError: one of them does not exist.
    """
    # Asked afresh: what the client remembers may be older than a topic that was created a moment ago.
    cluster = await client._client.fetch_all_metadata()  # noqa: SLF001 - `topics()` makes the same call and keeps the partitions to itself
    missing = [settings.topic(name) for name in names if not cluster.partitions_for_topic(settings.topic(name))]
    if missing and settings.topic(missing[0]) in cluster.unauthorized_topics:
        raise RightsError(f"DESCRIBE on topic {settings.topic(missing[0])} is not allowed: {FIX}")
    if missing:
        raise TopicError(f"topic {missing[0]} does not exist: create it with `stream-app topics create`")
    found: list[TopicPartition] = []
    for name in names:
        wire = settings.topic(name)
        found += [TopicPartition(wire, number) for number in sorted(cluster.partitions_for_topic(wire))]
    return found


async def input_partitions(client: AIOKafkaProducer, settings: Settings) -> dict[str, int]:
    """How many partitions the topics have that events are published to, named without prefix.

    Raises:
        RightsError: one of them may not be looked at.
        TopicError: one of them does not exist.
    """
    counts = {}
    await client.client.force_metadata_update()
    for name in ("orders", "contacts"):
        wire = settings.topic(name)
        known = client.client.cluster.partitions_for_topic(wire)
        if known is None:
            await client.client.add_topic(wire)
            known = client.client.cluster.partitions_for_topic(wire)
        if not known and wire in client.client.cluster.unauthorized_topics:
            raise RightsError(f"DESCRIBE on topic {wire} is not allowed: {FIX}")
        if not known:
            raise TopicError(f"topic {wire} does not exist: create it with `stream-app topics create`")
        counts[name] = len(known)
    return counts


async def read_to_end(settings: Settings, name: str) -> AsyncIterator[Any]:
    """Every committed record of a topic that is there now."""
    async with reader(settings, auto_offset_reset="earliest") as client:
        assigned = await partitions_of(client, settings, name)
        client.assign(assigned)
        ends = await client.end_offsets(assigned)
        left = {partition for partition in assigned if ends[partition] > 0}
        while left:
            for partition, records in (await client.getmany(*left, timeout_ms=200)).items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record
            # A position, not a count: control records and compaction leave gaps.
            left = {partition for partition in left if await client.position(partition) < ends[partition]}


@asynccontextmanager
async def _connected(client: Any, close: Any, settings: Settings) -> AsyncIterator[None]:
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # while we connect: what it has to say becomes our one line
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.start()
    except (KafkaError, OSError, TimeoutError) as error:
        await close()
        if type(error) in _FORBIDDEN:
            raise what_broke(settings, error) from error
        raise BrokerUnavailableError(await why_unreachable(settings)) from error
    finally:
        logger.setLevel(level)
    try:
        yield
    finally:
        await close()

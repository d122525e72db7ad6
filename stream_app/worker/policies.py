"""Policies from their topic: read to its end before the first event, and followed from then on.

Every worker reads all partitions, without a group. A document that cannot be used is reported in one line and changes
nothing: neither its own shop's old policy nor anybody else's.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream_app.errors import BrokerUnavailableError, PolicyError
from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.cluster import partitions_of, reader

TOPIC = "policies"
_POLL_MS = 1_000
_READ_TIMEOUT_S = 60.0
_log = get_logger(__name__)


class PolicySink(Protocol):
    """Takes policy documents in."""

    def put(self, key: str, record_ms: int, document: bytes | None) -> None:
        """Take one record in; raises PolicyError when the document cannot be used."""


class PolicyFollower:
    """Feeds a `PolicySink` from the topic."""

    def __init__(self, consumer: AIOKafkaConsumer, assigned: Sequence[TopicPartition], sink: PolicySink, metrics: Metrics) -> None:
        self._consumer = consumer
        self._assigned = assigned
        self._sink = sink
        self._metrics = metrics

    async def read_to_end(self) -> None:
        """Take in everything that is committed now; by position, because compaction and transactions leave gaps.

        Raises:
            BrokerUnavailableError: the end is not reached in time.
            KafkaError: the client cannot go on.
        """
        try:
            async with asyncio.timeout(_READ_TIMEOUT_S):
                ends = await self._consumer.end_offsets(self._assigned)
                while [tp for tp in self._assigned if await self._consumer.position(tp) < ends[tp]]:
                    await self._poll()
        except TimeoutError:
            raise BrokerUnavailableError(f"topic {TOPIC} could not be read within {_READ_TIMEOUT_S:.0f} s: check the broker") from None

    async def follow(self) -> None:
        """Take in what comes, for ever; a broker that is away for a while is waited for."""
        while True:
            try:
                await self._poll()
            except KafkaError as error:
                _log.warning("policies not read", error_type=type(error).__name__)
                await asyncio.sleep(_POLL_MS / 1000)

    async def _poll(self) -> None:
        for records in (await self._consumer.getmany(timeout_ms=_POLL_MS)).values():
            for record in records:
                self._take(record)

    def _take(self, record: Any) -> None:
        key = (record.key or b"").decode("utf-8", "replace")
        try:
            self._sink.put(key, record.timestamp, record.value)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one shop's document, it must not end the work for all others
            self._metrics.policy_error()
            reason = str(error) if isinstance(error, PolicyError) else f"unexpected {type(error).__name__}"
            _log.error("policy not used", partition=record.partition, offset=record.offset, reason=reason)
        else:
            _log.info("policy taken", partition=record.partition, offset=record.offset, withdrawn=record.value is None)


@asynccontextmanager
async def policy_follower(settings: Settings, sink: PolicySink, metrics: Metrics) -> AsyncIterator[PolicyFollower]:
    """A follower that stands at the start of the topic.

    Raises:
        BrokerUnavailableError: nobody answers.
        TopicError: the topic does not exist.
    """
    async with reader(settings, auto_offset_reset="earliest") as consumer:
        assigned = await partitions_of(consumer, settings, TOPIC)
        consumer.assign(assigned)
        await consumer.seek_to_beginning(*assigned)
        yield PolicyFollower(consumer, assigned, sink, metrics)

"""Transactions that the broker has declared ended without writing where: found, and ended by us.

Kafka 4's coordinator takes a partition without a leader for a deleted one and skips its marker; a cluster that is killed and
comes back at once does that to transactions it was ending ("these partitions are likely deleted already"), even after it has
said committed. Their records are then neither committed nor aborted: invisible, until any later marker of the same producer
decides for them. So a unit of work is begun only when the one before it does not hang (`producer.py`), and a partition is taken
over only when nothing hangs that its producer may have written: what hangs is then one unit, and all of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.offset import OffsetRequest

from stream_app.errors import UnitError
from stream_app.telemetry.logs import get_logger

Abort = Callable[[Collection[TopicPartition]], Awaitable[None]]
"""Abort what a producer has left in these partitions of outputs, and in its changelog."""

_PATIENCE_S = 2.0  # a marker that is written but not yet replicated looks like one that is missing
_POLL_S = 0.05
_READ_COMMITTED, _NO_REPLICA, _LATEST = 1, -1, -1
_log = get_logger(__name__)


async def end_hanging(
    client: Mapping[str, Any], changelog: str, outputs: Collection[TopicPartition], abort: Mapping[int, Abort], limit_s: float
) -> None:
    """Abort what hangs in the changelog of newly owned partitions, and in every partition they may have written to.

    Aborting is right whatever the broker had decided: a unit of work whose changelog records nobody has seen is folded again, and
    a store that holds it, because the broker had said committed, is found out by the restore.
    Where only outputs hang, it is a unit that failed before it reached the changelog, or another worker's that is not ended yet;
    aborting there what is ours does nothing to that.

    Args:
        client: how the cluster is reached (`client_options`).
        changelog: the changelog's name on the broker.
        outputs: every partition that may have been written to.
        abort: by partition, how to abort what its producer has left; the producers are started, so nothing of theirs is open.
        limit_s: how long to wait for the broker.

    Raises:
        UnitError: a changelog still hangs, or the broker does not answer.
    """
    changelogs = {TopicPartition(changelog, partition): partition for partition in abort}
    try:
        async with asyncio.timeout(limit_s):
            behind = await _still_open(client, sorted({*changelogs, *outputs}), _PATIENCE_S)
            if not behind:
                return
            hanging = {tp for tp in changelogs if tp in behind}
            _log.warning("ending transactions that the broker left open", partitions=sorted(f"{tp.topic}-{tp.partition}" for tp in behind))
            elsewhere = [tp for tp in behind if tp not in hanging]
            for tp, partition in changelogs.items():
                if elsewhere or tp in hanging:
                    await abort[partition](elsewhere)
            if left := await _still_open(client, changelogs, limit_s):
                raise UnitError(_stuck(left))
    except (TimeoutError, KafkaError) as error:
        raise UnitError(f"takeover: the ends of the changelog cannot be read ({type(error).__name__}); start the worker again") from error


async def stable_end(client: Any, tp: TopicPartition) -> int | None:
    """Before which offset everything of a partition is committed or aborted; None when its leader cannot be asked.

    Args:
        client: an `AIOKafkaClient` that knows the topic.
        tp: the partition.
    """
    leader = client.cluster.leader_for_partition(tp)
    if leader is None or leader < 0:
        await client.force_metadata_update()
        return None
    try:
        answer = await client.send(leader, OffsetRequest(_NO_REPLICA, _READ_COMMITTED, [(tp.topic, [(tp.partition, _LATEST)])]))
    except KafkaError:
        return None
    ((_, ((_, error_code, _, offset),)),) = answer.topics
    if error_code:
        await client.force_metadata_update()
        return None
    return int(offset)


async def _still_open(client: Mapping[str, Any], tps: Collection[TopicPartition], patience_s: float) -> list[TopicPartition]:
    """The partitions whose last stable offset does not reach their end within the patience."""
    until = time.monotonic() + patience_s
    async with _Ends(client, tps, "read_committed") as stable, _Ends(client, tps, "read_uncommitted") as all_:
        ends = await all_.read()
        while True:
            reached = await stable.read()
            behind = [tp for tp in tps if reached[tp] < ends[tp]]
            if not behind or time.monotonic() > until:
                return behind
            await asyncio.sleep(_POLL_S)


def _stuck(tps: Collection[TopicPartition]) -> str:
    names = ", ".join(f"{tp.topic}-{tp.partition}" for tp in tps)
    return f"takeover: a transaction in {names} does not end: end it with kafka-transactions.sh abort, then start the worker again"


class _Ends:
    """Reads the ends of partitions as one isolation level sees them."""

    def __init__(self, client: Mapping[str, Any], tps: Collection[TopicPartition], isolation_level: str) -> None:
        self._tps = list(tps)
        self._consumer = AIOKafkaConsumer(**client, isolation_level=isolation_level, enable_auto_commit=False)

    async def __aenter__(self) -> "_Ends":
        await self._consumer.start()
        self._consumer.assign(self._tps)  # so that the client knows their leaders
        self._consumer.pause(*self._tps)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self) -> dict[TopicPartition, int]:
        """The end of each partition."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._tps)
        return ends

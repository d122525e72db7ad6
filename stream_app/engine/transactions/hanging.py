"""Transactions that the broker has declared ended without writing where: found by the changelog, and ended by us.

Kafka 4's coordinator takes a partition without a leader for a deleted one and skips its marker; a cluster that is killed and
comes back at once does that to transactions it was ending ("these partitions are likely deleted already"). Their records are
then neither committed nor aborted: invisible, until any later marker of the same producer decides for them. So a partition is
taken over only when nothing in its changelog hangs, and a commit that took suspiciously long is believed only when it is seen.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream_app.errors import UnitError
from stream_app.telemetry.logs import get_logger

_PATIENCE_S = 2.0  # a marker that is written but not yet replicated looks like one that is missing
_POLL_S = 0.05
_log = get_logger(__name__)


async def end_hanging(brokers: list[str], changelog: str, abort: Mapping[int, Callable[[], Awaitable[None]]], limit_s: float) -> list[int]:
    """Abort what hangs in the changelog of newly owned partitions, and everywhere else it may have written.

    Aborting is right whatever the broker had decided: a unit of work whose changelog records nobody has seen is folded again.

    Args:
        brokers: the addresses of the cluster.
        changelog: the changelog's name on the broker.
        abort: by partition, how to abort what its producer has left; the producers are started, so nothing of theirs is open.
        limit_s: how long to wait for the broker.

    Returns:
        The partitions that hung.

    Raises:
        UnitError: it still hangs, or the broker does not answer.
    """
    changelogs = {TopicPartition(changelog, partition): partition for partition in abort}
    try:
        async with asyncio.timeout(limit_s):
            hanging = await _still_open(brokers, changelogs, _PATIENCE_S)
            if not hanging:
                return []
            _log.warning("ending transactions that the broker left open", partitions=sorted(changelogs[tp] for tp in hanging))
            for tp in hanging:
                await abort[changelogs[tp]]()
            if left := await _still_open(brokers, hanging, limit_s):
                raise UnitError(_stuck(left))
    except (TimeoutError, KafkaError) as error:
        raise UnitError(f"takeover: the ends of the changelog cannot be read ({type(error).__name__}); start the worker again") from error
    return sorted(changelogs[tp] for tp in hanging)


async def committed_to(brokers: list[str], tp: TopicPartition, offset: int, limit_s: float) -> bool:
    """Whether everything of a partition before `offset` is committed or aborted within the limit."""
    try:
        async with asyncio.timeout(limit_s), _Ends(brokers, [tp], "read_committed") as ends:
            while True:
                if (await ends.read())[tp] >= offset:
                    return True
                await asyncio.sleep(_POLL_S)
    except (TimeoutError, KafkaError):
        return False


async def _still_open(brokers: list[str], tps: Collection[TopicPartition], patience_s: float) -> list[TopicPartition]:
    """The partitions whose last stable offset does not reach their end within the patience."""
    until = time.monotonic() + patience_s
    async with _Ends(brokers, tps, "read_committed") as stable, _Ends(brokers, tps, "read_uncommitted") as all_:
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

    def __init__(self, brokers: list[str], tps: Collection[TopicPartition], isolation_level: str) -> None:
        self._tps = list(tps)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level=isolation_level, enable_auto_commit=False)

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

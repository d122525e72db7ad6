"""One transactional producer a partition: a unit of work's records and positions become visible together, or never.

Order inside a transaction: begin; group offsets before any record (the other way round the broker answers
NotEnoughReplicas now and then, while it still verifies the transaction); all record batches; wait for every one of them,
because the client commits happily when a batch has failed; commit. One deadline stands around all of it. Whatever goes
wrong, the process ends: a fenced producer and a timed-out transaction cannot be told apart.

That the broker says committed is not enough: killed right after, it may come back and leave the unit hanging (`hanging.py`), and
records of the next unit would then share its fate. It takes an offset only when it is done with the unit before. If that is within
a second of its end, no broker has died and come back between; if it is later, the unit is looked at before anything is sent.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topic_ids import topic_ids
from stream_app.engine.transactions.batches import BATCH_BYTES, pack
from stream_app.engine.transactions.hanging import stable_end
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.engine.unit import Output
from stream_app.errors import UnitError

Outputs = Mapping[tuple[str, int | None], Sequence[Output]]
_REQUEST_BYTES = 4 << 20
_RETRY_BACKOFF_MS = 5
_DEADLINE_SHARE = 0.8
_RESTART_S = 1.0  # no broker that is killed comes back sooner
_PATIENCE_S = 5.0  # an answering broker may take so long to end a transaction, or to replicate its end
_POLL_S = 0.05
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 3.0


class UnitProducer(Protocol):
    """Commits units of work of one partition, strictly one after another."""

    async def start(self) -> None:
        """Fence every earlier producer of this partition and end its open transaction."""

    async def commit(self, offsets: Mapping[TopicPartition, int], outputs: Outputs, changelog: Sequence[Output]) -> int:
        """Commit one unit of work, with at least one offset; returns the changelog offset after it.

        Raises:
            UnitError: it is not known whether this transaction or the one before is committed; the process must end.
        """

    def look_at(self) -> float | None:
        """When (monotonic) to look at what was committed last, if no other commit comes before; None when it has been seen."""

    async def look(self) -> None:
        """Make sure that what was committed last is to be seen.

        Raises:
            UnitError: it is not, and the process must end.
        """

    async def stop(self) -> None:
        """Close the connections."""


class TransactionalProducer:
    """A `UnitProducer` on aiokafka."""

    def __init__(
        self,
        client: Mapping[str, Any],
        app_id: str,
        partition: int,
        changelog: str,
        *,
        transaction_timeout_ms: int,
        client_id: str = "stream-app",
    ) -> None:
        self._group = app_id
        self._partition = partition
        self._changelog = changelog
        self._deadline_s = transaction_timeout_ms / 1000 * _DEADLINE_SHARE
        self._producer = AIOKafkaProducer(
            **client,
            client_id=f"{client_id}-{partition}",
            transactional_id=f"{app_id}-{partition}",
            transaction_timeout_ms=transaction_timeout_ms,
            request_timeout_ms=max(1_000, transaction_timeout_ms),
            acks="all",
            compression_type="zstd",  # of the batches too (batches.py): cheaper than lz4, and smaller
            linger_ms=0,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
        )
        self._partitions: dict[str, int] = {}
        self._unseen: tuple[int, float] | None = None  # the changelog offset after the last unit, and when its end was asked for

    async def start(self) -> None:
        """Fence every earlier producer of this partition and end its open transaction."""
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._producer.start()
        except (TimeoutError, KafkaError) as error:
            raise UnitError(f"partition {self._partition}: the transactional producer cannot start ({_reason(error)})") from error

    async def commit(self, offsets: Mapping[TopicPartition, int], outputs: Outputs, changelog: Sequence[Output]) -> int:
        """Commit one unit of work; returns the changelog offset after it."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._commit(offsets, outputs, changelog)
        except (TimeoutError, KafkaError, ConnectionError) as error:
            raise UnitError(
                f"partition {self._partition}: a unit of work could not be committed ({_reason(error)}); start the worker again"
            ) from error

    def look_at(self) -> float | None:
        """When to look at what was committed last, if no other commit comes before."""
        return None if self._unseen is None else self._unseen[1] + _RESTART_S

    async def look(self) -> None:
        """Make sure that what was committed last is to be seen."""
        if self._unseen is None:
            return
        end, _ = self._unseen
        behind_since: float | None = None
        while (stable := await stable_end(self._producer.client, TopicPartition(self._changelog, self._partition))) is None or stable < end:
            now = time.monotonic()
            if stable is None or behind_since is None:
                behind_since = None if stable is None else now
            elif now - behind_since > _PATIENCE_S:
                raise UnitError(f"partition {self._partition}: the broker says committed, and it is not to be seen; start the worker again")
            await asyncio.sleep(_POLL_S)
        self._unseen = None

    async def abort(self, targets: Collection[TopicPartition]) -> None:
        """Abort whatever hangs in `targets` and in this partition's changelog under this transactional id.

        All in one transaction: should it hang in its turn, the changelog hangs with the others.

        Raises:
            UnitError: the broker does not take it.
        """
        producer = self._producer
        try:
            async with asyncio.timeout(self._deadline_s):
                await producer.begin_transaction()
                # The client adds a partition to a transaction with its first record; an aborted one is never seen.
                every = [*targets, TopicPartition(self._changelog, self._partition)]
                sent = [await producer.send(tp.topic, b"", key=MARKER_KEY, partition=tp.partition) for tp in every]
                await asyncio.gather(*sent)
                await producer.abort_transaction()
        except (TimeoutError, KafkaError, ConnectionError) as error:
            raise UnitError(f"partition {self._partition}: what an earlier life left open cannot be aborted ({_reason(error)})") from error

    async def partitions_of(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Every partition of `topics`."""
        try:
            return [TopicPartition(topic, number) for topic in topics for number in range(await self._partition_count(topic))]
        except (TimeoutError, KafkaError) as error:
            raise UnitError(f"partition {self._partition}: the output topics cannot be looked at ({_reason(error)})") from error

    async def ids_of(self, topics: Iterable[str]) -> dict[str, str]:
        """The ids of `topics`, by name (`engine/topic_ids.py`)."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await topic_ids(self._producer.client, topics)
        except (TimeoutError, KafkaError) as error:
            raise UnitError(f"partition {self._partition}: the input topics cannot be looked at ({_reason(error)})") from error

    async def stop(self) -> None:
        """Close the connections."""
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._producer.stop()
        except (TimeoutError, KafkaError):
            return  # nothing is open: a unit of work is either committed, or has ended the process

    async def _commit(self, offsets: Mapping[TopicPartition, int], outputs: Outputs, changelog: Sequence[Output]) -> int:
        producer = self._producer
        now_ms = int(time.time() * 1000)
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction(dict(offsets), self._group)
        if self._unseen is not None and time.monotonic() - self._unseen[1] > _RESTART_S:
            await self.look()
        by_target = await self._by_target(outputs)
        by_target[self._changelog, self._partition] = list(changelog)
        sent = await asyncio.gather(*(self._send(topic, partition, records, now_ms) for (topic, partition), records in by_target.items()))
        end = int(sent[-1])
        self._unseen = end, time.monotonic()
        await producer.commit_transaction()
        return end

    async def _by_target(self, outputs: Outputs) -> dict[tuple[str, int], list[Output]]:
        by_target: dict[tuple[str, int], list[Output]] = {}
        for (topic, wanted), records in outputs.items():
            count = await self._partition_count(topic)
            partition = self._partition if wanted is None else wanted
            if partition < count:
                by_target.setdefault((topic, partition), []).extend(records)
                continue
            for record in records:
                by_target.setdefault((topic, partition_of(record[0] or b"", count)), []).append(record)
        return by_target

    async def _partition_count(self, topic: str) -> int:
        count = self._partitions.get(topic)
        if count is None:
            count = self._partitions[topic] = len(await self._producer.partitions_for(topic))
        return count

    async def _send(self, topic: str, partition: int, records: Sequence[Output], now_ms: int) -> int:
        """Send records to one partition in as few batches as they need; returns the offset after the last one."""
        pending: list[tuple[Any, int]] = [
            (await self._producer.send_batch(batch, topic, partition=partition), batch.record_count())
            async for batch in pack(records, now_ms)
        ]
        metadata = await asyncio.gather(*(future for future, _ in pending))
        last = int(metadata[-1].offset)
        if last < 0:
            raise UnitError(f"partition {self._partition}: the broker does not say where a unit of work is; start the worker again")
        return last + pending[-1][1]


def _reason(error: BaseException) -> str:
    return type(error).__name__

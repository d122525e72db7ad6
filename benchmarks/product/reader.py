"""A consumer of committed records that hands over record batches: it sees all that is published, on the cores of what is measured."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


class BatchReader(AIOKafkaConsumer):  # type: ignore[misc]
    """A consumer whose `getmany` returns a `Batch` where others return records, which aiokafka handles one by one."""

    def __init__(self, brokers: list[str] | str) -> None:
        """A reader of `brokers` that is assigned its partitions."""
        super().__init__(
            bootstrap_servers=brokers, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=100, check_crcs=False
        )

    async def start(self) -> None:
        """Connect."""
        await super().start()
        self._fetcher._records = _Arrived()  # noqa: SLF001 - there is no other way past an object or two a record


class _Arrived(OrderedDict[TopicPartition, Any]):
    """What was fetched and not taken yet."""

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        parsed = getattr(result, "_partition_records", None)
        if parsed is not None:
            parsed._records = _Batches(parsed._records)  # noqa: SLF001
            parsed._consumer_record = _as_it_is  # noqa: SLF001
        super().__setitem__(tp, result)


class Batch:
    """A record batch, which aiokafka takes for its own only record, the last one."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self.base_offset, self.next_offset, self.offset = batch.base_offset, batch.next_offset, batch.next_offset - 1
        self.producer_id, self.is_transactional = batch.producer_id, batch.is_transactional
        self.is_control_batch = batch.is_control_batch

    def __iter__(self) -> Iterator["Batch"]:
        """Itself."""
        yield self

    def __next__(self) -> Any:
        """The marker in a control batch."""
        return next(self._batch)

    def records(self) -> list[Any]:
        """Its records: each has a key and a value."""
        return list(self._batch)


class _Batches:
    """What was fetched of a partition."""

    def __init__(self, fetched: Any) -> None:
        self._fetched = fetched

    def has_next(self) -> bool:
        return bool(self._fetched.has_next())

    def next_batch(self) -> Batch:
        return Batch(self._fetched.next_batch())


def _as_it_is(_tp: TopicPartition, record: Batch) -> Batch:
    return record

"""The topics as the history database and the read API need them (`feed.Topics`): what was written, and how far everybody is."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.engine import topic_ids
from stream_app.feed import HISTORY, Batch, Partition, PolicyRecord, Pulse, Record
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client, partitions_of, read_to_end, reader, what_broke
from stream_app.worker.explain import Found, find_customer

_INPUTS = ("orders", "contacts", "customer-events-rekeyed")
_RECORDS_MAX = 5_000
_WAIT_MS = 500


class KafkaTopics:
    """The topics on the broker that the settings name."""

    def __init__(self, settings: Settings) -> None:
        """`settings` name the broker, the prefix, and the workers' group."""
        self._settings = settings
        self._names = {settings.topic(name): name for name in HISTORY}

    async def topic_ids(self) -> Mapping[str, str]:
        """Kafka's own id of each topic of the history; nothing from a broker that has no ids."""
        async with reader(self._settings) as client:
            await partitions_of(client, self._settings, *HISTORY)
            with self._losses():
                found = await topic_ids.topic_ids(client._client, self._names)  # noqa: SLF001 - a consumer shows no other way to its connection
        return {self._names[wire]: topic_id for wire, topic_id in found.items()}

    async def follow(self, positions: Mapping[Partition, int]) -> AsyncIterator[Batch]:
        """Committed records from `positions` on, for ever."""
        async with reader(self._settings, auto_offset_reset="earliest", max_poll_records=_RECORDS_MAX) as client:
            assigned = await partitions_of(client, self._settings, *HISTORY)
            client.assign(assigned)
            with self._losses():
                begins = await client.beginning_offsets(assigned)
                for at in assigned:
                    # What was deleted by retention before it was read is lost to the history; profiles say where everybody stands.
                    client.seek(at, max(begins[at], positions.get(self._partition(at), 0)))
                while True:
                    fetched = await client.getmany(timeout_ms=_WAIT_MS)
                    records = [
                        Record(self._partition(at), one.offset, one.timestamp, one.key, one.value)
                        for at, found in fetched.items()
                        for one in found
                    ]
                    # Positions, not the last offset and one: control records lie between.
                    positions_now = {at: await client.position(at) for at in (fetched or assigned)}
                    ends = {} if fetched else await client.end_offsets(assigned)
                    caught_up = not fetched and all(positions_now[at] >= ends[at] for at in assigned)
                    yield Batch(records, {self._partition(at): offset for at, offset in positions_now.items()}, caught_up)

    async def pulses(self) -> AsyncIterator[Pulse]:
        """How far everybody is, each time it is asked."""
        async with reader(self._settings) as client, admin_client(self._settings) as admin:
            outputs = await partitions_of(client, self._settings, *HISTORY)
            inputs = await partitions_of(client, self._settings, *_INPUTS)
            with self._losses():
                while True:
                    ends = await client.end_offsets([*outputs, *inputs])
                    applied = await self._applied(admin, inputs)
                    lag = sum(max(0, ends[at] - applied[at]) for at in inputs)
                    yield Pulse(sum(applied.values()), lag, {self._partition(at): ends[at] for at in outputs})

    async def find_customer(self, shop: str, customer: str) -> Found:
        """Everything that the topics have of a customer."""
        return await find_customer(self._settings, shop, customer)

    async def read_policies(self) -> Sequence[PolicyRecord]:
        """Every record of the topic `policies`, in its order."""
        with self._losses():
            return [
                PolicyRecord((record.key or b"").decode("utf-8", "replace"), record.timestamp, record.value)
                async for record in read_to_end(self._settings, "policies")
            ]

    async def _applied(self, admin: AIOKafkaAdminClient, inputs: list[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            committed = await admin.list_consumer_group_offsets(self._settings.id, partitions=inputs)
        except KafkaError:  # no coordinator yet: nobody has joined the group, so nothing is committed
            committed = {}
        return {at: max(0, committed[at].offset) if at in committed else 0 for at in inputs}

    def _partition(self, at: TopicPartition) -> Partition:
        return self._names[at.topic], at.partition

    @contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            raise what_broke(self._settings, error) from error

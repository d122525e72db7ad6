"""Everything that Kafka keeps of one customer: his events, what was published about him, his latest profile."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.changes import record_key
from stream_app.codec.events import decode_record
from stream_app.codec.rekeyed import OFFSET, PARTITION, TOPIC, read_forward
from stream_app.domain.events import Event
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader, what_broke

Progress = Callable[[int, int], None]
Headers = Sequence[tuple[str, bytes | None]]

INPUTS = ("orders", "contacts")
REKEYED = "customer-events-rekeyed"
OUTPUTS = ("status-changes", "win-back", "service-level", "contact-advice")
PROFILES = "customer-profiles"


class Found(Struct):
    """What was found of one customer; `published` topic by topic, each in the order of its log.

    `events` are those that can be read: some of them may have been refused later on, which the dead letters tell.
    """

    events: list[Event] = msgspec.field(default_factory=list)
    published: list[dict[str, Any]] = msgspec.field(default_factory=list)
    profile: dict[str, Any] | None = None


async def find_customer(settings: Settings, shop: str, customer: str, progress: Progress | None = None) -> Found:
    """Read what is committed now of one customer.

    His own partition of every topic that we write; of the inputs every partition, because their records may lie in any of them.

    Args:
        settings: names the broker and the prefix.
        shop: the shop's id.
        customer: the customer's id.
        progress: called a few times a second with how many offsets are read, and how many there are.

    Raises:
        TopicError: the topics do not exist.
        BrokerUnavailableError: the broker is lost.
    """
    async with reader(settings, auto_offset_reset="earliest") as client:
        search = _Search(settings, shop, customer)
        try:
            home = [await _home(client, settings, name, search.key) for name in (REKEYED, *OUTPUTS, PROFILES)]
            assigned = await partitions_of(client, settings, *INPUTS) + home
            client.assign(assigned)
            await _read(client, assigned, search, progress)
        except (KafkaError, OSError) as error:
            raise what_broke(settings, error) from error
    return search.found()


async def _home(client: AIOKafkaConsumer, settings: Settings, name: str, key: bytes) -> TopicPartition:
    partitions = await partitions_of(client, settings, name)
    return partitions[partition_of(key, len(partitions))]


async def _read(client: AIOKafkaConsumer, assigned: list[TopicPartition], search: "_Search", progress: Progress | None) -> None:
    begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
    at = dict(begins)
    total = sum(ends[partition] - begins[partition] for partition in assigned)
    left = [partition for partition in assigned if ends[partition] > begins[partition]]
    while left:
        for partition, records in (await client.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.offset < ends[partition]:
                    search.look(record)
        for partition in left:
            # A position, not a count: control records and compaction leave gaps.
            at[partition] = min(await client.position(partition), ends[partition])
        left = [partition for partition in left if at[partition] < ends[partition]]
        if progress:
            progress(sum(at.values()) - sum(begins.values()), total)


class _Search:
    """Keeps what is his; a record that cannot be his is passed over without decoding it."""

    def __init__(self, settings: Settings, shop: str, customer: str) -> None:
        self.key = record_key(shop, customer)
        self._shop = shop
        self._customer = customer
        self._name = customer.encode()
        self._names = {settings.topic(name): name for name in (*INPUTS, REKEYED, *OUTPUTS, PROFILES)}
        self._read: dict[tuple[str, int, int], Event] = {}
        self._sent_on: list[tuple[tuple[str, int, int] | None, Event]] = []
        self._published: dict[str, list[dict[str, Any]]] = {name: [] for name in OUTPUTS}
        self._profile: dict[str, Any] | None = None

    def look(self, record: Any) -> None:
        """Take a record in, if it is his."""
        name = self._names[record.topic]
        if name in self._published or name == PROFILES:
            if record.key == self.key:
                self._take_output(name, record.value)
        elif record.key == self.key or self._may_name_him(record.value, record.headers):
            self._take_input(name, record)

    def found(self) -> Found:
        """All of it. A copy that was sent on to his partition counts only when its original is gone."""
        events = list(self._read.values()) + [event for origin, event in self._sent_on if origin not in self._read]
        return Found(events, [event for name in OUTPUTS for event in self._published[name]], self._profile)

    def _may_name_him(self, value: bytes | None, headers: Headers) -> bool:
        """Whether his name stands in a record, or may stand there with escapes; in binary mode it stands in a header."""
        if value is not None and (self._name in value or b"\\" in value):
            return True
        return any(content is not None and self._name in content for _, content in headers)

    def _take_output(self, name: str, value: bytes | None) -> None:
        event = None if value is None else msgspec.json.decode(value, type=dict[str, Any])
        if name == PROFILES:
            self._profile = event
        elif event is not None:
            self._published[name].append(event)

    def _take_input(self, name: str, record: Any) -> None:
        event = decode_record(record.key, record.value, record.headers, record.timestamp, derived=name == REKEYED)
        if type(event) is not Event:
            return
        forward = read_forward(record.headers) if name == REKEYED else None
        whose = event.customer_id if forward is None else forward.into  # what one does who was merged into another is the other's
        if (event.shop_id, whose) != (self._shop, self._customer):
            return
        if name == REKEYED:
            self._sent_on.append((_origin(record.headers), event))
        else:
            self._read[record.topic, record.partition, record.offset] = event


def _origin(headers: Headers) -> tuple[str, int, int] | None:
    """Where a record of the rekeyed topic was read; None for an event that was derived."""
    found = dict(headers)
    topic, partition, offset = (found.get(name) for name in (TOPIC, PARTITION, OFFSET))
    return None if topic is None or partition is None or offset is None else (topic.decode(), int(partition), int(offset))

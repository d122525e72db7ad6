"""What comes out of the worker, as any subscriber sees it: committed changes and dead letters, counted, and how far the worker is."""

import time
from collections import Counter, deque
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of

INPUTS = ("orders", "contacts", "customer-events-rekeyed")
_OUTPUTS = ("status-changes", "dead-letters")
_LATEST = 200
_QUIET_S = 1.0


class Cause(Struct):
    """Why, in one word."""

    kind: str


class Reason(Struct):
    """Why, by name."""

    code: str = ""


class Change(Struct, rename={"from_": "from"}):
    """The part of a `status.changed` that is shown."""

    dimension: str
    from_: str | None
    to: str | None
    sequence: int
    effective_at: str
    cause: Cause
    reason: Reason


class Outgoing(Struct):
    """An event of the topic `status-changes`."""

    type: str
    subject: str
    data: msgspec.Raw


class Lag(Struct):
    """How far the worker is behind; `applied` is -1 until it was asked for."""

    records: int
    applied: int


class Observer:
    """Counts what is committed after `start`."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._settings = settings
        self._consumer = consumer
        self._admin = admin
        self._outputs: list[TopicPartition] = []
        self._inputs: list[TopicPartition] = []
        self._quiet_since = time.monotonic()
        self.changes: Counter[tuple[str, str | None, str | None]] = Counter()
        self.statuses: dict[str, Counter[str]] = {}
        self.dead_letters: Counter[str] = Counter()
        self.latest: deque[tuple[str, Change]] = deque(maxlen=_LATEST)
        self.customers = 0
        self.notices = 0
        self.last_change_ms = 0
        self.lag = Lag(0, -1)

    async def start(self) -> None:
        """Begin at the end of the topics: what earlier runs left is not counted."""
        self._outputs = await partitions_of(self._consumer, self._settings, *_OUTPUTS)
        self._inputs = await partitions_of(self._consumer, self._settings, *INPUTS)
        self._consumer.assign(self._outputs)
        await self._consumer.seek_to_end(*self._outputs)
        for partition in self._outputs:
            await self._consumer.position(partition)

    async def published(self) -> int:
        """How many records the input topics hold."""
        return sum((await self._consumer.end_offsets(self._inputs)).values())

    async def poll(self, wait_ms: int = 100) -> None:
        """Take in what was committed meanwhile."""
        fetched = await self._consumer.getmany(*self._outputs, timeout_ms=wait_ms)
        for partition, records in fetched.items():
            if partition.topic == self._settings.topic("dead-letters"):
                for record in records:
                    self.dead_letters[dict(record.headers).get("error.code", b"unknown").decode()] += 1
            else:
                self._take(records)
        if fetched:
            self._quiet_since = time.monotonic()

    async def measure_lag(self) -> None:
        """Ask how far the worker has committed its inputs."""
        ends = await self._consumer.end_offsets(self._inputs)
        try:
            committed = await self._admin.list_consumer_group_offsets(self._settings.id, partitions=self._inputs)
        except KafkaError:  # no coordinator yet: nobody has joined the group, so nothing is committed
            committed = {}
        applied = {partition: max(0, committed[partition].offset) if partition in committed else 0 for partition in self._inputs}
        before = self.lag.applied
        self.lag = Lag(sum(max(0, ends[partition] - applied[partition]) for partition in self._inputs), sum(applied.values()))
        if self.lag.records or self.lag.applied != before:
            self._quiet_since = time.monotonic()

    def finished(self) -> bool:
        """Whether all input is applied and the deadlines that it made due have fired: nothing came for a second."""
        return self.lag.applied >= 0 and time.monotonic() - self._quiet_since >= _QUIET_S

    def _take(self, records: list[Any]) -> None:
        for record in records:
            if record.value is None:
                continue
            event = _decode_outgoing(record.value)
            if event.type != "status.changed":
                self.notices += event.type == "status.will_change"
                continue
            change = _decode_change(event.data)
            self.changes[change.dimension, change.from_, change.to] += 1
            self.customers += change.sequence == 1
            self.last_change_ms = max(self.last_change_ms, record.timestamp)
            values = self.statuses.setdefault(change.dimension, Counter())
            if change.from_ is not None:
                values[change.from_] -= 1
            if change.to is not None:
                values[change.to] += 1
            self.latest.append((event.subject, change))


_decode_outgoing = msgspec.json.Decoder(Outgoing).decode
_decode_change = msgspec.json.Decoder(Change).decode


def summary(observer: Observer, events_in: dict[str, int], started_ms: int) -> dict[str, Any]:
    """The summary of contract.md; `seconds` from the first record published to the last change committed."""
    changes = sorted(observer.changes.items(), key=lambda item: (item[0][0], item[0][1] or "", item[0][2] or ""))
    return {
        "events_in": events_in,
        "changes": [{"dimension": name, "from": before, "to": after, "count": count} for (name, before, after), count in changes],
        "dead_letters": dict(sorted(observer.dead_letters.items())),
        "customers": observer.customers,
        "seconds": round(max(0, observer.last_change_ms - started_ms) / 1000, 3),
    }

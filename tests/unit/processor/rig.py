"""One partition without Kafka: the engine's own unit of work and memory store around the status processor."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stream_app.codec.state import decode_state
from stream_app.codec.times import parse_time_ms
from stream_app.domain.facts.state import State
from stream_app.domain.policy import Fixed, Policy
from stream_app.engine.fold import Decoded, Headers
from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.cleaning import timers_of
from stream_app.engine.stores.store import MemoryStore, Timer
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.engine.unit import TimerBounds, UnitOfWork
from stream_app.processor.hop import REKEYED
from stream_app.processor.marks import Erasing
from stream_app.processor.policies import PolicyBook
from stream_app.processor.status import StatusProcessor
from tests.builders import at, policy

WALL_MS = at(5_000)
RULES = policy(shop=None, default_rhythm=Fixed(100), rhythms={}, labels=None, service_levels=None, classes=None)


@dataclass
class Record:
    """A record as Kafka hands it over."""

    value: bytes | None
    key: bytes | None = None
    topic: str = "orders"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Headers = ()


def book(*policies: Policy, from_ms: int = 0) -> PolicyBook:
    """A policy book with these in force; a policy without shop is everybody's."""
    made = PolicyBook()
    for one in policies or (RULES,):
        made.add(one.shop or "*", from_ms, one)
    return made


def text(
    event_type: str, time_ms: int, customer: str | None = "c-1", shop: str = "acme", event_id: str | None = None, **data: Any
) -> Record:
    """An event as a record, keyed as it should be."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    envelope: dict[str, Any] = {"specversion": "1.0", "id": event_id or f"{event_type}-{customer}-{time_ms}", "source": f"/shops/{shop}"}
    envelope |= {"type": event_type, "time": moment, "data": data}
    if customer is not None:
        envelope["subject"] = customer
    key = None if customer is None else f"{shop}/{customer}".encode()
    topic = "orders" if event_type.startswith(("order.", "payment.", "watermark")) else "contacts"
    return Record(json.dumps(envelope).encode(), key, topic, timestamp=time_ms)


def bought(time_ms: int, customer: str = "c-1", shop: str = "acme", event_id: str | None = None, **data: Any) -> Record:
    """An `order.placed` with an order id of its own."""
    data = {"order_id": f"o-{customer}-{time_ms}", "currency": "EUR", "total_minor": 1000, **data}
    return text("order.placed", time_ms, customer, shop, event_id, **data)


def told(time_ms: int, customer: str = "c-1", shop: str = "acme", event_id: str | None = None) -> Record:
    """An event that changes no status of someone who bought."""
    return text("interest.shown", time_ms, customer, shop, event_id, kind="quote")


def watermark(time_ms: int, shop: str = "acme") -> Record:
    """A `watermark`."""
    return text("watermark", time_ms, None, shop)


@dataclass
class Output:
    """One record that was written."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def event(self) -> Any:
        """The value as JSON."""
        return json.loads(self.value or b"null")

    def header(self, name: str) -> str:
        """A header as text."""
        return (dict(self.headers)[name] or b"").decode()


@dataclass
class Rig:
    """A partition: what is stored, what came out, unit by unit."""

    policies: PolicyBook = field(default_factory=book)
    partitions: int = 1
    partition: int = 0
    grace_ms: int = 0
    erasing: Erasing | None = None

    def __post_init__(self) -> None:
        """Begin empty."""
        self.store = MemoryStore()
        self.outputs: list[Output] = []
        self.units: list[UnitOfWork] = []
        self.memo: dict[str, Any] = {}
        self.restart()

    def restart(self) -> None:
        """Throw everything away that is not committed, and take up again."""
        self.cache, self.bounds = StateCache(1 << 20), TimerBounds(self.store.first_timers())
        self.processor = StatusProcessor(self.policies, self.partition, self.partitions, self.grace_ms, REKEYED, self.erasing)
        self.processor.resume(json.loads(json.dumps(self.memo)))

    def decode(self, records: Sequence[Record]) -> list[Decoded]:
        """Decode records as the engine does when they are fetched."""
        return [self.processor.decode(record, WALL_MS) for record in records]

    def work(
        self,
        *records: Record,
        bound: int | None = None,
        wall: int | None = None,
        limit: int = 500,
        fire: bool = True,
        fire_first: bool = False,
        sweep: int = 0,
    ) -> int:
        """One unit of work; returns what `fire` returned."""
        unit = UnitOfWork(self.partition, self.store, self.cache, self.bounds)
        fired = self.processor.fire(unit, bound, wall, limit) if fire_first else 0
        if records:
            list(self.processor.fold(self.decode(records), unit))
        if fire:
            fired = self.processor.fire(unit, bound, wall, limit)
        if sweep and fired < limit:
            self.processor.sweep(unit, sweep)
        self.processor.finish(unit)
        self.memo = self.processor.memo()
        for timer in asyncio.run(self._timers_of(unit.erased)) if unit.erased else []:
            unit.disarm(timer)
        self.store.apply(unit.changes(None, None))
        unit.settle()
        self.units.append(unit)
        for (topic, partition), written in unit.outputs.items():
            self.outputs += [Output(topic, partition, *one) for one in written]
        return fired

    async def _timers_of(self, keys: set[bytes]) -> list[Timer]:
        return [timer async for timer in timers_of(self.store, keys)]

    def drain(self, bound: int | None = None, wall: int | None = None, limit: int = 500) -> int:
        """Fire until nothing is due; returns how many units of work it took."""
        units = 1
        while self.work(bound=bound, wall=wall, limit=limit) == limit:
            units += 1
            assert units < 10_000
        return units

    def of(self, topic: str) -> list[Output]:
        """What was written to a topic, in order."""
        return [output for output in self.outputs if output.topic == topic]

    def changes(self, dimension: str = "lifecycle") -> list[tuple[str, str | None, str, str]]:
        """(customer, to, effective_at, kind of cause) of every change of a dimension."""
        found = [(output.event["subject"], output.event["data"]) for output in self.of("status-changes")]
        return [
            (subject, data["to"], data["effective_at"], data["cause"]["kind"])
            for subject, data in found
            if data["dimension"] == dimension and "to" in data and "sequence" in data
        ]

    def state(self, customer: str = "c-1", shop: str = "acme") -> State | None:
        """What is stored of a customer."""
        framed = self.store.get(f"{shop}/{customer}".encode())
        return None if framed is None else decode_state(framed[8:])

    def counts(self) -> dict[tuple[str, ...], int]:
        """Everything counted so far."""
        total: dict[tuple[str, ...], int] = {}
        for unit in self.units:
            for name, number in unit.counts.items():
                total[name] = total.get(name, 0) + number
        return total


@dataclass
class Rigs:
    """Several partitions, and the rekeyed topic between them."""

    partitions: int
    policies: PolicyBook = field(default_factory=book)
    erasing: Erasing | None = None

    def __post_init__(self) -> None:
        """Begin empty."""
        self.rigs = [Rig(self.policies, self.partitions, number, erasing=self.erasing) for number in range(self.partitions)]
        self._seen = [0] * self.partitions
        self._arrived = [0] * self.partitions

    def of(self, customer: str, shop: str = "acme") -> Rig:
        """The partition where a customer lives."""
        return self.rigs[partition_of(f"{shop}/{customer}".encode(), self.partitions)]

    def work(self, *records: Record) -> None:
        """One record after another, each in its customer's partition, with all that comes of it."""
        for record in records:
            rig = self.rigs[partition_of(record.key or b"", self.partitions)]
            rig.work(replace(record, partition=rig.partition))
            self.deliver()

    def hops(self) -> list[tuple[int, Record]]:
        """What was sent to each partition since the last call."""
        found = []
        for rig in self.rigs:
            sent, self._seen[rig.partition] = rig.outputs[self._seen[rig.partition] :], len(rig.outputs)
            for one in sent:
                if one.topic == REKEYED:
                    assert one.partition is not None
                    offset, self._arrived[one.partition] = self._arrived[one.partition], self._arrived[one.partition] + 1
                    stamp = parse_time_ms(one.event["time"]) or 0
                    found.append((one.partition, Record(one.value, one.key, REKEYED, one.partition, offset, stamp, one.headers)))
        return found

    def deliver(self) -> None:
        """Let everything arrive that is on its way, and what comes of it."""
        while hops := self.hops():
            for partition, record in hops:
                self.rigs[partition].work(record)


def iso(days: float) -> str:
    """A day of the tables as outgoing events write it."""
    return datetime.fromtimestamp(at(days) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

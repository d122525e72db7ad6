"""Records of the output topics for tests, as the worker writes them, and topics that lie in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from stream_app.codec.times import format_time
from stream_app.domain.events import Event
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.feed import Batch, Partition, PolicyRecord, Pulse, Record
from stream_app.web.history.database import Database
from stream_app.web.history.filling import take_in
from tests.builders import at

SHOP = "acme"
POLICY = {"version": 1, "hash": "0" * 32}
WRITTEN_MS = at(500)


@dataclass
class Log:
    """Topics with one partition each; offsets have gaps, as those of transactions do."""

    records: list[Record] = field(default_factory=list)
    taken: int = 0

    def add(self, topic: str, key: str, event: dict[str, Any] | None, recorded_ms: int | None = None) -> Record:
        """Append a record."""
        offset = 2 * sum(record.partition[0] == topic for record in self.records)
        value = None if event is None else json.dumps(event, ensure_ascii=False).encode()
        written_ms = WRITTEN_MS + len(self.records) if recorded_ms is None else recorded_ms
        record = Record((topic, 0), offset, written_ms, key.encode(), value)
        self.records.append(record)
        return record

    def changed(
        self,
        customer: str,
        sequence: int,
        dimension: str,
        before: str | None,
        after: str | None,
        *,
        day: float = 0.0,
        shop: str = SHOP,
        kind: str = "event",
        revokes: str | None = None,
        recorded_ms: int | None = None,
        change_id: str | None = None,
    ) -> str:
        """A `status.changed`; returns its id."""
        time_ms = at(day)
        data: dict[str, Any] = {
            "dimension": dimension,
            "from": before,
            "to": after,
            "sequence": sequence,
            "effective_at": format_time(time_ms),
            "cause": {"kind": kind},
            "reason": {"code": "because", "measures": {"orders": 1, "revenue": 123_456}, "thresholds": {}},
            "policy": POLICY,
            "valid_until": None,
        }
        if revokes is not None:
            data["revokes"] = revokes
        change_id = change_id or _id(shop, customer, sequence, day)
        self.add("status-changes", f"{shop}/{customer}", _event("status.changed", change_id, customer, shop, time_ms, data), recorded_ms)
        return change_id

    def told(self, customer: str, kind: str, event_id: str, data: dict[str, Any], day: float = 0.0, recorded_ms: int | None = None) -> None:
        """Another event of `status-changes`."""
        self.add("status-changes", f"{SHOP}/{customer}", _event(kind, event_id, customer, SHOP, at(day), data), recorded_ms)

    def erased(self, customer: str, day: float, *, was_known: bool = True, recorded_ms: int | None = None) -> None:
        """An `erasure.completed`."""
        data = {
            "event_id": "e",
            "erased_at": format_time(at(day)),
            "was_known": was_known,
            "suppressed_until_at": format_time(at(day + 400)),
        }
        self.told(customer, "erasure.completed", _id("receipt", customer, day), {**data, "kept": {}}, day, recorded_ms)

    def profiled(
        self, customer: str, sequence: int, statuses: dict[str, str | None], day: float = 0.0, recorded_ms: int | None = None
    ) -> None:
        """A `customer.profile`."""
        data = {
            "clock_at": format_time(at(day)),
            "statuses": {**dict.fromkeys(DIMENSIONS), **statuses},
            "measures": {"revenue": 1},
            "facts": {},
            "next_deadline": format_time(at(day + 30)),
            "sequence": sequence,
            "policy": POLICY,
        }
        event = _event("customer.profile", f"{sequence:032x}", customer, SHOP, at(day), data)
        self.add("customer-profiles", f"{SHOP}/{customer}", event, recorded_ms)

    def gone(self, customer: str, recorded_ms: int | None = None) -> None:
        """The tombstone of a profile."""
        self.add("customer-profiles", f"{SHOP}/{customer}", None, recorded_ms)

    def batches(self, size: int = 1_000_000) -> list[Batch]:
        """What came since the last call, cut into batches."""
        fresh, self.taken = self.records[self.taken :], len(self.records)
        cut = [fresh[start : start + size] for start in range(0, len(fresh), size)]
        return [Batch(records, {record.partition: record.offset + 2 for record in records}) for records in cut]

    def into(self, database: Database, size: int = 1_000_000) -> None:
        """Take in what came since the last call; then everything is read."""
        for batch in self.batches(size):
            take_in(database, batch, {})
        take_in(database, Batch([], {}, caught_up=True), {})


def _id(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _event(kind: str, event_id: str, customer: str, shop: str, time_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": event_id, "source": f"/shops/{shop}", "type": kind, "subject": customer}
    return {**head, "time": format_time(time_ms), "datacontenttype": "application/json", "origin": "live", "data": data}


@dataclass
class Story:
    """What the topics have of one customer."""

    events: Sequence[Event] = ()
    published: Sequence[dict[str, Any]] = ()
    profile: dict[str, Any] | None = None


@dataclass
class MemoryTopics:
    """`feed.Topics` without Kafka: what a test has put there."""

    log: Log = field(default_factory=Log)
    ids: dict[str, str] = field(default_factory=dict)
    stories: dict[tuple[str, str], Story] = field(default_factory=dict)
    policies: list[PolicyRecord] = field(default_factory=list)
    batch_size: int = 100

    async def topic_ids(self) -> Mapping[str, str]:
        """As the test says."""
        return self.ids

    async def follow(self, positions: Mapping[Partition, int]) -> AsyncIterator[Batch]:
        """Everything from `positions` on."""
        at_record = 0
        while True:
            fresh = self.log.records[at_record : at_record + self.batch_size]
            at_record += len(fresh)
            wanted = [record for record in fresh if record.offset >= positions.get(record.partition, 0)]
            yield Batch(wanted, {record.partition: record.offset + 2 for record in wanted}, caught_up=not fresh)
            if not fresh:
                await asyncio.sleep(0.01)

    async def pulses(self) -> AsyncIterator[Pulse]:
        """Nothing moves."""
        while True:
            yield Pulse(len(self.log.records), 0, {})

    async def find_customer(self, shop: str, customer: str) -> Story:
        """What the test has put there."""
        return self.stories.get((shop, customer), Story())

    async def read_policies(self) -> Sequence[PolicyRecord]:
        """What the test has put there."""
        return self.policies

"""The status fold: orders, contacts and rekeyed events of one partition into statuses, and the deadlines that time brings.

Time: a shop's *stream time* is the largest event or watermark time folded in this partition. A deadline fires when stream
time, less the grace, has reached it, or a watermark has, or, with nothing left to read, the wall clock (domain.md, section 5).
"""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from stream_app.codec.changes import record_key
from stream_app.codec.events import check_time, decode_record
from stream_app.domain import evaluate
from stream_app.domain.events import Event, Rejected, Watermark
from stream_app.domain.facts.state import NEVER, Raw
from stream_app.engine.fold import Decoded, Record, Unit
from stream_app.engine.partitioner import partition_of
from stream_app.processor.customers import Customers, emit_dead_letter
from stream_app.processor.policies import PolicyBook

REKEYED = "customer-events-rekeyed"


class StreamTime:
    """How far time has come for one shop in one partition, in UTC milliseconds."""

    __slots__ = ("events_ms", "watermark_ms")

    def __init__(self, events_ms: int = NEVER, watermark_ms: int = NEVER) -> None:
        self.events_ms = events_ms
        self.watermark_ms = watermark_ms


class StatusProcessor:
    """One partition's fold (`engine.fold.Processor`)."""

    def __init__(self, policies: PolicyBook, partition: int, partitions: int, grace_ms: int, rekeyed_topic: str = REKEYED) -> None:
        self._policies = policies
        self._partition = partition
        self._partitions = partitions
        self._grace_ms = grace_ms
        self._rekeyed_topic = rekeyed_topic
        self._streams: dict[str, StreamTime] = {}
        self._customers = Customers(policies)

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back the stream times of `memo`."""
        self._streams = {shop: StreamTime(*times) for shop, times in memo.get("streams", {}).items()}

    def memo(self) -> dict[str, Any]:
        """The stream times: {"streams": {shop: [events_ms, watermark_ms]}}."""
        return {"streams": {shop: [stream.events_ms, stream.watermark_ms] for shop, stream in self._streams.items()}}

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one record; a rejected one keeps its place by the record's own timestamp."""
        event = decode_record(record.key, record.value, record.headers, record.timestamp)
        if type(event) is Rejected:
            return Decoded(record.timestamp, None, record, event)
        assert isinstance(event, Event)
        if record.topic != self._rekeyed_topic:
            rejected = check_time(event, wall_ms)
            if rejected is not None:
                return Decoded(record.timestamp, None, record, rejected)
        key = record_key(event.shop_id, event.customer_id) if event.customer_id else None
        return Decoded(event.time_ms, key, record, event)

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> None:
        """Apply `batch` in the given order."""
        events: dict[str, int] = {}
        for decoded in batch:
            event = decoded.content
            held = None if type(event) is Rejected else self._policies.current(event.shop_id)
            rejected = event if type(event) is Rejected else evaluate.refuse(event, held and held[1])
            if rejected is not None:
                emit_dead_letter(rejected, _raw(decoded.record), unit)
                continue
            events[event.type] = events.get(event.type, 0) + 1
            if decoded.key is None:
                self._watermark(event)
            else:
                self._fold_event(decoded, decoded.key, unit)
        for event_type, count in events.items():
            unit.count("events", event_type, by=count)

    def _fold_event(self, decoded: Decoded, key: bytes, unit: Unit) -> None:
        record, event = decoded.record, decoded.content
        customer = self._customers.open(key, unit)
        if customer.state is None and record.topic != self._rekeyed_topic:
            # Only a customer without a state can be in the wrong place: states are kept in the right partition alone.
            home = partition_of(key, self._partitions)
            if home != self._partition:
                unit.emit(REKEYED, key, record.value, record.headers, home)
                unit.count("rekeyed")
                return
        self._customers.apply(customer, event, _raw(record), unit)
        stream = self._streams.get(event.shop_id)
        if stream is None:
            stream = self._streams[event.shop_id] = StreamTime()
        if event.time_ms > stream.events_ms:  # noqa: PLR1730 - max() costs a call
            stream.events_ms = event.time_ms

    def _watermark(self, event: Event) -> None:
        assert type(event.data) is Watermark  # the codec demands a subject of all other types
        stream = self._streams.setdefault(event.shop_id, StreamTime())
        stream.events_ms = max(stream.events_ms, event.time_ms)
        stream.watermark_ms = max(stream.watermark_ms, event.time_ms)

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        """Fire due deadlines in (deadline, shop, customer) order; at most `limit` customers are begun."""
        horizons = self._horizons(bound_ms, wall_ms)
        due = self._customers.due(horizons)
        for shop in unit.timelines():
            horizon = horizons.get(shop)
            earliest = unit.next_due(shop)
            if horizon is not None and earliest is not None and earliest <= horizon and len(due) < limit:
                due.extend(unit.due(shop, horizon, limit - len(due)))
        heap = list({key: (deadline, key) for deadline, key in due}.values())
        heapify(heap)
        while heap:
            _, key = heappop(heap)
            customer = self._customers.open(key, unit)
            horizon = horizons[customer.who.shop_id]
            following = self._customers.fire(customer, horizon, unit)
            if following is not None and following <= horizon:
                heappush(heap, (following, key))
        return min(len(due), limit)

    def _horizons(self, bound_ms: int | None, wall_ms: int | None) -> dict[str, int]:
        """Per shop, the time up to which deadlines may fire."""
        horizons = {}
        for shop, stream in self._streams.items():
            horizon = max(stream.events_ms - self._grace_ms, stream.watermark_ms)
            if bound_ms is not None:
                horizon = min(horizon, bound_ms)
            if wall_ms is not None:
                held = self._policies.current(shop)
                if held is not None and held[1].clock == "wall":
                    horizon = max(horizon, wall_ms - self._grace_ms)
            horizons[shop] = horizon
        return horizons

    def finish(self, unit: Unit) -> None:
        """Write the open customers back."""
        self._customers.close(unit)


def _raw(record: Record) -> Raw:
    return (record.topic, record.partition, record.offset, record.key, record.value, list(record.headers))

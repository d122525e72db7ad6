"""The status fold: orders, contacts and rekeyed events of one partition into statuses, and the deadlines that time brings.

Time: a shop's *stream time* is the largest event or watermark time folded in this partition. A deadline fires when stream
time, less the grace, has reached it, or a watermark has, or, with nothing left to read, the wall clock (domain.md, section 5).
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Final

from stream_app.codec.changes import record_key
from stream_app.codec.events import check_time, decode_record
from stream_app.codec.rekeyed import origin_headers, read_forward
from stream_app.codec.state import STATE_VERSION, check_state_version
from stream_app.domain import evaluate
from stream_app.domain.events import Event, Rejected, Watermark
from stream_app.domain.facts.state import NEVER
from stream_app.engine.fold import Decoded, Record, Unit
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.customers import Customer, Customers
from stream_app.processor.due import Due, fetch_due
from stream_app.processor.evaluations import Evaluations
from stream_app.processor.hop import REKEYED, Hop, raw_of
from stream_app.processor.ledgers import is_ledger
from stream_app.processor.marks import Erasing, Marks
from stream_app.processor.policies import PolicyBook
from stream_app.processor.streams import Streams
from stream_app.processor.sweep import Sweep

_TURN: Final = 100
"""So many customers are folded before others have a turn: about five milliseconds."""

_CHAIN: Final = 8
"""A slice ends after so many deadlines for each customer it may begin."""

Queue = tuple[bytes | None, list[tuple[int, Decoded]]]
"""A customer's encoded state, and his events of a batch with their places."""


class StatusProcessor:
    """One partition's fold (`engine.fold.Processor`)."""

    def __init__(
        self,
        policies: PolicyBook,
        partition: int,
        partitions: int,
        grace_ms: int,
        rekeyed_topic: str = REKEYED,
        erasing: Erasing | None = None,
    ) -> None:
        self._published = policies
        self._policies = PolicyBook()  # as it was when the unit of work began
        self._partition = partition
        self._partitions = partitions
        self._grace_ms = grace_ms
        self._rekeyed_topic = rekeyed_topic
        self._streams = Streams(grace_ms)
        self._marks = Marks(erasing)
        self._hop = Hop(partitions, rekeyed_topic)
        self._evaluations = Evaluations(self._policies, self._streams, partition, partitions)
        self._customers = Customers(self._policies, rekeyed_topic, self._marks, self._hop, self._evaluations)
        self._sweep = Sweep(self._policies, self._streams, self._customers)
        self._touched: dict[bytes, int] = {}  # the place of a customer's last event in this unit of work
        self._fired = self._is_complete = self._is_between = True

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back the stream times of `memo`.

        Raises:
            VersionError: a newer version of the program has written the states; nothing of them may be touched.
            ErasureKeyError: customers were erased under another erasure key.
        """
        check_state_version(memo.get("states", 1))
        self._marks.resume(memo.get("marks"))
        self._streams.resume(memo.get("streams", {}))
        self._policies.follow(self._published)
        self._sweep.resume(memo)

    def memo(self) -> dict[str, Any]:
        """{"streams": {shop: [events_ms, watermark_ms, owed_ms]}, "states": their version}, and where the sweep stands.

        Where customers were erased, also how many of their marks are left and which key they need: {"marks": {"count", "key"}}.
        """
        found = {"streams": self._streams.memo(), "states": STATE_VERSION, **self._sweep.memo()}
        marks = self._marks.memo()
        return found if marks is None else {**found, "marks": marks}

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one record; a rejected one has no event time and goes first, so that it holds nothing up."""
        is_rekeyed = record.topic == self._rekeyed_topic
        event = decode_record(record.key, record.value, record.headers, record.timestamp, derived=is_rekeyed)
        if type(event) is Rejected:
            return Decoded(NEVER, None, record, event)
        assert isinstance(event, Event)
        if not is_rekeyed:
            rejected = check_time(event, wall_ms)
            if rejected is not None:
                return Decoded(NEVER, None, record, rejected)
        elif (forwarded := read_forward(record.headers)) is not None:
            event.customer_id = forwarded.into
        key = record_key(event.shop_id, event.customer_id) if event.customer_id else None
        return Decoded(event.time_ms, key, record, event)

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Apply `batch`, one customer after another, each customer's events in the given order.

        Customers do not see each other, so the order between them is free; taken one by one, a state is decoded and encoded
        once for all events of the batch, and only one is in memory at a time.
        """
        self._begin(unit)
        self._fired = False
        events: dict[str, int] = {}
        queues: dict[bytes, Queue] = {}
        first = self._streams.begin([decoded.time_ms for decoded in batch])
        for place, decoded in enumerate(batch, first):
            event = decoded.content
            if decoded.key is None and type(event) is not Rejected and type(event.data) is not Watermark:
                yield from self._fold_queues(queues, unit)  # what was read before is judged by the cut-offs that held then
                if self._evaluations.hear(event, unit):
                    self._sweep.cut(event.shop_id)
                continue
            held = None if type(event) is Rejected else self._policies.current(event.shop_id)
            rejected = event if type(event) is Rejected else evaluate.unknown_shop() if held is None else None
            if rejected is not None:
                self._customers.reject(rejected, raw_of(decoded.record), unit)
                continue
            if decoded.key is None:
                self._streams.watermark(event.shop_id, event.time_ms, place)
            elif not self._queue(decoded, decoded.key, place, queues, unit):
                continue
            events[event.type] = events.get(event.type, 0) + 1
        yield from self._fold_queues(queues, unit)
        self._hop.send(unit)
        for event_type, count in events.items():
            unit.count("events", event_type, by=count)

    def _fold_queues(self, queues: dict[bytes, Queue], unit: Unit) -> Iterator[None]:
        for number, (key, (encoded, queue)) in enumerate(queues.items()):
            if number % _TURN == 0:
                yield
            self._fold_customer(key, encoded, queue, unit)
        queues.clear()

    def _queue(self, decoded: Decoded, key: bytes, place: int, queues: dict[bytes, Queue], unit: Unit) -> bool:
        """Put an event behind its customer's others; False when it belongs elsewhere and was sent there."""
        found = queues.get(key)
        if found is None:
            encoded, record = unit.read(key), decoded.record
            if encoded is None and record.topic != self._rekeyed_topic:
                # Only a customer without a state can be in the wrong place: states are kept in the right partition alone.
                home = partition_of(key, self._partitions)
                if home != self._partition:
                    origin = origin_headers(record.topic, record.partition, record.offset, record.key, record.headers)
                    unit.emit(REKEYED, key, record.value, origin, home)
                    unit.count("rekeyed")
                    return False
            found = queues[key] = (encoded, [])
        found[1].append((place, decoded))
        self._streams.event(decoded.content.shop_id, decoded.time_ms, place)
        return True

    def _fold_customer(self, key: bytes, encoded: bytes | None, queue: list[tuple[int, Decoded]], unit: Unit) -> None:
        customer = self._customers.open(key, encoded)
        if encoded is None:
            self._customers.recall(customer, unit)
        shop, place = customer.who.shop_id, self._touched.get(customer.stands_at(), -1)
        for at, decoded in queue:
            self._fire_passed(customer, shop, decoded.time_ms, place, at, unit)
            place = at
            if not self._customers.apply(customer, decoded.content, decoded.record, at, unit):
                self._streams.retract(shop, place)
        self._touched[customer.stands_at()] = place
        if customer.erased:
            self._streams.forget(key)
        self._customers.close(unit)

    def _fire_passed(self, customer: Customer, shop: str, time_ms: int, touched: int, place: int, unit: Unit) -> None:
        """Before an event that is behind stream time: fire the customer's deadlines that had been passed when it was read."""
        stream = self._streams.get(shop)
        if stream is None:
            return
        if self._sweep.is_left(shop):
            self._sweep.adopt_passed(customer, stream, place, unit)
        if time_ms >= max(stream.reached_ms, stream.owed_ms):
            return  # what is due then fires when the event is applied
        deadline = customer.deadline_ms()
        if deadline is None or deadline > max(stream.reached_ms, stream.owed_ms):
            return
        while deadline is not None and self._streams.has_passed(stream, deadline, customer.stands_at(), touched, place):
            self._customers.fire(customer, deadline, unit)
            deadline = customer.deadline_ms()

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        """Fire due deadlines in (deadline, shop, customer) order; at most `limit` customers are taken from the store."""
        self._begin(unit)
        self._fired = True
        self._streams.close(bound_ms, {} if wall_ms is None else self._walls(wall_ms))
        found, self._is_complete = fetch_due(unit, self._streams, self._policies, limit)
        end = found[-1] if found and not self._is_complete else None
        heap = []
        for one in found:
            if is_ledger(one[2]):
                self._evaluations.woken(one[2])
            else:
                heap.append(one)
        fired = 0
        while heap and fired < limit * _CHAIN:
            _, _, key = heappop(heap)
            customer = self._customers.open(key, unit.read(key))
            due = self._due(customer)
            if due is not None:
                self._customers.fire(customer, due[0], unit)
                fired += 1
                due = self._due(customer)
            if due is not None and (end is None or due <= end):
                heappush(heap, due)
            else:
                self._customers.close_one(customer, unit)  # while he is in the processor's caches
        if heap:
            self._is_complete = False
        for _, _, key in heap:  # each timer taken must be written again
            self._customers.open(key, unit.read(key))
        self._customers.close(unit)  # a fold may follow in this unit, and reads states from it
        if self._is_complete:
            return min(fired, limit)
        self._streams.owe()
        return limit

    def _begin(self, unit: Unit) -> None:
        """A unit of work begins, unless it is under way: what is published from now on is for the next one."""
        if self._is_between:
            self._policies.follow(self._published)
            self._evaluations.load(unit)
            self._sweep.begin()
            self._is_between = False

    def _due(self, customer: Customer) -> Due | None:
        """The customer's deadline, if it is due; without a policy a shop stands still."""
        deadline, shop = customer.deadline_ms(), customer.who.shop_id
        stream = self._streams.get(shop) if self._policies.current(shop) is not None else None
        if (
            deadline is None
            or stream is None
            or not self._streams.is_due(stream, deadline, customer.key, self._touched.get(customer.key, -1))
        ):
            return None
        return deadline, shop, customer.key

    def _walls(self, wall_ms: int) -> dict[str, int]:
        """The wall clock, less the grace, of the shops that live by it."""
        walls = {}
        for shop in self._streams.shops():
            held = self._policies.current(shop)
            if held is not None and held[1].clock == "wall":
                walls[shop] = wall_ms - self._grace_ms
        return walls

    def sweep(self, unit: Unit, limit: int) -> int:
        """Bring at most `limit` customers whom nothing else reaches under their shop's newest policy."""
        return self._sweep.run(unit, limit)

    def sweeping(self) -> int | None:
        """How many states the sweep has looked at; None when there is none."""
        return self._sweep.standing(self._published.revision())

    def finish(self, unit: Unit) -> None:
        """Write the open customers back."""
        if not self._is_between:
            self._settle(unit)
        self._customers.finish(unit)
        self._sweep.finish(unit)
        self._evaluations.finish(unit, self._sweep.owed(), complete=self._is_complete)
        self._is_between = True

    def _settle(self, unit: Unit) -> None:
        """See what is still owed. A unit that neither folded nor fired, as the first one after a takeover may be, owes what was owed."""
        if not self._fired:
            self._streams.leave_open()
            self._fired, self._is_complete = True, False
        touched = [] if self._is_complete else self._customers.deadlines(self._touched, unit)
        self._streams.settle(touched, complete=self._is_complete)
        self._touched.clear()

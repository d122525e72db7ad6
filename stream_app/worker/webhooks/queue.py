"""Which event goes to an endpoint when: in order per customer, and nobody waits for another customer's failure. No I/O, no clock.

A customer's events stand in a lane, and one of a lane is on its way at a time. When it fails, the lane waits by the schedule, and all
of it is parked: kept in Kafka with what was tried, so that reading goes on without it. When several customers in a row fail, and the
fault is the endpoint's, the endpoint is down: what is not read stays where it is published, and one event is tried now and then.

What must be written is asked for with `take_changes`, in order; how far the topics are done with is `cursor`.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from stream_app.worker.webhooks.schedule import event_delay_ms, probe_delay_ms

DOWN_AFTER: Final = 3
"""So many customers fail for the first time by the endpoint's fault, and nobody else gets through: it counts as down."""

READ_MAX: Final = 1_000
PARKED_MAX: Final = 10_000

Place = tuple[str, int, int]
"""Topic without prefix, partition, offset: which record an event was."""


class Event(Struct, frozen=True):
    """A published event on its way to one endpoint; `id` is its webhook id, `recorded_ms` when it was published."""

    place: Place
    customer: bytes
    id: str
    type: str
    body: bytes
    recorded_ms: int


class Waiting(Struct, eq=False):
    """An event with what was tried: failed attempts that count, and whether Kafka keeps it (`asked`: it is being written)."""

    event: Event
    attempts: int = 0
    next_ms: int = 0
    asked: bool = False
    parked: bool = False


class Change(Struct, frozen=True):
    """What is to be written to the retries: an event as it stands now, or None when it is settled."""

    place: Place
    waiting: Waiting | None
    attempts: int = 0
    next_ms: int = 0


class _Lane(Struct, eq=False):
    waiting: deque[Waiting]
    state: str = "ready"  # or flying, or waiting
    next_ms: int = 0
    failed: int = 0  # in a row, for whatever reason
    endpoint_fault: bool = False


class Queue:
    """The events of one endpoint that were read and are not settled."""

    def __init__(self, concurrency: int = 8) -> None:
        """At most `concurrency` customers at a time."""
        self._concurrency = concurrency
        self._lanes: dict[bytes, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._later: list[tuple[int, int, _Lane]] = []
        self._count = 0
        self._flying = 0
        self._size = 0
        self._open: dict[tuple[str, int], dict[int, None]] = {}
        self._read: dict[tuple[str, int], int] = {}
        self._unparked = 0
        self._kept: set[Place] = set()
        self._changes: list[Change] = []
        self._faults = 0
        self._probes = 0
        self._probe_ms = 0
        self._probing: Waiting | None = None

    @property
    def is_down(self) -> bool:
        """Whether nothing gets through at present."""
        return self._faults >= DOWN_AFTER

    @property
    def flying(self) -> int:
        """How many events are on their way."""
        return self._flying

    @property
    def waiting(self) -> int:
        """How many events were read and are not settled."""
        return self._size

    def room(self) -> int:
        """How many more events may be read."""
        return 0 if len(self._kept) >= PARKED_MAX else max(0, READ_MAX - self._unparked)

    def restore(self, parked: Iterable[Waiting]) -> None:
        """Begin with what Kafka has kept, each customer's events in order; before anything is read."""
        for waiting in parked:
            waiting.asked = waiting.parked = True
            self._kept.add(waiting.event.place)
            self._size += 1
            lane = self._lanes.get(waiting.event.customer)
            if lane is not None:
                lane.waiting.append(waiting)
                continue
            lane = self._lanes[waiting.event.customer] = _Lane(deque([waiting]))
            lane.failed = waiting.attempts
            self._wait(lane, waiting.next_ms)

    def read(self, topic: str, partition: int, next_offset: int) -> None:
        """Everything of a partition before `next_offset` was read; what is wanted of it was taken before."""
        self._read[topic, partition] = next_offset

    def take(self, event: Event) -> None:
        """Take an event that was read; one that is parked already is known."""
        if event.place in self._kept:
            return
        topic, partition, offset = event.place
        self._open.setdefault((topic, partition), {})[offset] = None
        self._unparked += 1
        self._size += 1
        waiting = Waiting(event)
        lane = self._lanes.get(event.customer)
        if lane is None:
            lane = self._lanes[event.customer] = _Lane(deque([waiting]))
            self._ready.append(lane)
            return
        lane.waiting.append(waiting)
        if lane.waiting[0].asked:
            self._park(waiting)

    def due(self, now_ms: int) -> list[Waiting]:
        """What is to be sent now; each must be told `delivered` or `failed`."""
        while self._later and self._later[0][0] <= now_ms:
            at_ms, _, lane = heapq.heappop(self._later)
            if lane.state == "waiting" and lane.next_ms == at_ms:
                lane.state = "ready"
                self._ready.append(lane)
        if self.is_down:
            return self._probe(now_ms)
        found = []
        while self._ready and self._flying < self._concurrency:
            lane = self._ready.popleft()
            if lane.state == "ready" and lane.waiting:
                found.append(self._start(lane))
        return found

    def next_ms(self) -> int | None:
        """When something will be due, if nothing happens before; None when nothing is planned."""
        if self.is_down:
            return self._probe_ms if self._lanes and not self._flying else None
        return self._later[0][0] if self._later else None

    def delivered(self, waiting: Waiting, now_ms: int) -> None:
        """The endpoint has taken an event."""
        self._answers(now_ms)
        self._settle(self._lanes[waiting.event.customer], waiting)

    def failed(self, waiting: Waiting, now_ms: int, *, endpoint_fault: bool, asked_ms: int = 0) -> bool:
        """An attempt has failed; returns whether the event is given up.

        Args:
            waiting: what was tried.
            now_ms: the time.
            endpoint_fault: nobody answered, or the answer says that the endpoint, not the event, is the matter.
            asked_ms: how long the endpoint asked to be left alone.
        """
        lane = self._lanes[waiting.event.customer]
        was_down = self.is_down
        fresh = not lane.failed
        lane.failed += 1
        lane.endpoint_fault = endpoint_fault
        if not endpoint_fault:
            self._answers(now_ms)
        else:
            self._faults += fresh  # one who has failed before says nothing new
            # Of what was on its way when it went down, each failure says the same: only a probe makes the next one later.
            if self.is_down and (not was_down or waiting is self._probing):
                self._probes += 1
                self._probe_ms = now_ms + probe_delay_ms(self._probes, asked_ms)
        if endpoint_fault and was_down:  # it says nothing about the event
            self._flying -= 1
            self._wait(lane, max(waiting.next_ms, now_ms))
            return False
        waiting.attempts += 1
        delay_ms = event_delay_ms(waiting.attempts, asked_ms)
        if delay_ms is None:
            self._settle(lane, waiting)
            return True
        self._flying -= 1
        waiting.next_ms = now_ms + delay_ms
        for one in lane.waiting:
            if one is waiting or not one.asked:
                self._park(one)
        self._wait(lane, waiting.next_ms)
        return False

    def take_changes(self) -> list[Change]:
        """What is to be written to the retries since it was last asked for, in order."""
        changes, self._changes = self._changes, []
        return changes

    def written(self, changes: Iterable[Change]) -> None:
        """Changes are in Kafka: what is parked need not be read again."""
        for change in changes:
            waiting = change.waiting
            if waiting is not None and not waiting.parked:
                waiting.parked = True
                self._close(waiting.event.place)

    def cursor(self) -> Iterator[tuple[str, int, int]]:
        """Topic, partition and offset from which a new life must read."""
        for (topic, partition), read in self._read.items():
            yield topic, partition, next(iter(self._open.get((topic, partition), ())), read)

    def _answers(self, now_ms: int) -> None:
        """The endpoint lives: whoever has waited for that need not wait longer."""
        if self.is_down:
            for lane in self._lanes.values():
                if lane.state == "waiting" and lane.endpoint_fault:
                    self._wait(lane, now_ms)
        self._faults = self._probes = 0

    def _probe(self, now_ms: int) -> list[Waiting]:
        if self._flying or now_ms < self._probe_ms or not self._lanes:
            return []
        # Whoever has failed least: a customer whose events are refused must not keep the endpoint down for others.
        self._probing = self._start(min(self._lanes.values(), key=lambda lane: lane.failed))
        return [self._probing]

    def _start(self, lane: _Lane) -> Waiting:
        lane.state = "flying"
        self._flying += 1
        return lane.waiting[0]

    def _settle(self, lane: _Lane, waiting: Waiting) -> None:
        self._flying -= 1
        self._size -= 1
        assert lane.waiting[0] is waiting
        lane.waiting.popleft()
        place = waiting.event.place
        if waiting.asked:
            self._changes.append(Change(place, None))
            self._kept.discard(place)
        if not waiting.parked:
            waiting.parked = True
            self._close(place)
        lane.failed = 0
        if lane.waiting:
            lane.state = "ready"
            self._ready.append(lane)
        else:
            del self._lanes[waiting.event.customer]

    def _wait(self, lane: _Lane, next_ms: int) -> None:
        lane.state = "waiting"
        lane.next_ms = next_ms
        self._count += 1
        heapq.heappush(self._later, (next_ms, self._count, lane))

    def _park(self, waiting: Waiting) -> None:
        waiting.asked = True
        self._kept.add(waiting.event.place)
        self._changes.append(Change(waiting.event.place, waiting, waiting.attempts, waiting.next_ms))

    def _close(self, place: Place) -> None:
        topic, partition, offset = place
        del self._open[topic, partition][offset]
        self._unparked -= 1

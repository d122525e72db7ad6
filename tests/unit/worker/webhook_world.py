"""Kafka, an endpoint and a clock, as the queue of a webhook sees them."""

from collections.abc import Callable
from itertools import pairwise

from stream_app.worker.webhooks.queue import Change, Event, Queue, Waiting
from stream_app.worker.webhooks.retries import Kept, retry_record

HOUR_MS = 3_600_000
TAKEN, EVENT_FAULT, ENDPOINT_FAULT = "taken", "event", "endpoint"
Behaviour = Callable[[Event, int], str]


def event(number: int, customer: str = "c", topic: str = "status-changes") -> Event:
    return Event((topic, 0, number), customer.encode(), f"{topic}-{number}", "status.changed", b"{}", number)


class World:
    """Kafka and the endpoint, as the queue sees them: what is published, kept and committed; and what was received, when."""

    def __init__(self, published: list[Event], behaviour: Behaviour) -> None:
        self.published = published
        self.behaviour = behaviour
        self.now_ms = 0
        self.kept: dict[bytes, tuple[bytes | None, list[tuple[str, bytes]]]] = {}
        self.committed: dict[str, int] = {}
        self.received: list[tuple[int, Event]] = []
        self.given_up: list[Event] = []
        self.attempts = 0
        self.start()

    def start(self) -> None:
        """A new life: everything that was only in memory is gone."""
        kept = Kept()
        for key, (value, headers) in self.kept.items():
            kept.take("crm", key, value, headers)
        self.queue = Queue(4)
        self.queue.restore(kept.in_order())
        self.flying: list[Waiting] = []
        self.unwritten: list[Change] = []
        self.positions = dict(self.committed)

    def read(self, at_most: int) -> int:
        took = 0
        for topic in sorted({one.place[0] for one in self.published}):
            position = self.positions.get(topic, 0)
            here = [one for one in self.published if one.place[0] == topic and one.place[2] >= position]
            here = here[: min(at_most, self.queue.room())]
            for one in here:
                self.queue.take(one)
            if here:
                self.positions[topic] = here[-1].place[2] + 1
                self.queue.read(topic, 0, self.positions[topic])
            took += len(here)
        return took

    def begin(self) -> None:
        self.flying += self.queue.due(self.now_ms)
        ahead = [one.event.customer for one in self.flying]
        assert len(ahead) == len(set(ahead)), "two events of a customer are on their way"

    def end(self, place: int) -> None:
        waiting = self.flying.pop(place)
        self.attempts += 1
        match self.behaviour(waiting.event, self.now_ms):
            case "taken":
                self.received.append((self.now_ms, waiting.event))
                self.queue.delivered(waiting, self.now_ms)
            case fault:
                if self.queue.failed(waiting, self.now_ms, endpoint_fault=fault == ENDPOINT_FAULT):
                    self.given_up.append(waiting.event)

    def write(self, at_most: int = 1_000_000) -> None:
        self.unwritten += self.queue.take_changes()
        done, self.unwritten = self.unwritten[:at_most], self.unwritten[at_most:]
        for change in done:
            key, value, headers = retry_record("crm", change)
            self.kept.pop(key, None)
            if value is not None:
                self.kept[key] = value, headers
        self.queue.written(done)

    def commit(self) -> None:
        for topic, _, offset in self.queue.cursor():
            self.committed[topic] = offset

    def run(self, until_ms: int) -> None:
        """Let time go by; everything is done the moment it can be."""
        while True:
            took, attempts = self.read(1_000_000), self.attempts
            self.begin()
            while self.flying:
                self.end(0)
                self.begin()
            self.write()
            self.commit()
            if took or self.attempts > attempts:
                continue
            next_ms = self.queue.next_ms()
            if next_ms is None or next_ms > until_ms:
                self.now_ms = until_ms
                return
            self.now_ms = max(self.now_ms, next_ms)

    def first_places(self) -> dict[tuple[bytes, str], list[int]]:
        """By customer and topic: the offsets of what was received, each when it came first."""
        seen: dict[tuple[bytes, str], list[int]] = {}
        for _, one in self.received:
            offsets = seen.setdefault((one.customer, one.place[0]), [])
            if one.place[2] not in offsets:
                offsets.append(one.place[2])
        return seen


def in_order(world: World) -> bool:
    return all(a < b for offsets in world.first_places().values() for a, b in pairwise(offsets))

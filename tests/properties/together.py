"""Several partitions at work together: what customers tell each other arrives in the others' partitions."""

import json
from typing import Any

from stream_app.engine.fold import Headers
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from stream_app.processor.status import StatusProcessor
from tests.oracle.days import parse_ms
from tests.properties.memory import ERASING, WALL_MS, Line, MemoryUnit, Partition, compiled
from tests.properties.stories import topic_of


class Worker:
    """One partition at work: its log, cut into units, and what other partitions send it."""

    def __init__(self, book: PolicyBook, number: int, partitions: int, limit: int) -> None:
        self.kept = Partition(number)
        self.log: list[Line] = []
        self.rekeyed: list[Line] = []
        self.ends: list[int] = []
        self._book = book
        self._partitions = partitions
        self._limit = limit
        self._at = self._arrived = 0
        self.restart()

    def restart(self) -> None:
        """Throw the processor away, and take up again from what was committed."""
        self._processor = StatusProcessor(self._book, self.kept.number, self._partitions, 0, REKEYED, ERASING)
        self._processor.resume(self.kept.memo)

    def put(self, topic: str, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """A record arrives."""
        target, offset = (self.rekeyed, self._arrived) if topic == REKEYED else (self.log, len(self.log))
        self._arrived += topic == REKEYED
        target.append(Line(topic, self.kept.number, offset, timestamp, key, value, headers))

    def cut(self, cuts: set[int]) -> None:
        """End a unit of work after so many records of the log."""
        self.ends = sorted({cut for cut in cuts if 0 < cut < len(self.log)} | {len(self.log)})

    def step(self) -> int:
        """The next unit, with what has been sent and is older than its last record; returns where in the log it ends."""
        end = self.ends.pop(0)
        own, self._at = self.log[self._at : end], end
        batch: list[Line] = []
        for line in own:
            while self.rekeyed and self.rekeyed[0].timestamp < line.timestamp:
                batch.append(self.rekeyed.pop(0))
            batch.append(line)
        self._unit(batch)
        return end

    def drain(self, count: int = 1) -> None:
        """A unit of what has been sent, so many records of it."""
        batch, self.rekeyed = self.rekeyed[:count], self.rekeyed[count:]
        self._unit(batch)

    def _unit(self, batch: list[Line]) -> None:
        heads = [*self.log[self._at : self._at + 1], *self.rekeyed[:1]]
        bound = min((line.timestamp for line in heads), default=None)
        fired = self._limit
        while fired >= self._limit:
            unit = MemoryUnit(self.kept)
            list(self._processor.fold([self._processor.decode(line, WALL_MS) for line in batch], unit))
            batch = []
            fired = self._processor.fire(unit, bound, None, self._limit)
            self._processor.finish(unit)
            unit.commit(self._processor.memo())


def work_together(  # the arguments are what property 2 says must not matter
    events: list[dict[str, Any]],
    document: dict[str, Any],
    cuts: set[int],
    restarts: set[int],
    partitions: int = 1,
    limit: int = 1000,
    *,
    at_once: bool = False,
) -> list[Partition]:
    """Run a log through `partitions` processors to a watermark at its latest time.

    Args:
        events: the log.
        document: the policy.
        cuts: after how many records of a partition a unit of work ends; the last one ends where the log ends.
        restarts: the cuts at which the processor is thrown away and taken up again from what was committed.
        partitions: how many there are; they take turns by the times of their units.
        limit: how many customers with due deadlines a unit may begin.
        at_once: one record a unit, and what it gives rise to arrives before the next: as a replay has it.
    """
    book = PolicyBook()
    book.add(DEFAULT_KEY, 0, compiled(document))
    workers = [Worker(book, number, partitions, limit) for number in range(partitions)]
    turns: list[tuple[int, int]] = []
    for place, raw in enumerate(events):
        key = f"{raw['source'].removeprefix('/shops/')}/{raw['subject']}".encode()
        number = partition_of(key, partitions)
        workers[number].put(topic_of(raw), parse_ms(raw["time"]), key, json.dumps(raw).encode())
        turns.append((place, number))
    latest = max(events, key=lambda raw: parse_ms(raw["time"]))["time"]
    for worker in workers:
        for shop in sorted({raw["source"] for raw in events}):
            mark = {"specversion": "1.0", "id": f"w-{shop}", "source": shop, "type": "watermark", "time": latest}
            worker.put("orders", parse_ms(latest), b"", json.dumps(mark).encode())
        worker.cut(set(range(len(worker.log))) if at_once else cuts)
    if not at_once:
        turns = []
    _take_turns(workers, [number for _, number in turns], restarts, at_once=at_once)
    return [worker.kept for worker in workers]


def _take_turns(workers: list[Worker], turns: list[int], restarts: set[int], *, at_once: bool) -> None:
    """Let the workers work: in these turns, then the one whose next unit ends first, until nothing is left that was sent."""
    while any(worker.ends or worker.rekeyed for worker in workers):
        waiting = [worker for worker in workers if worker.rekeyed]
        if waiting and (at_once or not any(worker.ends for worker in workers)):
            waiting[0].drain()
        elif turns:
            workers[turns.pop(0)].step()
        else:
            worker = min((one for one in workers if one.ends), key=lambda one: one.log[one.ends[0] - 1].timestamp)
            if worker.step() in restarts:
                worker.restart()
        for worker in workers:
            for partition, key, value, headers in worker.kept.sent:
                workers[partition].put(REKEYED, parse_ms(json.loads(value or b"")["time"]), key, value, headers)
            worker.kept.sent.clear()

"""What the engine and a fold say to each other. The engine knows nothing of customers.

A `Processor` is the fold of one partition: no I/O, no clock of its own. The engine feeds it records in fold order and
gives it a `Unit` to write into; one unit becomes one Kafka transaction, and after the commit one write to the store.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Headers = Sequence[tuple[str, bytes | None]]


class Record(Protocol):
    """A record as Kafka hands it over (aiokafka's ConsumerRecord, or a replay's line)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Decoded:
    """A record and what it means. `time_ms` orders the heads of the inputs; `key` is the state it will need, if any."""

    def __init__(self, time_ms: int, key: bytes | None, record: Any, content: Any) -> None:
        self.time_ms = time_ms
        self.key = key
        self.record = record
        self.content = content


class Unit(Protocol):
    """One unit of work, while it is being made. Reads see what this unit has already written."""

    partition: int

    def read(self, key: bytes) -> bytes | None:
        """The state stored under `key`, or None."""

    def write(self, key: bytes, state: bytes | None, deadline_ms: int | None) -> None:
        """Store `state` (None: a tombstone) and ask to be woken at `deadline_ms` (None: never). Early is allowed, late is not."""

    def erase(self, key: bytes) -> None:
        """A tombstone for `key`, and nothing of it stays here: its timers are taken away, and the store's files are cleaned of it.

        It may be written again in this unit, and is then new.
        """

    def due(self, timeline: str, until_ms: int, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` armed timers of `timeline` with deadline <= `until_ms`, ascending by (deadline, key), this unit's own included.

        They are consumed: each key returned must be written again in this unit, which arms its next timer.
        """

    def next_due(self, timeline: str) -> int | None:
        """A time before which no timer of `timeline` is due (a cheap lower bound), None when it has none."""

    def timelines(self) -> Sequence[str]:
        """The timelines that may have timers, in name order."""

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes | None]]:
        """At most `limit` stored keys that begin with `prefix` and come after `key`, ascending, with their states.

        Keys that this unit has written first are not among them; one that it has removed has the state None.
        """

    def emit(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None) -> None:
        """Add an output record. `topic` is the name without prefix; without `partition` the unit's own partition number is used."""

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Count something for the metrics; observed once per unit, after the commit."""


class Processor(Protocol):
    """The fold of one partition."""

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back what `memo` gave when the last unit was committed ({} for a new partition)."""

    def memo(self) -> dict[str, Any]:
        """What must survive besides the states, JSON-able and small; written into the partition's marker with each unit."""

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one record; called once per record, never raises for bad data."""

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Apply `batch`, already in fold order.

        The work is done as the iterator is exhausted; at each step others may have a turn.
        """

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        """Fire at most `limit` due deadlines; returns how many were fired (`limit` means: call again in a next unit).

        `bound_ms`: no unread record of an input with lag is older (None: no input has lag). The engine does not call
        while an input with lag has nothing fetched. `wall_ms`: the wall clock, only given when no input has lag.
        """

    def sweep(self, unit: Unit, limit: int) -> int:
        """Change at most `limit` states that nothing else has reached; returns how many were changed.

        Called after `fire`, in the same unit, when nothing more is due. It looks at a bounded number of states, in key order, and
        goes on there in a next unit; where it stands is in the memo.
        """

    def sweeping(self) -> int | None:
        """How many states a sweep under way has looked at; None when there is none. Cheap, and asked at any time."""

    def finish(self, unit: Unit) -> None:
        """Write the states that `fold`, `fire` and `sweep` changed, and what is published once per unit."""


class ProcessorFactory(Protocol):
    """Makes the processor of a partition at takeover."""

    def __call__(self, partition: int, partitions: int) -> Processor:
        """The processor of `partition`, one of `partitions`."""

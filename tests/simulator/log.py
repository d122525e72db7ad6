"""One partition of a topic as the broker keeps it: offsets, transactions, control records, the last stable offset, compaction.

A control record takes an offset. Records of one producer since its last control record share its fate, whichever transactions
they were sent in: that is how Kafka works, and what makes a skipped control record dangerous.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

Sent = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


class Part:
    """What one producer has written to one partition since its last control record."""

    __slots__ = ("first", "state")

    def __init__(self, first: int) -> None:
        self.first = first
        self.state = "open"


class Entry:
    """A record, with the attributes of aiokafka's."""

    __slots__ = ("attempt", "headers", "is_control", "key", "offset", "part", "partition", "timestamp", "timestamp_type", "topic", "value")

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        sent: Sent,
        part: Part | None,
        *,
        attempt: Any = None,
        is_control: bool = False,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.timestamp_type = 0
        self.key, self.value, self.headers = sent
        self.part = part
        self.attempt = attempt
        self.is_control = is_control

    @property
    def is_visible(self) -> bool:
        """Whether a reader of committed records is ever shown it."""
        return not self.is_control and (self.part is None or self.part.state == "committed")


class Log:
    """One partition of a topic."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.entries: list[Entry] = []
        self.history: list[Entry] = []  # everything ever written, for the checks
        self.begin = 0
        self.end = 0
        self._open: dict[int, Part] = {}

    def append(self, sent: Sequence[Sent], timestamp: int, producer: int | None = None, attempt: Any = None) -> int:
        """Append a record batch; returns the offset of its first record."""
        part = None
        if producer is not None:
            part = self._open.get(producer)
            if part is None:
                part = self._open[producer] = Part(self.end)
        first = self.end
        for one in sent:
            self._add(Entry(self.topic, self.partition, self.end, timestamp, one, part, attempt=attempt))
        return first

    def mark(self, producer: int, timestamp: int, *, commit: bool) -> None:
        """Write a control record: it decides for everything that the producer has open here."""
        part = self._open.pop(producer, None)
        if part is not None:
            part.state = "committed" if commit else "aborted"
        self._add(Entry(self.topic, self.partition, self.end, timestamp, (None, None, ()), None, is_control=True))

    def stable(self) -> int:
        """The last stable offset: the first one that is still undecided, or the end."""
        return min((part.first for part in self._open.values()), default=self.end)

    def read(self, start: int, limit: int) -> tuple[list[Entry], int]:
        """At most `limit` committed records from `start` on, and the position after what was looked at."""
        found: list[Entry] = []
        stable, position = self.stable(), start
        for index in range(bisect_left(self.entries, start, key=_offset), len(self.entries)):
            entry = self.entries[index]
            if entry.offset >= stable or len(found) == limit:
                break
            position = entry.offset + 1
            if entry.is_visible:
                found.append(entry)
        else:
            position = max(position, stable)  # what compaction has removed at the end
        return found, position

    def compact(self, until: int) -> int:
        """Keep of each key only the newest of the committed records before `until`; returns how many entries went."""
        until = min(until, self.stable())
        newest: dict[bytes | None, int] = {}
        for entry in self.entries:
            if entry.offset < until and entry.is_visible:
                newest[entry.key] = entry.offset
        before = len(self.entries)
        self.entries = [e for e in self.entries if e.offset >= until or (e.is_visible and newest[e.key] == e.offset)]
        return before - len(self.entries)

    def _add(self, entry: Entry) -> None:
        self.end += 1
        self.entries.append(entry)
        self.history.append(entry)


def _offset(entry: Entry) -> int:
    return entry.offset

"""The inputs of one partition, and the order in which their records are folded.

The next record is the one with the smallest event time among the heads; of equals the input named first wins. An input with
lag but nothing fetched could still bring an older record, so it is waited for, up to a limit.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from stream_app.engine.fold import Decoded, Record

Decode = Callable[[Record, int], Decoded]


class Input:
    """One topic of a partition: what has arrived, what is applied, and what the broker still has.

    Attributes:
        topic: the name as the broker knows it.
        position: the next offset to apply, as the marker knows it.
        fetched: the next offset the client will fetch, None before the first answer.
        end: the last stable offset, None before the first answer.
        under_way: record batches between the client and this queue.
        answered_ms: when the broker last answered a fetch, as the client has stamped it.
        answered_at: the same moment by the monotonic clock, as far as we have seen it.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.position = 0
        self.fetched: int | None = None
        self.end: int | None = None
        self.under_way = 0
        self.answered_ms: int | None = None
        self.answered_at: float | None = None
        self._raw: deque[Any] = deque()
        self._head: Decoded | None = None

    def __len__(self) -> int:
        return len(self._raw) + (self._head is not None)

    def seek(self, offset: int) -> None:
        """Start anew at `offset`: what was fetched before is forgotten."""
        self.position = offset
        self.fetched = self.end = self.answered_ms = self.answered_at = None
        self.under_way = 0
        self._raw.clear()
        self._head = None

    def observe(self, fetched: int, end: int | None, answered_ms: int | None) -> None:
        """Take note of how far the client is."""
        self.fetched, self.end = fetched, end
        if answered_ms != self.answered_ms:
            self.answered_ms, self.answered_at = answered_ms, time.monotonic()

    def put(self, records: Sequence[Any]) -> None:
        """Add fetched records; those below the position are applied already and are skipped."""
        if records and records[0].offset < self.position:
            records = [record for record in records if record.offset >= self.position]
        self._raw.extend(records)

    def head(self, decode: Decode, wall_ms: int) -> Decoded | None:
        """The next record, decoded once; None when nothing has arrived."""
        while self._head is None and self._raw:
            record = self._raw.popleft()
            if record.offset >= self.position:  # else a batch from before a seek brought it already
                self._head = decode(record, wall_ms)
        return self._head

    def pop(self) -> Decoded:
        """Take the head that `head` has shown, and move the position past it."""
        head = self._head
        assert head is not None, "pop before head"
        self._head = None
        self.position = head.record.offset + 1
        if not self._raw and not self.under_way and self.fetched is not None and self.fetched > self.position:
            self.position = self.fetched  # past transaction markers, which are not records
        return head

    def has_lag(self) -> bool:
        """Whether a record is unread, or nobody knows yet."""
        return bool(len(self) or self.under_way or self.fetched is None or self.end is None or self.fetched < self.end)

    def lag(self) -> int:
        """How many offsets lie between the position and the end, 0 while that is unknown."""
        return max(0, self.end - self.position) if self.end is not None and self.has_lag() else 0


class Taken(Struct):
    """What `take` found: a batch in fold order, and whether it stopped because an input must be waited for."""

    batch: list[Decoded]
    blocked: bool


def take(inputs: Sequence[Input], decode: Decode, wall_ms: int, limit: int, *, wait: bool) -> Taken:
    """Take at most `limit` records in fold order; with `wait`, stop at an input that has lag and nothing fetched."""
    batch: list[Decoded] = []
    while len(batch) < limit:
        heads = [(head.time_ms, index) for index, entry in enumerate(inputs) if (head := entry.head(decode, wall_ms)) is not None]
        if wait and any(entry.has_lag() and not len(entry) for entry in inputs):
            return Taken(batch, bool(heads))
        if not heads:
            break
        heads.sort()
        entry = inputs[heads[0][1]]
        rival = heads[1] if len(heads) > 1 else None
        _take_run(entry, heads[0][1], rival, decode, wall_ms, batch, limit)
    return Taken(batch, False)


def _take_run(
    entry: Input, index: int, rival: tuple[int, int] | None, decode: Decode, wall_ms: int, batch: list[Decoded], limit: int
) -> None:
    """Take from one input as long as its heads come before the next best head of the others."""
    while len(batch) < limit:
        head = entry.head(decode, wall_ms)
        if head is None or (rival is not None and (head.time_ms, index) > rival):
            return
        batch.append(entry.pop())


def bound_of(inputs: Iterable[Input], decode: Decode, wall_ms: int) -> tuple[int | None, bool]:
    """How old an unread record of an input with lag can be: the smallest head time, and whether all of them are known.

    (None, True) means that no input has lag.
    """
    times: list[int] = []
    for entry in inputs:
        if entry.has_lag():
            head = entry.head(decode, wall_ms)
            if head is None:
                return None, False
            times.append(head.time_ms)
    return min(times, default=None), True

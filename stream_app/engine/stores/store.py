"""The local store of one partition: framed states, timers in time order, and how much of the changelog they hold.

Write order of a unit of work: the Kafka transaction first, then one `apply`. A store is therefore never ahead of what the broker
has said is in the changelog; a takeover makes sure that it is there. A store may always be thrown away and rebuilt.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from stream_app.engine.stores.frame import timeline_of

Timer = tuple[int, bytes]
FIRST: Timer = (0, b"")


class Changes(Struct):
    """What one unit of work, or one stretch of a restore, changes in the store; applied as one.

    Attributes:
        states: frame by key, None for a tombstone.
        arm: timers to add; adding one twice is the same as once.
        disarm: timers to remove.
        offset: the next changelog offset after these changes, None to leave it.
        marker: the value of the newest marker, None to leave it.
        erases: how many of the tombstones are for keys of which no byte may be left (`Store.clean`).
        is_read: these were read from the changelog; a unit of work is only said to be there.
    """

    states: Mapping[bytes, bytes | None]
    arm: Sequence[Timer] = ()
    disarm: Sequence[Timer] = ()
    offset: int | None = None
    marker: bytes | None = None
    erases: int = 0
    is_read: bool = False


class Store(Protocol):
    """The states and timers of one partition."""

    wiped: str | None

    @property
    def offset(self) -> int | None:
        """The next changelog offset to apply; None for an empty store."""

    @property
    def marker(self) -> bytes | None:
        """The newest marker applied."""

    @property
    def is_read(self) -> bool:
        """Whether the newest changes were read from the changelog; if not, the record before `offset` must be `marker`."""

    @property
    def timers(self) -> int:
        """About how many timers are armed, stale ones included."""

    @property
    def written_ms(self) -> int:
        """When something was last written, in wall clock milliseconds."""

    def get(self, key: bytes) -> bytes | None:
        """The frame stored under `key`."""

    def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """The frames stored under `keys`, in their order; cheaper than one by one."""

    def apply(self, changes: Changes) -> None:
        """Write all of `changes`, or, when the process dies, nothing of them."""

    def timers_from(self, timeline: str, start: Timer) -> Iterator[Timer]:
        """The timers of `timeline` from `start` on, ascending; close the iterator before the next `apply`."""

    def first_timers(self) -> dict[str, int]:
        """Each timeline that has timers, and the earliest deadline on it."""

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` keys that begin with `prefix` and come after `key`, ascending, with their frames."""

    def size(self) -> int:
        """About how many states there are."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing of an erased key is left; what is deleted may stay in files for long."""

    def clean(self) -> None:
        """Leave nothing of erased keys in any file. Takes seconds, and may run in another thread than all else but `close`."""

    def wipe(self, reason: str) -> None:
        """Throw everything away and start empty; `reason` is for the log."""

    def close(self) -> None:
        """Write to disk what is still in memory and let go of the files."""


class MemoryStore:
    """A store that lives and dies with the process; the changelog rebuilds it."""

    def __init__(self) -> None:
        self.offset: int | None = None
        self.marker: bytes | None = None
        self.is_read = True
        self.wiped: str | None = None
        self.written_ms = 0
        self._states: dict[bytes, bytes] = {}
        self._timelines: dict[str, list[Timer]] = {}
        self._ordered: list[bytes] | None = None  # the keys; made when they are asked for

    @property
    def timers(self) -> int:
        """How many timers are armed, stale ones included."""
        return sum(map(len, self._timelines.values()))

    def get(self, key: bytes) -> bytes | None:
        """The frame stored under `key`."""
        return self._states.get(key)

    def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """The frames stored under `keys`, in their order."""
        return [self._states.get(key) for key in keys]

    def apply(self, changes: Changes) -> None:
        """Write all of `changes`."""
        for key, framed in changes.states.items():
            if (framed is None) is (key in self._states):
                self._ordered = None
            if framed is None:
                self._states.pop(key, None)
            else:
                self._states[key] = framed
        for timer in changes.disarm:
            self._remove(timer)
        for timer in changes.arm:
            self._insert(timer)
        if changes.offset is not None:
            self.offset, self.is_read = changes.offset, changes.is_read
        if changes.marker is not None:
            self.marker = changes.marker

    def timers_from(self, timeline: str, start: Timer) -> Iterator[Timer]:
        """The timers of `timeline` from `start` on, ascending."""
        timers = self._timelines.get(timeline, [])
        for index in range(bisect_left(timers, start), len(timers)):
            yield timers[index]

    def first_timers(self) -> dict[str, int]:
        """Each timeline that has timers, and the earliest deadline on it."""
        return {timeline: timers[0][0] for timeline, timers in self._timelines.items() if timers}

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """The keys that begin with `prefix` and come after `key`, ascending, with their frames."""
        keys = self._ordered = self._ordered or sorted(self._states)
        first = bisect_right(keys, key) if key >= prefix else bisect_left(keys, prefix)
        found = []
        for index in range(first, min(first + limit, len(keys))):
            if not keys[index].startswith(prefix):
                break
            found.append((keys[index], self._states[keys[index]]))
        return found

    def size(self) -> int:
        """How many states there are."""
        return len(self._states)

    @property
    def is_clean(self) -> bool:
        """Always: there are no files."""
        return True

    def clean(self) -> None:
        """Nothing to do."""

    def wipe(self, reason: str) -> None:
        """Throw everything away."""
        self.__init__()  # type: ignore[misc]
        self.wiped = reason

    def close(self) -> None:
        """Nothing to let go of."""

    def _insert(self, timer: Timer) -> None:
        timers = self._timelines.setdefault(timeline_of(timer[1]), [])
        index = bisect_left(timers, timer)
        if index == len(timers) or timers[index] != timer:
            insort(timers, timer, lo=index)

    def _remove(self, timer: Timer) -> None:
        timers = self._timelines.get(timeline_of(timer[1]), [])
        index = bisect_left(timers, timer)
        if index < len(timers) and timers[index] == timer:
            del timers[index]

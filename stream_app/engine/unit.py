"""A unit of work while it is being made: what one Kafka transaction will hold, and what one store write will change.

Timers are lazy. For a state with deadline d there is always a timer at some t <= d in the store or in this unit, so that a
deadline that only moves later costs nothing. When t comes, the frame says what is true: gone (drop the timer), later
(move the timer to d), or due.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import islice
from typing import Final

from stream_app.engine.fold import Headers
from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.frame import deadline_of, frame, state_of, timeline_of
from stream_app.engine.stores.store import Changes, Store, Timer

Output = tuple[bytes | None, bytes | None, Headers]
_READ_AHEAD: Final = 128
_STALE_PER_DUE: Final = 16
_STALE_AT_LEAST: Final = 1_000


class TimerBounds:
    """For each timeline of a partition a place before which it has no timer.

    A place rather than a time: of very many timers at one moment, a scan must not begin anew with those that have fired.
    """

    def __init__(self, first: Mapping[str, int]) -> None:
        self._places: dict[str, Timer] = {timeline: (deadline_ms, b"") for timeline, deadline_ms in first.items()}

    def get(self, timeline: str) -> Timer | None:
        """The place of one timeline, None when it has no timers."""
        return self._places.get(timeline)

    def names(self) -> list[str]:
        """The timelines that may have timers, in name order."""
        return sorted(self._places)

    def earliest(self) -> int | None:
        """A time before which no timer of any timeline is due."""
        return min([deadline_ms for deadline_ms, _ in self._places.values()], default=None)

    def lower(self, timer: Timer) -> None:
        """A timer was armed."""
        timeline = timeline_of(timer[1])
        known = self._places.get(timeline)
        if known is None or timer < known:
            self._places[timeline] = timer

    def set(self, timeline: str, place: Timer | None) -> None:
        """The timeline was read up to here; None: to its end."""
        if place is None:
            self._places.pop(timeline, None)
        else:
            self._places[timeline] = place


class _Scan:
    """How far a timeline was read in this unit, and the timers armed in it meanwhile."""

    def __init__(self, place: Timer | None) -> None:
        self.next = place
        self.armed: list[Timer] = []

    def first(self) -> Timer | None:
        """A place before which there is no timer."""
        if not self.armed:
            return self.next
        return self.armed[0] if self.next is None else min(self.next, self.armed[0])


class UnitOfWork:
    """The `Unit` that processors write into."""

    def __init__(self, partition: int, store: Store, cache: StateCache, bounds: TimerBounds) -> None:
        self.partition = partition
        self.states: dict[bytes, bytes | None] = {}
        self.outputs: dict[tuple[str, int | None], list[Output]] = {}
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.records = 0
        self.cut = False
        self.overdue_ms = 0
        self.erased: set[bytes] = set()
        self._store = store
        self._cache = cache
        self._bounds = bounds
        self._arm: set[Timer] = set()
        self._disarm: set[Timer] = set()
        self._taken: set[bytes] = set()
        self._scans: dict[str, _Scan] = {}
        self._ahead: dict[bytes, bytes | None] = {}  # read ahead of need

    def read(self, key: bytes) -> bytes | None:
        """The state stored under `key`, or None; sees this unit's own writes."""
        framed = self._frame(key)
        return None if framed is None else state_of(framed)

    def prefetch(self, keys: Iterable[bytes | None]) -> None:
        """Read the states that are not at hand for `keys`, all at once."""
        missing = {key: None for key in keys if key is not None and key not in self._ahead and key not in self._cache}
        if len(missing) > 1:
            self._ahead.update(zip(missing, self._store.get_many([*missing]), strict=True))

    def write(self, key: bytes, state: bytes | None, deadline_ms: int | None) -> None:
        """Store `state` (None: a tombstone) and wake at `deadline_ms` (None: never)."""
        before = deadline_of(self._frame(key))
        if state is None:
            self.states[key] = None
            self._taken.discard(key)
            return
        self.states[key] = frame(state, deadline_ms)
        if deadline_ms and (not before or deadline_ms < before or key in self._taken):
            self._add(deadline_ms, key)
        self._taken.discard(key)

    def erase(self, key: bytes) -> None:
        """A tombstone for `key`; its timers, stale ones included, are taken away before the commit (`disarm`)."""
        self.write(key, None, None)
        self.erased.add(key)
        self._arm = {timer for timer in self._arm if timer[1] != key}

    def disarm(self, timer: Timer) -> None:
        """Take a stored timer away, unless this unit has armed it anew."""
        if timer not in self._arm:
            self._disarm.add(timer)

    def due(self, timeline: str, until_ms: int, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` timers of `timeline` due at `until_ms`, ascending; each must be written again in this unit."""
        found: list[tuple[int, bytes]] = []
        scan = self._scan(timeline)
        budget = _STALE_AT_LEAST + _STALE_PER_DUE * limit
        source = self._store.timers_from(timeline, scan.next) if scan.next is not None else iter(())
        stored = self._with_states(source, until_ms, min(_READ_AHEAD, limit + 1))
        ahead = next(stored, None)
        while len(found) < limit:
            own = scan.armed[0] if scan.armed else None
            timer = own if ahead is None or (own is not None and own < ahead) else ahead
            if timer is None or timer[0] > until_ms:
                break
            if budget == 0:
                self.cut = True
                break
            budget -= 1
            if timer == own:
                heappop(scan.armed)
                self._arm.discard(timer)
            if timer == ahead:
                ahead = next(stored, None)
                self._disarm.add(timer)
            self._resolve(timer, found)
        if hasattr(source, "close"):
            source.close()
        scan.next = ahead
        if found:
            self.overdue_ms = max(self.overdue_ms, until_ms - found[0][0])
        return found

    def _with_states(self, timers: Iterator[Timer], until_ms: int, count: int) -> Iterator[Timer]:
        """The same timers, `count` at a time: the states of those that are due are read ahead."""
        while block := list(islice(timers, count)):
            self.prefetch([key for deadline_ms, key in block if deadline_ms <= until_ms])
            yield from block

    def next_due(self, timeline: str) -> int | None:
        """A time before which no timer of `timeline` is due, None when it has none."""
        scan = self._scans.get(timeline)
        place = self._bounds.get(timeline) if scan is None else scan.first()
        return None if place is None else place[0]

    def timelines(self) -> Sequence[str]:
        """The timelines that may have timers, in name order."""
        return sorted({*self._bounds.names(), *self._scans})

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes | None]]:
        """At most `limit` stored keys that begin with `prefix` and come after `key`, ascending, with their states (None: removed here)."""
        found: list[tuple[bytes, bytes | None]] = []
        for stored, framed in self._store.states_after(key, prefix, limit):
            newest = self.states.get(stored, framed)
            found.append((stored, None if newest is None else state_of(newest)))
        return found

    def emit(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None) -> None:
        """Add an output record; without `partition` it goes to the partition of the unit's number."""
        target = topic, partition
        records = self.outputs.get(target)
        if records is None:
            records = self.outputs[target] = []
        records.append((key, value, headers))

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Count something; observed after the commit."""
        self.counts[name, *labels] += by

    def worth_committing(self) -> bool:
        """Whether a transaction is needed: something to say, or a position that has moved."""
        return bool(self.records or self.states or self.outputs)

    def moves_timers(self) -> bool:
        """Whether the store must be told of timers, even when nothing is committed."""
        return bool(self._arm or self._disarm)

    def changes(self, offset: int | None, marker: bytes | None) -> Changes:
        """What the store must write once the transaction is committed."""
        assert not self._taken, "a due timer's state was not written again"
        return Changes(self.states, list(self._arm), list(self._disarm), offset, marker, len(self.erased))

    def settle(self) -> None:
        """Carry cache and bounds over to the next unit; call after the store has written the changes."""
        for key, framed in self.states.items():
            self._cache.put(key, framed)
        for key in self.erased:
            if self.states[key] is None:
                self._cache.drop(key)
        for timeline, scan in self._scans.items():
            self._bounds.set(timeline, scan.first())
        for timer in self._arm:
            self._bounds.lower(timer)

    def _frame(self, key: bytes) -> bytes | None:
        states, ahead = self.states, self._ahead
        return states[key] if key in states else ahead[key] if key in ahead else self._cache.get(key, self._store)

    def _add(self, deadline_ms: int, key: bytes) -> None:
        timer = deadline_ms, key
        self._disarm.discard(timer)
        if timer in self._arm:
            return
        self._arm.add(timer)
        heappush(self._scan(timeline_of(key)).armed, timer)

    def _scan(self, timeline: str) -> _Scan:
        scan = self._scans.get(timeline)
        if scan is None:
            scan = self._scans[timeline] = _Scan(self._bounds.get(timeline))
        return scan

    def _resolve(self, timer: Timer, found: list[tuple[int, bytes]]) -> None:
        """Decide what a timer that has come means, by its state's own deadline."""
        at_ms, key = timer
        if key in self._taken:
            return
        deadline_ms = deadline_of(self._frame(key))
        if not deadline_ms:
            return
        if deadline_ms == at_ms:
            self._taken.add(key)
            found.append(timer)
        elif deadline_ms > at_ms:
            self._add(deadline_ms, key)

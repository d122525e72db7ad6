"""The disks of the workers: what a store has applied outlives its process, or only what it had flushed, or nothing."""

import time
from random import Random
from typing import Any

from stream_app.engine.stores.store import Changes, MemoryStore
from tests.simulator.faults import Faults

Contents = dict[str, Any]


class SimStore(MemoryStore):
    """A store of one process; `Disk` keeps its contents."""

    def __init__(self, contents: Contents | None, flush: Any) -> None:
        super().__init__()
        self._flush = flush
        if contents is not None:
            self.offset, self.is_read = contents["offset"], contents["is_read"]
            self.marker, self.written_ms = contents["marker"], contents["written_ms"]
            self._states = dict(contents["states"])
            self._timelines = {name: list(timers) for name, timers in contents["timelines"].items()}

    def apply(self, changes: Changes) -> None:
        super().apply(changes)
        self.written_ms = int(time.time() * 1000)
        self._flush(self)

    def wipe(self, reason: str) -> None:
        flush = self._flush
        MemoryStore.__init__(self)
        self.wiped, self._flush = reason, flush
        self._flush(self, wiped=True)

    def close(self) -> None:
        self._flush(self, closing=True)

    def contents(self) -> Contents:
        """A copy of everything."""
        timelines = {name: list(timers) for name, timers in self._timelines.items()}
        fields = {"offset": self.offset, "is_read": self.is_read, "marker": self.marker, "written_ms": self.written_ms}
        return fields | {"states": dict(self._states), "timelines": timelines}


class Disk:
    """The disk of one worker, through all its lives."""

    def __init__(self, rng: Random, faults: Faults) -> None:
        self._rng = rng
        self._faults = faults
        self._flushed: dict[int, Contents] = {}
        self._newest: dict[int, SimStore] = {}

    def open(self, partition: int) -> SimStore:
        """What a new process finds."""
        contents = self._flushed.get(partition)
        newest = self._newest.pop(partition, None)
        if newest is not None:
            kind = self._rng.choice(("kept", "kept", "flushed", "lost"))
            if kind == "kept":
                contents = newest.contents()
            elif kind == "lost":
                contents = None
            self._faults.count(f"store {kind}")
        self._flushed.pop(partition, None)
        if contents is not None:
            self._flushed[partition] = contents
        store = SimStore(contents, lambda store, **how: self._write(partition, store, **how))
        self._newest[partition] = store
        return store

    def _write(self, partition: int, store: SimStore, *, closing: bool = False, wiped: bool = False) -> None:
        if wiped:
            self._faults.count("store wiped")
            self._flushed.pop(partition, None)
            return
        if self._newest.get(partition) is store and (closing or self._rng.random() < 0.1):
            self._flushed[partition] = store.contents()
            if closing:
                del self._newest[partition]

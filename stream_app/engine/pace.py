"""Background work: how fast it may go, over all partitions of a process, when others have a turn, and how far it is."""

import asyncio
import time

from stream_app.engine.stores.store import Store
from stream_app.telemetry.logs import get_logger
from stream_app.telemetry.metrics import Metrics

_TELL_EVERY_S = 10.0
_log = get_logger(__name__)

_TURN_S = 0.1
_SLICE_MIN_S = 0.005
_BREATHS = 4
_SAVED_S = 0.25
"""Of the time in which nothing was taken so much counts, so that a pause is not followed by a rush."""


async def breathe() -> None:
    """Let others have a turn. A commit takes many short steps, and each turn of the loop takes it one further."""
    for _ in range(_BREATHS):
        await asyncio.sleep(0)


class Pace:
    """Hands out `rate` permits a second; a rate of 0 hands out none."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._permits = 0.0
        self._seen = time.monotonic()

    def take(self, limit: int) -> int:
        """At most `limit` permits, as many as there are."""
        now = time.monotonic()
        self._permits = min(self._permits + (now - self._seen) * self._rate, max(1.0, self._rate * _SAVED_S))
        self._seen = now
        taken = min(limit, int(self._permits))
        self._permits -= taken
        return taken

    def give_back(self, permits: int) -> None:
        """Some of those taken were not needed."""
        self._permits += permits


class Slices:
    """Shares a turn of all partitions among those that have more due, or to sweep, than one unit of work can hold.

    What an event waits for at the most is such a turn: its own partition's unit comes after those of all others.
    """

    def __init__(self, turn_s: float = _TURN_S) -> None:
        self._turn_s = turn_s
        self._busy: set[int] = set()

    def ask(self, partition: int, *, more: bool) -> None:
        """Whether `partition` has more of it to do."""
        if more:
            self._busy.add(partition)
        else:
            self._busy.discard(partition)

    def seconds(self) -> float:
        """For how long one unit of work may do such work."""
        return max(_SLICE_MIN_S, self._turn_s / max(1, len(self._busy)))


class SweepProgress:
    """Shows how far the sweep of one partition is, and says when it begins, goes on and ends."""

    def __init__(self, partition: int, store: Store, metrics: Metrics) -> None:
        self._partition = partition
        self._store = store
        self._metrics = metrics
        self._began: float | None = None
        self._told_at = 0.0

    def tell(self, looked: int | None) -> None:
        """`looked` states were looked at so far; None: nothing is swept."""
        now = time.monotonic()
        if looked is None:
            if self._began is not None:
                _log.info("swept", partition=self._partition, seconds=round(now - self._began, 1))
                self._metrics.sweep(self._partition, 0)
            self._began = None
            return
        left = max(0, self._store.size() - looked)
        self._metrics.sweep(self._partition, left)
        if self._began is None:
            self._began = self._told_at = now
            _log.info("sweep begins", partition=self._partition, states_about=left)
        elif now - self._told_at > _TELL_EVERY_S:
            self._told_at = now
            _log.info("sweeping", partition=self._partition, looked=looked, left_about=left)

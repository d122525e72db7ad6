"""A thread that ends the process when records wait and nothing moves, or when the event loop no longer runs.

It stands outside the event loop, so that a blocked loop is seen, too. Ending the process is always safe: what is not
committed is not visible, and a supervisor starts the worker again.
"""

import threading
import time
from collections.abc import Callable

from stream_app.engine.stream import Engine
from stream_app.errors import StalledError

_CHECK_S = 1.0


class Watchdog:
    """Watches one engine."""

    def __init__(self, engine: Engine, *, stall_timeout_s: float, on_stalled: Callable[[StalledError], None]) -> None:
        """Prepare to watch.

        Args:
            engine: what is watched.
            stall_timeout_s: the longest time without progress while there is something to do.
            on_stalled: called in the watchdog's thread; it must end the process.
        """
        self._engine = engine
        self._stall_timeout_s = stall_timeout_s
        self._on_stalled = on_stalled
        self._seen: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def check(self, now: float) -> StalledError | None:
        """What is wrong at `now` (monotonic seconds), if anything."""
        engine, limit = self._engine, self._stall_timeout_s
        if now - engine.beat > limit:
            return StalledError(f"the event loop has not run for {now - engine.beat:.0f} s; start the worker again")
        standing = engine.standing()
        self._seen = {
            name: self._seen[name] if name in self._seen and self._seen[name][0] == at else (at, now) for name, at in standing.items()
        }
        for name, (_, since) in self._seen.items():
            if now - since > limit:
                return StalledError(f"{name}: nothing has moved for {now - since:.0f} s while records wait; start the worker again")
        silent_s = engine.silent_s(now)
        if silent_s > limit:
            return StalledError(f"the broker has not answered a fetch for {silent_s:.0f} s; start the worker again")
        return None

    def _watch(self) -> None:
        while not self._stop.wait(_CHECK_S):
            error = self.check(time.monotonic())
            if error is not None:
                self._on_stalled(error)
                return

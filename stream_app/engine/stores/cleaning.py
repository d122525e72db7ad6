"""Erasing keys from a store for good: the timers that name them, and then, in the background, the bytes that files still hold."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection

from stream_app.engine.stores.frame import timeline_of
from stream_app.engine.stores.store import FIRST, Store, Timer
from stream_app.telemetry.logs import get_logger

CLEAN_EVERY_S = 600.0
"""Cleaning rewrites all files, so that of many erasures only the first is followed by it at once."""

_SLICE = 20_000
_log = get_logger(__name__)


async def timers_of(store: Store, keys: Collection[bytes]) -> AsyncIterator[Timer]:
    """Every timer of these keys, stale ones included; between its slices others have a turn.

    Only the newest deadline of a key is known, and an older timer may lie anywhere on its timeline, so all of it is read.
    """
    for timeline in sorted({timeline_of(key) for key in keys}):
        for number, timer in enumerate(store.timers_from(timeline, FIRST), 1):
            if timer[1] in keys:
                yield timer
            if number % _SLICE == 0:
                await asyncio.sleep(0)


class Cleaner:
    """Cleans a store when something was erased from it, at most every ten minutes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._due = 0.0

    def wake(self) -> None:
        """Something may have been erased, now or in an earlier life."""
        if self._task is None and not self._store.is_clean:
            self._task = asyncio.create_task(self._clean(), name="cleaning")

    def stop(self) -> None:
        """Begin nothing new; the store is closed next, which ends what runs."""
        if self._task is not None:
            self._task.cancel()

    async def _clean(self) -> None:
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        began = time.monotonic()
        await asyncio.to_thread(self._store.clean)
        self._due = time.monotonic() + CLEAN_EVERY_S
        _log.info("store cleaned", complete=self._store.is_clean, seconds=round(time.monotonic() - began, 2))
        self._task = None
        self.wake()

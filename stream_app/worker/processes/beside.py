"""The process that sums up insights beside a worker: started with it, ended with it, started again when it fails.

A process of its own, so that the status fold never waits for it: the two would share one interpreter. It ends with the worker by
the kernel's hand, however the worker ends, and what fails there never stops the statuses.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.worker.processes import child

COMMAND = (sys.executable, "-m", "stream_app", "insights")
_STOP_S = 4.0
_AGAIN_S = 1.0
_AGAIN_S_MAX = 60.0
_LONG_S = 60.0
"""Who has lived that long is started again at once."""

_log = get_logger(__name__)


@asynccontextmanager
async def insights_beside(settings: Settings) -> AsyncIterator[None]:
    """Have the insights process run, unless a setting says otherwise."""
    if not settings.insights:
        yield
        return
    beside = _Beside()
    task = asyncio.create_task(beside.keep(), name="insights")
    try:
        yield
    finally:
        task.cancel()
        await beside.stop()


class _Beside:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    async def keep(self) -> None:
        """Run for ever."""
        wait_s = _AGAIN_S
        while True:
            began = time.monotonic()
            # From this thread, the first one: the kernel ends the child with the thread that has started it.
            self._process = child.spawn(COMMAND, output=None)
            status = await asyncio.to_thread(self._process.wait)
            wait_s = _AGAIN_S if time.monotonic() - began > _LONG_S else min(2 * wait_s, _AGAIN_S_MAX)
            _log.warning("insights have ended and are started again", exit_status=status, wait_s=wait_s)
            await asyncio.sleep(wait_s)

    async def stop(self) -> None:
        """End it; what it has not committed is not visible."""
        if self._process is not None:
            await asyncio.to_thread(child.stop, self._process, _STOP_S)

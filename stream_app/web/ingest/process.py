"""The process of `stream-app ingest`: the port, the log behind it, and their end."""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from stream_app.errors import ConfigError
from stream_app.feed import Log
from stream_app.settings import Settings, read_ingest_keys
from stream_app.telemetry.ingest import IngestMetrics
from stream_app.telemetry.server import MetricsServer
from stream_app.web.api.guard import is_loopback
from stream_app.web.ingest.app import build_ingest
from stream_app.web.ingest.keys import Access, read_access
from stream_app.web.ingest.wire import set_up
from stream_app.web.serve import bind

_SHUTDOWN_S: Final = 12.0  # longer than an event is waited for
_BEAT_S: Final = 1.0
_STUCK_S: Final = 30.0

OpenLog = Callable[[Callable[[int, float], None]], AbstractAsyncContextManager[Log]]
"""Opens the log; it is given what is to be told of each stored batch: records, seconds."""


def check_ingest(settings: Settings) -> Access | None:
    """Who may write; None when nobody but this machine can reach us.

    Raises:
        ConfigError: the keys cannot be used, or others could reach us and there are none.
    """
    document = read_ingest_keys(settings)
    if document is not None:
        return read_access(document, settings.ingest_rate)
    if not is_loopback(settings.ingest_host):
        raise ConfigError(
            f"STREAM_APP_INGEST_KEYS: missing, and {settings.ingest_host} can be reached by others; "
            "expected: each shop's keys, or STREAM_APP_INGEST_KEYS_FILE"
        )
    return None


@asynccontextmanager
async def ingesting(settings: Settings, open_log: OpenLog) -> AsyncIterator[str]:
    """Take events in until the block ends; gives the address.

    Raises:
        ConfigError: the keys cannot be used.
        Failure: the port cannot be bound, the broker cannot be reached, or a topic is missing.
    """
    access = check_ingest(settings)
    metrics = IngestMetrics()
    async with open_log(metrics.produced) as log:
        metrics.watch(lambda: log.waiting_bytes, lambda: log.waits_for() is None)
        waiting_bytes_max = settings.ingest_waiting_mib << 20
        app = build_ingest(log, access, metrics, per_second=settings.ingest_rate, waiting_bytes_max=waiting_bytes_max)
        runner = await set_up(app, _SHUTDOWN_S)
        try:
            async with _watched(settings, metrics, log):
                yield await bind(runner, settings.ingest_host, settings.ingest_port, "ingest")
        finally:
            await runner.cleanup()


async def ingest(settings: Settings, open_log: OpenLog, say: Callable[[str], None]) -> None:
    """Take events in until a signal comes; what is under way then is still stored and answered.

    Args:
        settings: where to bind, who may write, how much.
        open_log: where accepted events go.
        say: is told the address once it answers.

    Raises:
        ConfigError: the keys cannot be used.
        Failure: the port cannot be bound, the broker cannot be reached, or a topic is missing.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # a request makes and drops many small objects without cycles
    async with ingesting(settings, open_log) as address:
        say(f"events are taken at {address}v1/events; Ctrl-C stops it")
        await stopped.wait()


@asynccontextmanager
async def _watched(settings: Settings, metrics: IngestMetrics, log: Log) -> AsyncIterator[None]:
    """With the port of metrics, if one is set."""
    if not settings.metrics_port:
        yield
        return
    last = time.monotonic()

    async def beat() -> None:
        nonlocal last
        while True:
            last = time.monotonic()
            await asyncio.sleep(_BEAT_S)

    beating = asyncio.create_task(beat(), name="beat")
    server = MetricsServer(
        metrics,
        settings.metrics_host,
        settings.metrics_port,
        waits_for=log.waits_for,
        alive=lambda: time.monotonic() - last < _STUCK_S,
    )
    try:
        yield
    finally:
        server.close()
        beating.cancel()

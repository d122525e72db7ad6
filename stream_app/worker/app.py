"""The worker process: checks, policies, then the engine until it is told to stop or must not go on.

It ends in one of two ways. Told to stop (SIGTERM, SIGINT), it finishes the running units of work and returns. After a fatal
error it prints one line and ends the process on the spot: what is not committed is not visible, and waiting for broken
connections to close would only keep the partitions from their next owner.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

from aiokafka.errors import KafkaError

from stream_app import compiled
from stream_app.engine.fold import Processor, ProcessorFactory
from stream_app.engine.stream import Engine
from stream_app.engine.topology import Topology
from stream_app.engine.watchdog import Watchdog
from stream_app.errors import FatalError, StreamAppError
from stream_app.processor.hop import REKEYED
from stream_app.processor.marks import Erasing
from stream_app.processor.policies import PolicyBook
from stream_app.processor.status import StatusProcessor
from stream_app.settings import Settings, read_erasure_key
from stream_app.telemetry.endings import Endings
from stream_app.telemetry.gathered import tell
from stream_app.telemetry.logs import configure_logging, get_logger
from stream_app.telemetry.metrics import Metrics
from stream_app.telemetry.server import MetricsServer
from stream_app.worker.cluster import what_broke
from stream_app.worker.memory import drop_cycles, tune_memory
from stream_app.worker.policies import policy_follower
from stream_app.worker.preflight import check_rights, lock_data_dir, preflight
from stream_app.worker.processes.beside import insights_beside
from stream_app.worker.topics import INPUTS, TABLE, retentions

OUTPUTS = (
    "customer-events-rekeyed",
    "status-changes",
    "win-back",
    "service-level",
    "contact-advice",
    "customer-profiles",
    "dead-letters",
)
_STOP_TIMEOUT_S = 8.0
_EXIT_FATAL = 1
_log = get_logger(__name__)


def run_worker(settings: Settings, channel: Connection | None = None) -> None:
    """Run a worker of one process until SIGTERM or SIGINT; `channel` leads to the process that has several (processes/several.py).

    Raises:
        ConfigError: the erasure key cannot be used.
        Failure: the data directory, the broker or a topic is not as it must be; one line with the fix.
    """
    configure_logging(settings.log_format, settings.log_level)
    key = read_erasure_key(settings)
    lock_data_dir(settings.data_dir)
    tune_memory()
    asyncio.run(_worker(settings, key, channel))


async def _worker(settings: Settings, key: bytes | None, channel: Connection | None) -> None:
    metrics = Metrics()
    book = PolicyBook()

    def factory(partition: int, partitions: int) -> Processor:
        return StatusProcessor(book, partition, partitions, settings.grace_ms, settings.topic(REKEYED), erasing)

    await check_rights(settings)
    async with following(settings, book, metrics):
        erasing = None if key is None else Erasing(key, await retentions(settings))
        async with insights_beside(settings):
            await run_engine(settings, factory, metrics, table=TABLE, inputs=INPUTS, outputs=OUTPUTS, channel=channel)


@asynccontextmanager
async def following(settings: Settings, book: PolicyBook, metrics: Metrics) -> AsyncIterator[None]:
    """Every policy that is published is in the book, and goes on being put there."""
    async with policy_follower(settings, book, metrics) as follower:
        try:
            await follower.read_to_end()
        except KafkaError as error:
            raise what_broke(settings, error) from error
        task = asyncio.create_task(_or_end(follower.follow()), name="policies")
        try:
            yield
        finally:
            task.cancel()


async def run_engine(
    settings: Settings,
    factory: ProcessorFactory,
    metrics: Metrics,
    *,
    table: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    member: Settings | None = None,
    channel: Connection | None = None,
) -> None:
    """Run an engine with any processor until the process is told to stop.

    `member` are its settings where it is a group of its own; on a `channel` its metrics are told, instead of on a port.
    """
    facts = await preflight(settings)
    topology = Topology(
        app_id=settings.id, table=table, inputs=inputs, outputs=outputs, prefix=settings.topic_prefix, partitions=facts.partitions
    )
    settings = member or settings
    endings = Endings(settings.data_dir)
    metrics.endings(endings.read())

    def end(error: BaseException) -> None:
        endings.add(error)
        end_process(error)

    engine = Engine(settings, topology, factory, metrics, cluster_id=facts.cluster_id, on_fatal=end)
    watchdog = Watchdog(engine, stall_timeout_s=settings.stall_timeout_s, on_stalled=end)
    stopped = _stop_on_signals()
    async with _shown(settings, metrics, engine, channel):
        ticking = asyncio.create_task(_or_end(engine.tick(metrics), end), name="ticks")
        tidying = asyncio.create_task(drop_cycles(), name="memory")
        watchdog.start()
        try:
            if await _started(engine, stopped):
                rules = "compiled" if compiled.is_in_use() else "python"
                _log.info("started", partitions=facts.partitions, instance=settings.instance, rules=rules)
                if not compiled.is_in_use():
                    _log.warning(compiled.SLOWER)
                await _until_stopped(engine, stopped, end)
        except FatalError as error:
            endings.add(error)
            raise
        finally:
            watchdog.stop()
            ticking.cancel()
            tidying.cancel()
            await _stop(engine)


async def _started(engine: Engine, stopped: asyncio.Event) -> bool:
    """Start the engine, which lasts as long as its first restore; False when the process is told to stop before."""
    starting, stopping = asyncio.create_task(engine.start()), asyncio.create_task(stopped.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        starting.result()
    else:
        starting.cancel()
    return not stopped.is_set()


async def _until_stopped(engine: Engine, stopped: asyncio.Event, end: Callable[[BaseException], None]) -> None:
    crashed = asyncio.create_task(_or_end(engine.crashed(), end), name="crash")
    await stopped.wait()
    crashed.cancel()


def end_process(error: BaseException) -> None:
    """End the process on the spot with one line; callable from any thread."""
    line = str(error) if isinstance(error, StreamAppError) else f"unexpected {type(error).__name__} while a unit of work was made"
    _log.error("fatal", exc_info=error if not isinstance(error, StreamAppError) else None)
    sys.stdout.flush()
    os.write(sys.stderr.fileno(), f"stream-app: {line}\n".encode())
    os._exit(_EXIT_FATAL)


async def _or_end(work: Coroutine[Any, Any, None], end: Callable[[BaseException], None] = end_process) -> None:
    """Do `work`, which lasts as long as the process: without it the worker would look alive and be lame."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is
        end(error)


async def _stop(engine: Engine) -> None:
    """Finish running units of work, then leave; a client that does not close in time is left behind, nothing is open in it."""
    _log.info("stopping")
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await engine.close()
    except TimeoutError:
        _log.warning("stopped late")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0 if not engine.runtimes else _EXIT_FATAL)
    _log.info("stopped")


def _stop_on_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


@asynccontextmanager
async def _shown(settings: Settings, metrics: Metrics, engine: Engine, channel: Connection | None) -> AsyncIterator[None]:
    """Show metrics, health and readiness to whoever asks: on a port, or over the channel."""

    def alive() -> bool:
        return engine.alive(settings.stall_timeout_s)

    if channel is not None:
        tell(channel, metrics, waits_for=engine.waits_for, alive=alive)
    if channel is not None or not settings.metrics_port:
        yield
        return
    server = MetricsServer(metrics, settings.metrics_host, settings.metrics_port, waits_for=engine.waits_for, alive=alive)
    try:
        yield
    finally:
        server.close()

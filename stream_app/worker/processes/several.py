"""A worker of several processes: Python runs one core a process, and this gives one worker as many cores as it may have.

Each process is a member of the group with partitions, states and a data directory of its own; nothing is shared, so whatever holds
for several workers holds here. The first is who the worker would be with one process, so that nothing is restored anew when the number
changes. This process folds nothing: it starts them, shows their metrics as those of one worker, and ends with them. When one of them
ends unasked the worker ends, as it does when it has one process: whoever started it starts it again.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from stream_app.errors import Failure
from stream_app.settings import Settings, read_erasure_key
from stream_app.telemetry.gathered import Gathered
from stream_app.telemetry.logs import configure_logging, get_logger
from stream_app.telemetry.server import MetricsServer
from stream_app.worker.preflight import check_rights, preflight
from stream_app.worker.processes import child
from stream_app.worker.processes.beside import insights_beside

_STOP_S = 12.0
_LOOK_S = 0.1
_STDIN = 0
_log = get_logger(__name__)


def run_processes(settings: Settings) -> None:
    """Run a worker of several processes until SIGTERM or SIGINT, or until one of them ends.

    Raises:
        ConfigError: the erasure key cannot be used.
        Failure: the broker or a topic is not as it must be, or a process was killed; one line with the fix.
        SystemExit: a process has ended with this status, and has said why.
    """
    configure_logging(settings.log_format, settings.log_level)
    read_erasure_key(settings)
    asyncio.run(_run(settings))


def run_process(settings: Settings, number: int) -> None:
    """Be one of the processes; raises what `run_worker` raises."""
    from stream_app.worker.app import run_worker  # what folds events costs memory, and the process that starts the others folds none

    run_worker(as_process(settings, number), Connection(os.dup(_STDIN)))


def as_process(settings: Settings, number: int) -> Settings:
    """The settings of one process: its share of the sweep, no port; and after the first one another member, another directory."""
    share = max(1, settings.sweep_rate // settings.processes) if settings.sweep_rate else 0
    changed: dict[str, Any] = {"processes": 1, "sweep_rate": share, "insights": False, "metrics_port": 0}
    if number:
        changed |= {"instance": f"{settings.instance}-{number}", "data_dir": settings.data_dir / f"process-{number}"}
    return settings.model_copy(update=changed)


async def _run(settings: Settings) -> None:
    await check_rights(settings)
    facts = await preflight(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    count = min(settings.processes, facts.partitions)
    with _processes(count) as (processes, channels):
        async with _shown(settings, channels), insights_beside(settings):
            _log.info("started processes", count=count)
            ended = await _until_one_ends(processes, stopped)
            statuses = await asyncio.to_thread(child.stop_all, processes, _STOP_S)
    _conclude(ended if ended is not None else next(filter(None, statuses), 0))


@contextmanager
def _processes(count: int) -> Iterator[tuple[list["subprocess.Popen[bytes]"], list[Connection]]]:
    """So many processes, each with a channel on its standard input; whatever happens, none is left."""
    processes: list[subprocess.Popen[bytes]] = []
    channels: list[Connection] = []
    try:
        for number in range(count):
            ours, theirs = socket.socketpair()
            with theirs:
                # From this thread, the first one: the kernel ends the child with the thread that has started it.
                command = (sys.executable, "-m", "stream_app", "worker", "--process", str(number))
                processes.append(child.spawn(command, output=None, stdin=theirs.fileno()))
            channels.append(Connection(ours.detach()))
        yield processes, channels
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for channel in channels:
            channel.close()


async def _until_one_ends(processes: list["subprocess.Popen[bytes]"], stopped: asyncio.Event) -> int | None:
    """Wait until we are told to stop (None), or a process ends: its exit status."""
    while not stopped.is_set():
        for process in processes:
            if process.poll() is not None:
                return process.returncode
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stopped.wait()
    return None


def _conclude(status: int) -> None:
    if status < 0:
        raise Failure(f"a process of this worker was ended by {signal.Signals(-status).name}: start the worker again")
    if status:
        raise SystemExit(status)


@asynccontextmanager
async def _shown(settings: Settings, channels: list[Connection]) -> AsyncIterator[None]:
    if not settings.metrics_port:
        yield
        return
    all_of_them = Gathered(channels)
    server = MetricsServer(
        all_of_them, settings.metrics_host, settings.metrics_port, waits_for=all_of_them.waits_for, alive=all_of_them.alive
    )
    try:
        yield
    finally:
        server.close()

"""The `demo` command: Kafka, topics, policy, a worker and a real purchase history, started, watched and ended in order."""

import asyncio
import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from stream_app.demo.broker import EmbeddedBroker
from stream_app.demo.dataset import events_file
from stream_app.demo.jars import say
from stream_app.demo.observer import Observer, summary
from stream_app.demo.view import View, print_summary
from stream_app.errors import Failure
from stream_app.settings import Settings, child_environment, load_settings
from stream_app.worker import child
from stream_app.worker.cluster import admin_client, reader
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics

POLICY = Path(__file__).with_name("policy.yaml")
LIVE_RATE = 6_000
_STALL_S = 120.0
_STOP_WORKER_S = 15.0
_LAG_EVERY_S = 0.25
_REPORT_EVERY_S = 2.0


def run_demo(settings: Settings, *, dataset: str, once: bool, keep: bool, as_json: bool) -> None:
    """Run the demo to its end and print the summary.

    Args:
        settings: where data and cache live; the broker is our own.
        dataset: the name of the purchase history.
        once: publish everything before the worker starts, instead of at a watchable rate.
        keep: go on with the store and the topics of the last run; what they hold is not published again.
        as_json: print the summary as one JSON line on standard output.

    Raises:
        ConfigError: there is no such data set.
        Failure: another demo runs here, or Kafka or the worker ended.
    """
    events = events_file(dataset, settings.cache_dir)
    root = settings.data_dir / "demo"
    with _alone(root):
        if not keep:
            for name in ("kafka", "worker"):
                shutil.rmtree(root / name, ignore_errors=True)
        with EmbeddedBroker(root / "kafka", settings.cache_dir) as broker:
            say(f"Kafka is ready at {broker.address}")
            ours = load_settings(broker=broker.address, data_dir=root / "worker")
            result = asyncio.run(_Demo(ours, events, root, live=not once).run(once=once, quiet=as_json))
    if as_json:
        sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    else:
        print_summary(Console(highlight=False), result)


class _Demo:
    """One run, on a broker that lives."""

    def __init__(self, settings: Settings, events: Path, root: Path, *, live: bool) -> None:
        self._settings = settings
        self._events = events
        self._log = root / "worker.log"
        self._live = live
        self._events_in: dict[str, int] = {}
        self._started_ms = 0

    async def run(self, *, once: bool, quiet: bool) -> dict[str, Any]:
        """Publish, process, watch; returns the summary."""
        await create_topics(self._settings)
        await publish_policy(self._settings, POLICY)
        async with reader(self._settings) as consumer, admin_client(self._settings) as admin:
            observer = Observer(self._settings, consumer, admin)
            await observer.start()
            self._started_ms = int(time.time() * 1000)
            fresh = await observer.published() == 0
            if once and fresh:
                await self._publish(None)
                say(f"published {sum(self._events_in.values()):,} events in {time.time() - self._started_ms / 1000:.1f} s")
            async with self._publishing(rate_limited=not once and fresh) as publishing:
                with self._worker() as worker:
                    await self._watch(observer, worker, publishing, quiet=quiet)
        return summary(observer, self._events_in, self._started_ms)

    async def _publish(self, rate: int | None) -> None:
        done = await publish(self._settings, [self._events], rate=rate, history=True)
        self._events_in = done.events

    @asynccontextmanager
    async def _publishing(self, *, rate_limited: bool) -> AsyncIterator["asyncio.Task[None] | None"]:
        if not rate_limited:
            yield None
            return
        task = asyncio.create_task(self._publish(LIVE_RATE))
        try:
            yield task
        finally:
            task.cancel()

    @contextmanager
    def _worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        environment = child_environment(BROKER=self._settings.broker, DATA_DIR=str(self._settings.data_dir))
        with self._log.open("wb") as log:
            process = child.spawn([sys.executable, "-m", "stream_app", "worker"], output=log, env=environment)
        try:
            yield process
        finally:
            child.stop(process, _STOP_WORKER_S)

    async def _watch(
        self, observer: Observer, worker: "subprocess.Popen[bytes]", publishing: "asyncio.Task[None] | None", *, quiet: bool
    ) -> None:
        """Follow the worker until all is done."""
        console = Console()
        view = View(self._settings.broker, console)
        on_screen = console.is_terminal and self._live and not quiet
        with Live(console=console, auto_refresh=False, transient=True, screen=False) if on_screen else _nothing() as live:
            asked = reported = moved = time.monotonic()
            last: tuple[int, int] = (-1, -1)
            while True:
                await observer.poll()
                now = time.monotonic()
                if now - asked >= _LAG_EVERY_S:
                    asked = now
                    await observer.measure_lag()
                    if live is not None:
                        live.update(view.picture(observer), refresh=True)
                    elif now - reported >= _REPORT_EVERY_S:
                        reported = now
                        applied, changes = max(0, observer.lag.applied), observer.changes.total()
                        say(f"  {applied:,} events applied, {changes:,} changes, lag {observer.lag.records:,}")
                if publishing is not None and publishing.done():
                    publishing.result()
                    publishing = None
                if publishing is None and observer.finished():
                    return
                progress = (observer.lag.applied, observer.changes.total())
                if progress != last:
                    last, moved = progress, now
                self._must_live(worker, stalled=now - moved > _STALL_S)

    def _must_live(self, worker: "subprocess.Popen[bytes]", *, stalled: bool) -> None:
        if worker.poll() is not None:
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise Failure(f"the worker ended ({lines[-1][:200] if lines else 'it said nothing'}): see {self._log}")
        if stalled:
            raise Failure(f"the worker made no progress for {_STALL_S:.0f} s: see {self._log}")


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the demo's directory, before anything in it is deleted."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "in-use").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(f"another demo runs in {root}: end it, or set STREAM_APP_DATA_DIR to another directory") from None
        yield

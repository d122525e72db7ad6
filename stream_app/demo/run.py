"""The `demo` command: Kafka, topics, policy, a worker and a real purchase history, started, watched and ended in order."""

import asyncio
import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from stream_app.demo.broker import EmbeddedBroker, free_port, port_is_free
from stream_app.demo.control import Control
from stream_app.demo.dataset import COUNTS, events_file
from stream_app.demo.jars import say
from stream_app.demo.observer import Observer, summary
from stream_app.demo.pace import Pace
from stream_app.demo.view import View, print_summary
from stream_app.errors import Failure
from stream_app.settings import Settings, child_environment, load_settings
from stream_app.web.serve import serving
from stream_app.worker.cluster import admin_client, reader
from stream_app.worker.history import KafkaTopics
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.processes import child
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics

POLICY = Path(__file__).with_name("policy.yaml")
PAGE_PORT = 8080
_STALL_S = 120.0
_STOP_WORKER_S = 15.0
_LAG_EVERY_S = 0.25
_REPORT_EVERY_S = 2.0
_PUBLISHING = "publishing"


def run_demo(settings: Settings, *, dataset: str, once: bool, keep: bool, as_json: bool, port: int | None = None) -> None:
    """Run the demo and print the summary: to its end with `once`, else until it is stopped.

    Args:
        settings: where data and cache live; the broker is our own.
        dataset: the name of the purchase history.
        once: publish everything before the worker starts, and end when all is processed; without a page.
        keep: go on with the store and the topics of the last run; what they hold is not published again.
        as_json: print the summary as one JSON line on standard output.
        port: where the page is served; without it 8080, or a free port where that is taken.

    Raises:
        ConfigError: there is no such data set.
        Failure: another demo runs here, or Kafka or the worker ended.
    """
    events = events_file(dataset, settings.cache_dir)
    root = settings.data_dir / "demo"
    with _alone(root):
        if not keep:
            for name in ("kafka", "worker", "page"):
                shutil.rmtree(root / name, ignore_errors=True)
        with EmbeddedBroker(root / "kafka", settings.cache_dir) as broker:
            say(f"Kafka is ready at {broker.address}")
            ours = load_settings(broker=broker.address, data_dir=root / "worker")
            shown = None if once else _page_settings(ours, root, port)
            result = asyncio.run(_Demo(ours, events, root, shown).run(quiet=as_json))
    if as_json:
        sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    else:
        print_summary(Console(highlight=False), result)


def _page_settings(settings: Settings, root: Path, port: int | None) -> Settings:
    """The page is for this machine, and its database is the demo's own."""
    if port is None:
        port = PAGE_PORT if port_is_free(PAGE_PORT) else free_port()
    home = root / "page"
    home.mkdir(parents=True, exist_ok=True)
    return load_settings(
        broker=settings.broker,
        data_dir=home,
        history_url=f"sqlite:///{home.absolute() / 'history.db'}",
        serve_host="127.0.0.1",
        serve_port=port,
    )


class _Demo:
    """One run, on a broker that lives; with a page, it goes on until somebody stops it."""

    def __init__(self, settings: Settings, events: Path, root: Path, page: Settings | None) -> None:
        self._settings = settings
        self._events = events
        self._log = root / "worker.log"
        self._page = page
        self._control = Control(Pace(), sum(COUNTS.values()))
        self._stopped = asyncio.Event()
        self._events_in: dict[str, int] = {}
        self._started_ms = 0

    async def run(self, *, quiet: bool) -> dict[str, Any]:
        """Publish, process, watch; returns the summary."""
        once = self._page is None
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
            async with self._serving() as filling, self._publishing(paced=not once and fresh) as publishing:
                with self._worker() as worker:
                    await self._watch(observer, worker, [task for task in (publishing, filling) if task is not None], quiet=quiet)
        return summary(observer, self._events_in, self._started_ms)

    async def _publish(self, pace: Pace | None) -> None:
        allow = None if pace is None else pace.allow
        done = await publish(self._settings, [self._events], pace=allow, history=True, progress=self._control.progress)
        self._events_in = done.events

    @asynccontextmanager
    async def _publishing(self, *, paced: bool) -> AsyncIterator["asyncio.Task[None] | None"]:
        if not paced:
            yield None
            return
        task = asyncio.create_task(self._publish(self._control.pace), name=_PUBLISHING)
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

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator["asyncio.Task[None] | None"]:
        """The page, until somebody stops the demo; gives the task that fills its database."""
        if self._page is None:
            yield None
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopped.set)
        async with serving(self._page, KafkaTopics(self._page), mount=self._control.mount) as (address, filling):
            say(f"the page is at {address} (Ctrl-C ends the demo)")
            yield filling

    async def _watch(
        self, observer: Observer, worker: "subprocess.Popen[bytes]", tasks: list["asyncio.Task[None]"], *, quiet: bool
    ) -> None:
        """Follow the worker until all is done, or with a page until the demo is stopped."""
        console = Console()
        view = View(self._settings.broker, console)
        on_screen = console.is_terminal and self._page is not None and not quiet
        with Live(console=console, auto_refresh=False, transient=True, screen=False) if on_screen else _nothing() as live:
            asked = reported = moved = time.monotonic()
            last: tuple[int, int] = (-1, -1)
            while not self._stopped.is_set():
                await observer.poll()
                now = time.monotonic()
                if now - asked >= _LAG_EVERY_S:
                    asked = now
                    await observer.measure_lag()
                    if live is not None:
                        live.update(view.picture(observer), refresh=True)
                    elif now - reported >= _REPORT_EVERY_S and not self._control.is_done:
                        reported = now
                        applied, changes = max(0, observer.lag.applied), observer.changes.total()
                        say(f"  {applied:,} events applied, {changes:,} changes, lag {observer.lag.records:,}")
                if self._is_over(observer, tasks):
                    return
                progress = (observer.lag.applied, observer.changes.total())
                if progress != last or not observer.lag.records:  # a worker that has nothing to do does not stall
                    last, moved = progress, now
                self._must_live(worker, stalled=now - moved > _STALL_S)

    def _is_over(self, observer: Observer, tasks: list["asyncio.Task[None]"]) -> bool:
        """Whether nothing is left to do and nobody has a page to look at; a task that has failed fails the demo."""
        for task in [task for task in tasks if task.done()]:
            task.result()
            tasks.remove(task)
        is_published = not any(task.get_name() == _PUBLISHING for task in tasks)
        self._control.is_done = is_published and observer.finished()
        return self._control.is_done and self._page is None

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

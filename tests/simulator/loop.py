"""An event loop without time and without I/O, and processes that can be killed or frozen between any two of its steps.

Nothing sleeps: when no callback is ready, the clock jumps to the next timer. A callback belongs to the process in whose context
it was scheduled. A killed process is never stepped again, as after SIGKILL: no `finally` runs, no `except` sees it.
"""

import asyncio
import contextlib
import time
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any
from unittest.mock import patch


class Process:
    """What a crash ends, and SIGSTOP halts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.steps = 0
        self.crash_at: int | None = None
        self.on_crash: Callable[[], None] = lambda: None
        self.held: list[asyncio.Handle] = []


OWNER: ContextVar[Process | None] = ContextVar("OWNER", default=None)
WORLD = Context()  # what belongs to no process: the broker, and the plan of the run


class Deadlock(Exception):  # noqa: N818 - what it is
    """Nothing is ready, and no timer is set."""


class SimLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as tasks, futures, locks and timers need."""

    def __init__(self, epoch_s: float) -> None:
        """Prepare a loop.

        Args:
            epoch_s: what `time.time()` says when the loop begins.
        """
        self.epoch_s = epoch_s
        self.now = 0.0
        self.steps = 0
        self.errors: list[str] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = 0
        self._stopped = False
        self._closed = False
        self._tasks: list[tuple[asyncio.Task[Any], Any]] = []

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._stopped

    def is_closed(self) -> bool:
        return self._closed

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context if context is not None else copy_context())
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context if context is not None else copy_context())
        self._numbers += 1
        heappush(self._timers, (when, self._numbers, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append((task, coro))
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if "handle" in context:  # a callback has raised; errors of tasks are for whoever waits for them
            self.errors.append(f"{context['message']}: {context.get('exception')!r}")

    def begin(self, process: Process, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as the main task of a process."""
        context = Context()
        context.run(OWNER.set, process)
        self.create_task(work, name=process.name, context=context)

    def thaw(self, process: Process) -> None:
        """SIGCONT: everything that would have run meanwhile runs now."""
        process.frozen = False
        self._ready.extend(process.held)
        process.held.clear()

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Step until `stop`."""
        while not self._stopped:
            self._turn()

    def close(self) -> None:
        """Throw away what still waits, in silence; the loop must not be stepped any more."""
        self._closed = True
        while self._tasks:
            task, coro = self._tasks.pop()
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if not task.done():
                _unwind(coro)
        self._ready.clear()
        self._timers.clear()

    def _turn(self) -> None:
        timers, ready = self._timers, self._ready
        if not ready:
            if not timers:
                raise Deadlock
            self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            ready.append(heappop(timers)[2])
        handle = ready.popleft()
        if handle.cancelled():
            return
        owner: Process | None = handle._context.get(OWNER)  # type: ignore[attr-defined]
        if owner is not None:
            if owner.dead:
                return
            if owner.frozen:
                owner.held.append(handle)
                return
            owner.steps += 1
            if owner.steps == owner.crash_at:
                owner.on_crash()
                return
        self.steps += 1
        handle._run()

    @contextlib.contextmanager
    def running(self) -> Iterator["SimLoop"]:
        """Make this the running loop, and its clock the clock of the program."""
        with (
            patch.object(time, "time", lambda: self.epoch_s + self.now),
            patch.object(time, "monotonic", lambda: 1000.0 + self.now),
        ):
            before = events._get_running_loop()
            events._set_running_loop(self)
            try:
                yield self
            finally:
                self.close()
                events._set_running_loop(before)


class _Over(BaseException):
    """Unwinds what was still suspended when a run was over."""


def _unwind(coro: Coroutine[Any, Any, Any]) -> None:
    while True:
        try:
            coro.throw(_Over())
        except BaseException:  # noqa: BLE001 - whatever comes out, it has ended
            return

"""Processes that do one piece of work together, in step."""

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any, Final, TypeVar

from stream_app.errors import Failure, StreamAppError

T = TypeVar("T")
Tell = Callable[[str, float], None]
"""Is given what is being done, and how much of it is, from 0 to 1."""

_PHASES_MAX: Final = 16
_DIED: Final = "a replay process was killed; if that was for want of memory, give `replay` less with --memory"
_fork: Final = multiprocessing.get_context("fork")


class Team:
    """One of `count` processes: number `index`. All of them go through the same phases."""

    def __init__(self, count: int, tell: Tell | None = None) -> None:
        self.index = 0
        self.count = count
        self._tell = tell
        self._phase = -1
        self._name = ""
        self._whole = 1
        self._parent = os.getpid()
        self._taken: Any = _fork.Array("q", _PHASES_MAX)
        self._alarm: Any = _fork.RawValue("b", 0)
        self._done: Any = _fork.RawArray("q", count)
        self.pipes: list[Connection] = []

    def exchange(self, mine: T) -> list[T]:
        """What everybody hands in here, by index; waits for all.

        Raises:
            Failure: one of the others has died.
            Exception: what one of the others has raised.
        """
        if self.index:
            self.pipes[0].send((mine,))
            everything: list[T] = self.pipes[0].recv()
            return everything
        everyone = [mine, *(_receive(pipe) for pipe in self.pipes)]
        for pipe in self.pipes:
            pipe.send(everyone)
        return everyone

    def begin(self, name: str, whole: int) -> None:
        """A phase of `whole` steps begins, for everybody."""
        self._phase += 1
        self._name, self._whole = name, max(whole, 1)
        self._done[self.index] = 0
        self.advance(0)

    def advance(self, steps: int) -> None:
        """So many steps more are done."""
        self._done[self.index] += steps
        if self._tell is not None and not self.index:
            self._tell(self._name, min(1.0, sum(self._done) / self._whole))

    def alarm(self) -> None:
        """Let all others know, without waiting for them, that they need not go on with this phase."""
        self._alarm.value = 1

    @property
    def is_alarmed(self) -> bool:
        """Whether somebody has let us know."""
        return bool(self._alarm.value)

    def share(self, total: int) -> Iterator[int]:
        """Each of the numbers from 0 to `total` goes to whoever asks first; once in a phase."""
        while True:
            with self._taken.get_lock():
                number = self._taken[self._phase]
                self._taken[self._phase] = number + 1
            if number >= total:
                return
            if self.index and os.getppid() != self._parent:
                os._exit(1)  # nobody waits for it any more
            yield number


def together(count: int, work: Callable[[Team], T], tell: Tell | None = None) -> T:
    """Do `work` in `count` processes, this one included; returns what came of it here.

    Raises:
        Failure: one of the others has died.
        Exception: what `work` raises in any of them.
    """
    team = Team(count, tell)
    others: list[ForkProcess] = []
    try:
        for index in range(1, count):
            ours, theirs = multiprocessing.Pipe()
            team.pipes.append(ours)
            process = _fork.Process(target=_join, args=(team, index, theirs, work), daemon=True)
            process.start()
            theirs.close()
            others.append(process)
        done = work(team)
        team.exchange(None)
    finally:
        for process in others:
            process.kill()  # it is done, or nobody wants to know
            process.join()
        for pipe in team.pipes:
            pipe.close()
    return done


def _join(team: Team, index: int, pipe: Connection, work: Callable[[Team], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is interrupted too, and ends all others
    for ours in team.pipes:
        ours.close()  # so that the end of the first process is the end of its pipes
    team.index, team.pipes = index, [pipe]
    try:
        work(team)
        team.exchange(None)
    except EOFError:
        pass
    except BaseException as error:  # noqa: BLE001 - whatever it is, the first process says it
        pipe.send(_portable(error))
        pipe.poll(None)
    os._exit(0)  # tearing down millions of objects one by one serves nobody


def _portable(error: BaseException) -> BaseException:
    if isinstance(error, StreamAppError | OSError):
        return error
    place = traceback.extract_tb(error.__traceback__)[-1]
    return AssertionError(f"{type(error).__name__} at {place.name}:{place.lineno}: {error}")


def _receive(pipe: Connection) -> Any:
    try:
        received = pipe.recv()
    except (EOFError, ConnectionError, pickle.UnpicklingError):
        raise Failure(_DIED) from None
    if isinstance(received, BaseException):
        raise received
    return received[0]

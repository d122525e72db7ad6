"""The consumer group: who is a member, who is silent, and which partitions each is given."""

import asyncio
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Any

from tests.simulator.faults import Faults
from tests.simulator.loop import WORLD, SimLoop
from tests.simulator.worker import WorkerProcess


class Rebalance(Enum):
    """What a heartbeat is answered."""

    NONE = 0
    BEGUN = 1
    UNKNOWN = 2


class _Membership:
    def __init__(self, member_id: str, process: WorkerProcess, now: float) -> None:
        self.member_id = member_id
        self.process = process
        self.beat_at = now
        self.waits: asyncio.Future[Any] | None = None


class Group:
    """One eager group: everything is given back before anything is given out."""

    SESSION_S = 1.0
    REBALANCE_S = 4.0

    def __init__(self, loop: SimLoop, rng: Random, faults: Faults, partitions: int, trace: Callable[[str], None]) -> None:
        self._loop = loop
        self._rng = rng
        self._faults = faults
        self._partitions = partitions
        self._trace = trace
        self._members: dict[str, _Membership] = {}
        self._numbers = 0
        self._generation = 0
        self._is_rebalancing = False
        self._owned: dict[int, str] = {}
        self.cut: set[str] = set()  # whose heartbeats are lost

    def member_id(self, process: WorkerProcess) -> str:
        """The id that the client of a process believes in; none, once it has been told that it is unknown."""
        found = self._members.get(process.name)
        return found.member_id if found is not None and found.process is process else ""

    def beat(self, process: WorkerProcess) -> Rebalance:
        """A heartbeat."""
        if process.name in self.cut:
            return Rebalance.NONE
        member = self._members.get(process.name)
        if member is None or member.process is not process:
            return Rebalance.UNKNOWN
        return Rebalance.BEGUN if self._is_rebalancing else Rebalance.NONE

    def join(self, process: WorkerProcess) -> asyncio.Future[tuple[list[int], int]]:
        """Join, or join again; the future is what the process is given, and the generation."""
        member = self._members.get(process.name)
        if member is None or member.process is not process:
            self._numbers += 1
            member = self._members[process.name] = _Membership(f"{process.name}-{self._numbers}", process, self._loop.now)
        member.beat_at = self._loop.now
        member.waits = self._loop.create_future()
        self.rebalance()
        self._loop.call_later(0.01, self._complete, context=WORLD)
        return member.waits

    def leave(self, process: WorkerProcess) -> None:
        """Leave in good order."""
        if self.member_id(process):
            del self._members[process.name]
            self.rebalance()

    def rebalance(self) -> None:
        """Ask everybody to join again."""
        if not self._is_rebalancing:
            self._is_rebalancing = True
            self._loop.call_later(self.REBALANCE_S, self._expel, self._generation, context=WORLD)

    def watch(self) -> None:
        """Look for members that are silent, now and then until the end of the run."""
        for name, member in list(self._members.items()):
            if not (member.process.dead or member.process.frozen or name in self.cut):
                member.beat_at = self._loop.now  # the client beats in a thread of its own
            elif self._loop.now - member.beat_at > self.SESSION_S:
                self._remove(name)
        self._complete()
        self._loop.call_later(0.2, self.watch, context=WORLD)

    def _remove(self, name: str) -> None:
        self._trace(f"group: {name} is silent and loses its place")
        self._faults.count("silent member replaced")
        del self._members[name]
        self.rebalance()

    def _expel(self, generation: int) -> None:
        if self._is_rebalancing and self._generation == generation:
            for name in [name for name, member in self._members.items() if member.waits is None]:
                self._remove(name)
            self._complete()
            if self._is_rebalancing:
                self._loop.call_later(self.REBALANCE_S, self._expel, generation, context=WORLD)

    def _complete(self) -> None:
        """Give out the partitions once everybody has joined."""
        if not self._is_rebalancing or not self._members or any(member.waits is None for member in self._members.values()):
            return
        self._is_rebalancing = False
        self._generation += 1
        names = sorted(self._members)
        turn = self._rng.randrange(len(names))
        given: dict[str, list[int]] = {name: [] for name in names}
        for partition in range(self._partitions):
            name = names[(partition + turn) % len(names)]
            given[name].append(partition)
            if self._owned.get(partition, name) != name:
                self._faults.count("partition moved")
            self._owned[partition] = name
        self._trace(f"group: generation {self._generation} {given}")
        for name, member in self._members.items():
            waits, member.waits = member.waits, None
            member.beat_at = self._loop.now
            if waits is not None and not waits.done():
                waits.set_result((given[name], self._generation))

"""The broker: topics, the transaction coordinator with its epochs, and its deaths."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from aiokafka.errors import ConcurrentTransactions, ProducerFenced

from tests.simulator.faults import Faults
from tests.simulator.log import Log, Sent
from tests.simulator.loop import SimLoop
from tests.simulator.network import Network


class Attempt:
    """One try of a process to commit a unit of work."""

    def __init__(self, process: Any, partition: int) -> None:
        self.process = process
        self.partition = partition
        self.journal: list[Any] = []
        self.took_effect_at: float | None = None


class Transactional:
    """What the coordinator knows of one transactional id."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.epoch = -1
        self.state = "empty"
        self.logs: dict[Log, None] = {}
        self.commits = False
        self.is_answered = False
        self.attempt: Attempt | None = None
        self.serial = 0


class Broker(Network):
    """One cluster of one broker."""

    def __init__(self, loop: SimLoop, rng: Random, faults: Faults, trace: Callable[[str], None]) -> None:
        super().__init__(loop, rng, faults, trace)
        self.logs: dict[tuple[str, int], Log] = {}
        self.partitions: dict[str, int] = {}
        self.ids: dict[str, Transactional] = {}
        self.owners: dict[int, Any] = {}  # who has fenced the others of a partition last
        self.zombies: list[str] = []
        self._armed_s: float | None = None

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic."""
        self.partitions[topic] = partitions
        for number in range(partitions):
            self.logs[topic, number] = Log(topic, number)

    # -- its deaths

    def arm(self, down_s: float | None) -> None:
        """Be killed right after the next decision to commit, before its control records are written; None: not any more."""
        self._armed_s = down_s

    def restart(self, down_s: float, *, hang: bool) -> None:
        """The only broker is killed and comes back; with `hang`, ending transactions are declared ended without control records.

        Each of them without any: one with some of its control records is not told from outside (ARCHITECTURE.md, decision 23).
        """
        if not self.is_up:
            return
        self.is_up = False
        self.faults.count("broker killed")
        self.trace(f"broker: killed for {down_s:.2f} s")

        def up() -> None:
            self.trace("broker: back")
            for name, entry in self.ids.items():
                if hang and entry.state == "ending":
                    what = f"{'answered ' if entry.is_answered else ''}{'commit' if entry.commits else 'abort'}"
                    self.trace(f"broker: {name} hangs ({what})")
                    self.faults.count(f"hanging transaction: {what}")
                    entry.serial += 1
                    entry.state, entry.logs = "empty", {}
                elif entry.state == "ending":
                    self._end_later(entry)
            self.come_back()

        self.later(down_s, up)

    # -- the coordinator

    def init(self, name: str, owner: Any, partition: int) -> tuple[Transactional, int]:
        """InitProducerId: end what is open under this name, and fence who had it before."""
        entry = self.ids.get(name)
        if entry is None:
            entry = self.ids[name] = Transactional(1 + len(self.ids))
        if entry.state == "ongoing":
            entry.epoch += 1
            self._decide(entry, commit=False)
        if entry.state == "ending":
            raise ConcurrentTransactions
        entry.epoch += 1
        self.owners[partition] = owner
        return entry, entry.epoch

    def check(self, entry: Transactional, epoch: int) -> None:
        """Refuse a producer that has been replaced."""
        if entry.epoch != epoch:
            self.faults.count("fenced")
            raise ProducerFenced

    def join(self, entry: Transactional, epoch: int, log: Log | None, attempt: Attempt, timeout_s: float) -> None:
        """AddPartitionsToTxn (or AddOffsetsToTxn without a log)."""
        self.check(entry, epoch)
        if entry.state == "ending":
            raise ConcurrentTransactions
        if entry.state == "empty":
            entry.state, entry.attempt, entry.logs = "ongoing", attempt, {}
            entry.serial += 1
            self.later(timeout_s, self._expire, entry, entry.serial)
        if log is not None:
            entry.logs[log] = None

    def produce(self, entry: Transactional, epoch: int, log: Log, sent: Sequence[Sent], attempt: Attempt, timeout_s: float) -> int:
        """AddPartitionsToTxn and Produce."""
        self.join(entry, epoch, log, attempt, timeout_s)
        return log.append(sent, self.now_ms(), entry.number, attempt)

    def end(self, entry: Transactional, epoch: int, *, commit: bool) -> None:
        """EndTxn: the decision is written now, the control records follow."""
        self.check(entry, epoch)
        if entry.state == "ongoing":
            self._decide(entry, commit=commit)

    def _decide(self, entry: Transactional, *, commit: bool) -> None:
        entry.state, entry.commits, entry.is_answered = "ending", commit, False
        attempt = entry.attempt
        assert attempt is not None
        what = ", ".join(f"{log.topic}-{log.partition} to {log.end}" for log in entry.logs)
        self.trace(f"coordinator: {attempt.process.name} {'commits' if commit else 'aborts'} {what}")
        if commit:
            attempt.took_effect_at = self.loop.now
            successor = self.owners.get(attempt.partition)
            assert successor is not None
            if successor is not attempt.process:
                self.zombies.append(
                    f"{attempt.process.name} committed in partition {attempt.partition}, which {successor.name} had taken over"
                )
        if commit and self._armed_s is not None:
            down_s, self._armed_s = self._armed_s, None
            self.later(self.rng.uniform(0.0, 0.012), lambda: self.restart(down_s, hang=True))  # its answer takes as long
            self.later(0.013, self._write_markers, entry, entry.serial)
        else:
            self._end_later(entry)

    def _end_later(self, entry: Transactional) -> None:
        self.later(self.faults.marker_delay_s(), self._write_markers, entry, entry.serial)

    def _write_markers(self, entry: Transactional, serial: int) -> None:
        if not self.is_up or entry.serial != serial or entry.state != "ending":
            return
        for log in entry.logs:
            log.mark(entry.number, self.now_ms(), commit=entry.commits)
        entry.state, entry.logs = "empty", {}

    def _expire(self, entry: Transactional, serial: int) -> None:
        if entry.serial == serial and entry.state == "ongoing":
            if not self.is_up:
                self.waiting.append(lambda: self._expire(entry, serial))
                return
            self.faults.count("transaction timed out")
            self.trace("coordinator: a transaction timed out")
            entry.epoch += 1
            self._decide(entry, commit=False)

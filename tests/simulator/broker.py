"""The broker: topics, the transaction coordinator with its epochs, and a network that is slow, fails and comes back.

A request has an effect at one moment, and is answered later; an error may strike before the effect or after it. What is under
way when its sender dies takes effect all the same.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from aiokafka.errors import ConcurrentTransactions, KafkaError, NotEnoughReplicasError, ProducerFenced, RequestTimedOutError

from tests.simulator.faults import Faults
from tests.simulator.log import Log, Sent
from tests.simulator.loop import OWNER, WORLD, SimLoop


class Attempt:
    """One try of a process to commit a unit of work."""

    def __init__(self, process: Any, partition: int) -> None:
        self.process = process
        self.partition = partition
        self.journal: list[Any] = []
        self.took_effect_at: float | None = None


class Transactional:
    """What the coordinator knows of one transactional id."""

    def __init__(self, number: int, owner: Any) -> None:
        self.number = number
        self.epoch = -1
        self.state = "empty"
        self.logs: dict[Log, None] = {}
        self.owner = owner
        self.commits = False
        self.attempt: Attempt | None = None
        self.serial = 0


class Broker:
    """One cluster."""

    def __init__(self, loop: SimLoop, rng: Random, faults: Faults, trace: Callable[[str], None]) -> None:
        self.loop = loop
        self.rng = rng
        self.faults = faults
        self.trace = trace
        self.logs: dict[tuple[str, int], Log] = {}
        self.partitions: dict[str, int] = {}
        self.ids: dict[str, Transactional] = {}
        self.is_up = True
        self.owners: dict[int, Any] = {}  # who has fenced the others of a partition last
        self.zombies: list[str] = []
        self._waiting: list[Callable[[], None]] = []

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic."""
        self.partitions[topic] = partitions
        for number in range(partitions):
            self.logs[topic, number] = Log(topic, number)

    def now_ms(self) -> int:
        """The wall clock."""
        return int((self.loop.epoch_s + self.loop.now) * 1000)

    def later(self, delay_s: float, work: Callable[..., None], *args: Any) -> None:
        """Do something that no process can prevent."""
        self.loop.call_later(delay_s, work, *args, context=WORLD)

    # -- requests

    def ask(self, what: str, effect: Callable[[], Any], *, fallible: bool = True) -> asyncio.Future[Any]:
        """Send a request; the future is its answer."""
        answer = self.loop.create_future()
        owner = OWNER.get()
        kind = self.faults.strike(what) if fallible else "none"
        if kind != "none":
            self.trace(f"{owner.name if owner else '-'}: {what} meets {kind}")

        def answered(result: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        def arrive() -> None:
            if not self.is_up:
                self._waiting.append(arrive)
                return
            if kind == "before":
                self.later(self._latency(), answered, None, _error(self.rng))
                return
            try:
                result, error = effect(), None
            except ConcurrentTransactions:
                self.later(0.005, arrive)
                return
            except KafkaError as raised:
                result, error = None, raised
            if kind == "after" and error is None:
                error = _error(self.rng)
            self.later(self.faults.delay_s(what) if kind == "slow answer" else self._latency(), answered, result, error)

        self.later(self.faults.delay_s(what) if kind == "slow" else self._latency(), arrive)
        return answer

    def restart(self, down_s: float, *, hang: bool) -> None:
        """The only broker is killed and comes back; with `hang`, ending transactions are declared ended without control records."""
        self.is_up = False
        self.trace(f"broker: killed for {down_s:.2f} s")

        def up() -> None:
            self.is_up = True
            self.trace("broker: back")
            for name, entry in self.ids.items():
                if hang and entry.state == "ending":
                    self.trace(f"broker: {name} hangs ({'commit' if entry.commits else 'abort'})")
                    self.faults.count("hanging transaction")
                    entry.serial += 1
                    entry.state, entry.logs = "empty", {}
                elif entry.state == "ending":
                    self._end_later(entry)
            waiting, self._waiting = self._waiting, []
            for arrive in waiting:
                self.later(self._latency(), arrive)

        self.later(down_s, up)

    def _latency(self) -> float:
        return self.rng.uniform(0.0005, 0.008)

    # -- the coordinator

    def init(self, name: str, owner: Any, partition: int) -> tuple[Transactional, int]:
        """InitProducerId: end what is open under this name, and fence who had it before."""
        entry = self.ids.get(name)
        if entry is None:
            entry = self.ids[name] = Transactional(1 + len(self.ids), owner)
        if entry.state == "ongoing":
            entry.epoch += 1
            self._decide(entry, commit=False)
        if entry.state == "ending":
            raise ConcurrentTransactions
        entry.epoch += 1
        entry.owner = owner
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

    def produce(self, entry: Transactional, epoch: int, log: Log, sent: list[Sent], attempt: Attempt, timeout_s: float) -> int:
        """AddPartitionsToTxn and Produce."""
        self.join(entry, epoch, log, attempt, timeout_s)
        return log.append(sent, self.now_ms(), entry.number, attempt)

    def end(self, entry: Transactional, epoch: int, *, commit: bool) -> None:
        """EndTxn: the decision is written now, the control records follow."""
        self.check(entry, epoch)
        if entry.state == "ongoing":
            self._decide(entry, commit=commit)

    def _decide(self, entry: Transactional, *, commit: bool) -> None:
        entry.state, entry.commits = "ending", commit
        attempt = entry.attempt
        if attempt is not None:
            what = ", ".join(f"{log.topic}-{log.partition} to {log.end}" for log in entry.logs)
            self.trace(f"coordinator: {attempt.process.name} {'commits' if commit else 'aborts'} {what}")
        if commit and attempt is not None:
            attempt.took_effect_at = self.loop.now
            successor = self.owners.get(attempt.partition)
            assert successor is not None
            if successor is not attempt.process:
                self.zombies.append(
                    f"{attempt.process.name} committed in partition {attempt.partition}, which {successor.name} had taken over"
                )
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
                self._waiting.append(lambda: self._expire(entry, serial))
                return
            self.faults.count("transaction timed out")
            self.trace("coordinator: a transaction timed out")
            entry.epoch += 1
            self._decide(entry, commit=False)


def _error(rng: Random) -> Any:
    return RequestTimedOutError() if rng.random() < 0.5 else NotEnoughReplicasError()

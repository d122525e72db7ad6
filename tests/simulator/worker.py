"""A worker: processes that live one after another under one name, each with the real engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stream_app.engine.fold import Decoded, Processor, Record, Unit
from stream_app.engine.stores.store import Changes, Store
from stream_app.engine.stream import Engine
from stream_app.processor.policies import PolicyBook
from tests.simulator.broker import Attempt, Broker
from tests.simulator.disk import Disk
from tests.simulator.loop import Process

Step = tuple[Any, ...]


class WorkerProcess(Process):
    """One life of a worker, and what a crash in it would interrupt."""

    def __init__(self, name: str, broker: Broker, batch_records: int, read_records: int) -> None:
        super().__init__(name)
        self.broker = broker
        self.batch_records = batch_records
        self.read_records = read_records
        self.engine: Engine | None = None
        self.journals: dict[int, list[Step]] = {}
        self.attempts: dict[int, Attempt] = {}
        self.phases: dict[int, str] = {}
        self.is_leaving = False

    def begin(self, partition: int) -> Attempt:
        """A transaction begins; it holds what was folded since the last."""
        attempt = self.attempts[partition] = Attempt(self, partition)
        attempt.journal = list(self.journals.get(partition, ()))
        self.phases[partition] = "commit"
        return attempt

    def committed(self, partition: int) -> None:
        """The broker says committed."""
        self.journals[partition] = []
        self.phases[partition] = "store"

    def aborted(self, partition: int) -> None:
        """The broker says aborted; so does a takeover with what it finds hanging."""
        self.phases.pop(partition, None)

    def phase(self) -> str:
        """What a crash would interrupt now."""
        found = set(self.phases.values())
        for attempt in self.attempts.values():
            if attempt.took_effect_at is not None and self.phases.get(attempt.partition) == "commit":
                return "commit decided"
        for phase in ("store", "commit", "deadlines", "fold"):
            if phase in found:
                return phase
        return "idle" if self.engine is not None and self.engine.ready else "takeover"


class Recorder:
    """The processor of a partition, and a journal of what the engine asks of it."""

    def __init__(self, inner: Processor, partition: int, process: WorkerProcess, book: PolicyBook) -> None:
        self._inner = inner
        self._book = book
        self._known = 0
        self._partition = partition
        self._process = process
        self._journal = process.journals.setdefault(partition, [])
        self._journal.clear()
        self.decode: Callable[[Record, int], Decoded] = inner.decode

    def _note(self, step: Step) -> None:
        self._process.journals.setdefault(self._partition, []).append(step)

    def _note_policies(self) -> None:
        """Note how many policy versions there are, when it is news."""
        if self._known != self._book.revision():
            self._known = self._book.revision()
            self._note(("policies", self._known))

    def resume(self, memo: Mapping[str, Any]) -> None:
        self._inner.resume(memo)

    def memo(self) -> dict[str, Any]:
        return self._inner.memo()

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        self._process.phases[self._partition] = "fold"
        self._note_policies()
        self._note(("fold", tuple(batch)))
        yield from self._inner.fold(batch, unit)

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        self._note_policies()
        watched = _Watched(unit)
        fired = self._inner.fire(watched, bound_ms, wall_ms, limit)
        self._process.phases[self._partition] = "deadlines" if fired else "fold"
        self._note(("fire", bound_ms, wall_ms, limit, watched.told))
        return fired

    def sweep(self, unit: Unit, limit: int) -> int:
        self._note(("sweep", limit))
        return self._inner.sweep(unit, limit)

    def sweeping(self) -> int | None:
        return self._inner.sweeping()

    def finish(self, unit: Unit) -> None:
        self._inner.finish(unit)
        self._note(("finish",))
        self._process.phases.pop(self._partition, None)


class _Watched:
    """The unit that deadlines fire in, and all that it says of timers.

    How far a slice comes depends on stale timers, which a replay does not have; and a policy that comes late finds each customer where
    he stands. `told`: what was asked, of what, and the answer.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.told: list[tuple[str, tuple[Any, ...], Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    def due(self, *asked: Any) -> list[tuple[int, bytes]]:
        found = self._unit.due(*asked)
        self.told.append(("due", asked, list(found)))
        return found

    def next_due(self, *asked: Any) -> int | None:
        found = self._unit.next_due(*asked)
        self.told.append(("next_due", asked, found))
        return found

    def timelines(self) -> Sequence[str]:
        found = self._unit.timelines()
        self.told.append(("timelines", (), found))
        return found


class SimEngine(Engine):
    """The engine with the worker's simulated disk; everything else of it is the product's."""

    disk: Disk
    process: WorkerProcess

    def _store(self, partition: int) -> Store:
        store = self.disk.open(partition)
        apply, process = store.apply, self.process

        def applied(changes: Changes) -> None:
            apply(changes)
            process.phases.pop(partition, None)

        store.apply = applied  # type: ignore[method-assign]
        return store

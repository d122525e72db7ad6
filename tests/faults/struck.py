"""A worker process that is struck from within: at the n-th time that it reaches a stage it kills or stops itself.

`python -m tests.faults.struck product|toy`; the settings are the worker's, and besides:

`STREAM_APP_STRIKE=<kill|stop|term>:<stage>:<n>` sends SIGKILL, SIGSTOP or SIGTERM to the process itself, at a stage of `STAGES`.
The stages are reached at the interfaces of the engine (processor, unit, Kafka client, store); the product knows nothing of them.
`STREAM_APP_FILE_MIB_MAX=<n>` lets no file grow beyond n MiB.
`STREAM_APP_CLOCK=<seconds>[:<calls>]` shifts the wall clock; with `calls`, to and fro after so many looks at it.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import aiokafka

from stream_app.engine.fold import Decoded, Processor, Record
from stream_app.engine.stores.rocks import RocksStore
from stream_app.engine.stores.store import Changes, MemoryStore

STAGES = {
    "restoring": "a part of the changelog is in the store",
    "fetched": "records have arrived and are being decoded",
    "folding": "some customers of the unit are folded",
    "firing": "due timers are taken, their states not written",
    "offsets": "the transaction holds the group's offsets, and no record",
    "outputs": "one record batch of the unit is on the broker, others are not",
    "sent": "everything is sent, the transaction is open",
    "committed": "the broker has committed, the store knows nothing",
    "stored": "the store is written",
}
SWEEPING = "sweeping"
"""Besides the stages that every unit of work passes: some customers of the unit are under a new policy, their states not written."""

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


class Strike:
    """What is to happen when."""

    def __init__(self, wish: str) -> None:
        how, self.stage, number = wish.split(":") if wish else ("kill", "", "0")
        assert not wish or self.stage in {*STAGES, SWEEPING}, self.stage
        self.left = int(number)
        self.signal = SIGNALS[how]
        self.is_working = False

    def reach(self, stage: str) -> None:
        """The process is at `stage`."""
        if stage != self.stage:
            return
        self.left -= 1
        if self.left == 0:
            os.write(2, f"struck {stage}\n".encode())
            os.kill(os.getpid(), self.signal)


STRIKE = Strike(os.environ.get("STREAM_APP_STRIKE", ""))


class StruckUnit:
    """A unit of work, seen by the processor."""

    def __init__(self, unit: Any, stage: str) -> None:
        self._unit = unit
        self._stage = stage
        self.read, self.write, self.erase, self.count = unit.read, unit.write, unit.erase, unit.count
        self.next_due, self.timelines, self.partition = unit.next_due, unit.timelines, unit.partition
        self.states_after = unit.states_after

    def due(self, timeline: str, until_ms: int, limit: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = self._unit.due(timeline, until_ms, limit)
        if found:
            STRIKE.reach("firing")
        return found

    def emit(self, *content: Any, **more: Any) -> None:
        self._unit.emit(*content, **more)
        STRIKE.reach(self._stage)


class StruckProcessor:
    """A processor as the engine sees it."""

    def __init__(self, inner: Processor) -> None:
        self._inner = inner
        self.resume, self.memo, self.sweeping = inner.resume, inner.memo, inner.sweeping

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        STRIKE.is_working = True
        STRIKE.reach("fetched")
        return self._inner.decode(record, wall_ms)

    def fold(self, batch: Sequence[Decoded], unit: Any) -> Iterator[None]:
        return self._inner.fold(batch, StruckUnit(unit, "folding"))

    def fire(self, unit: Any, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        return self._inner.fire(StruckUnit(unit, ""), bound_ms, wall_ms, limit)

    def sweep(self, unit: Any, limit: int) -> int:
        return self._inner.sweep(StruckUnit(unit, SWEEPING), limit)

    def finish(self, unit: Any) -> None:
        self._inner.finish(unit)


class StruckClient(aiokafka.AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is untyped
    """The Kafka client under the transactional producer."""

    _first: Any = None

    async def send_offsets_to_transaction(self, offsets: Mapping[Any, Any], group_id: str) -> None:
        await super().send_offsets_to_transaction(offsets, group_id)
        STRIKE.reach("offsets")

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        if self._first is not None:
            await self._first
            STRIKE.reach("outputs")
        future = await super().send_batch(batch, topic, partition=partition)
        self._first = self._first or future
        return future

    async def commit_transaction(self) -> None:
        self._first = None
        STRIKE.reach("sent")
        await super().commit_transaction()
        STRIKE.reach("committed")


def struck_store(kind: type[Any]) -> type[Any]:
    """A kind of store that is struck after it has written."""

    class StruckStore(kind):  # type: ignore[misc]
        def apply(self, changes: Changes) -> None:
            super().apply(changes)
            if changes.offset is not None and (changes.states or STRIKE.is_working):
                STRIKE.reach("stored" if STRIKE.is_working else "restoring")

    return StruckStore


def shift_clock(wish: str) -> None:
    """Let `time.time` lie."""
    seconds, _, calls = wish.partition(":")
    truth, looks = time.time, 0

    def lie() -> float:
        nonlocal looks
        looks += 1
        return truth() + (float(seconds) if not calls or looks // int(calls) % 2 else 0.0)

    time.time = lie


def strike_into(kind: str) -> Callable[[], int]:
    """Put the wrappers between the engine's rooms; returns what runs the worker."""
    from stream_app.engine import stream
    from stream_app.engine.transactions import producer
    from stream_app.worker import app

    vars(producer)["AIOKafkaProducer"] = StruckClient
    vars(stream)["RocksStore"] = struck_store(RocksStore)
    vars(stream)["MemoryStore"] = struck_store(MemoryStore)
    if kind == "toy":
        from tests import toy_worker
        from tests.toy import ToyProcessor

        vars(toy_worker)["ToyProcessor"] = lambda *given: StruckProcessor(ToyProcessor(*given))
        return toy_worker.main
    from stream_app.__main__ import run
    from stream_app.processor.status import StatusProcessor

    vars(app)["StatusProcessor"] = lambda *given: StruckProcessor(StatusProcessor(*given))
    return lambda: run(["worker"])


def limit_files(mib: int) -> None:
    """Let a write beyond the limit fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (mib << 20, mib << 20))


if __name__ == "__main__":
    if os.environ.get("STREAM_APP_FILE_MIB_MAX"):
        limit_files(int(os.environ["STREAM_APP_FILE_MIB_MAX"]))
    if os.environ.get("STREAM_APP_CLOCK"):
        shift_clock(os.environ["STREAM_APP_CLOCK"])
    sys.exit(strike_into(sys.argv[1])())

"""Bugs, planted one at a time: the simulator must find each, and name the invariant that it breaks."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import patch

from stream_app.engine import stream, takeover
from stream_app.engine.partition import PartitionRuntime
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.stream import Engine
from stream_app.engine.takeover import Restore
from stream_app.engine.transactions.hanging import end_hanging
from stream_app.engine.transactions.producer import TransactionalProducer
from stream_app.engine.unit import UnitOfWork
from tests.simulator.broker import Broker
from tests.simulator.disk import SimStore
from tests.simulator.worker import Recorder

DAY_MS = 86_400_000
_commit = TransactionalProducer.commit


def store_before_the_transaction() -> Any:
    """The store has the states before the log has them; a crash between the two leaves it ahead."""
    commit = PartitionRuntime._commit

    async def bug(self: PartitionRuntime, unit: UnitOfWork) -> None:
        self.store.apply(unit.changes(None, None))
        await commit(self, unit)

    return patch.object(PartitionRuntime, "_commit", bug)


def marker_left_out() -> Any:
    """A unit's transaction does not say how far it has come."""

    async def bug(self: TransactionalProducer, offsets: Any, outputs: Any, changelog: Sequence[Any]) -> int:
        return await _commit(self, offsets, outputs, [one for one in changelog if one[0] != MARKER_KEY] or changelog)

    return patch.object(TransactionalProducer, "commit", bug)


def position_not_restored() -> Any:
    """A takeover begins at the start of the inputs."""
    return patch.object(takeover, "marker_of", lambda _: None)


def position_too_far() -> Any:
    """A takeover goes on one record too late."""
    positions = Restore._positions

    async def bug(self: Restore, *given: Any) -> dict[int, dict[str, int]]:
        found = await positions(self, *given)
        for at in found.values():
            for topic in at:
                at[topic] += at[topic] > 0
        return found

    return patch.object(Restore, "_positions", bug)


def output_left_out() -> Any:
    """A change is decided, and does not get into the transaction."""

    async def bug(self: TransactionalProducer, offsets: Any, outputs: Mapping[Any, Sequence[Any]], changelog: Any) -> int:
        cut = {
            target: records[1:] if target[0] == "p-status-changes" and len(records) > 2 else records for target, records in outputs.items()
        }
        return await _commit(self, offsets, cut, changelog)

    return patch.object(TransactionalProducer, "commit", bug)


def sweep_passes_over() -> Any:
    """A sweep does not look at the first customer of each slice."""
    states_after = MemoryStore.states_after
    return patch.object(MemoryStore, "states_after", lambda *where: states_after(*where)[1:])


def dead_letter_left_out() -> Any:
    """A rejected record is dropped in silence."""

    async def bug(self: TransactionalProducer, offsets: Any, outputs: Mapping[Any, Sequence[Any]], changelog: Any) -> int:
        return await _commit(self, offsets, {at: records for at, records in outputs.items() if at[0] != "p-dead-letters"}, changelog)

    return patch.object(TransactionalProducer, "commit", bug)


def timers_forgotten() -> Any:
    """A restore brings the states back, and not their deadlines."""
    return patch.object(takeover, "deadline_of", lambda _: 0)


def wall_clock_ahead() -> Any:
    """Deadlines fire by a clock that is a year fast."""
    fire = PartitionRuntime._fire
    return patch.object(PartitionRuntime, "_fire", lambda self, unit, wall_ms: fire(self, unit, wall_ms + 400 * DAY_MS))


def state_left_out() -> Any:
    """The changelog does not hold the states of a unit that publishes nothing."""

    async def bug(self: TransactionalProducer, offsets: Any, outputs: Any, changelog: Sequence[Any]) -> int:
        return await _commit(self, offsets, outputs, changelog if outputs else changelog[-1:])

    return patch.object(TransactionalProducer, "commit", bug)


def not_fenced() -> Any:
    """Every producer has a transactional id of its own, so that none fences another."""
    init, numbers = TransactionalProducer.__init__, iter(range(1 << 30))

    def bug(self: TransactionalProducer, brokers: Any, app_id: str, *given: Any, **options: Any) -> None:
        init(self, brokers, f"{app_id}-{next(numbers)}", *given, **options)

    return patch.object(TransactionalProducer, "__init__", bug)


def epochs_ignored() -> Any:
    """The broker lets a fenced producer go on."""
    return patch.object(Broker, "check", lambda *_: None)


def hanging_not_ended() -> Any:
    """A takeover does not look for what the broker has left open."""

    async def bug(*_: Any) -> None:
        """Nothing is ended."""

    return patch.object(stream, "end_hanging", bug)


def restored_without_a_place() -> Any:
    """A partition that is restored, and not yet resumed, does not know where it stands."""
    restore = Engine._restore

    async def bug(self: Engine, partitions: list[int]) -> dict[int, dict[str, int]]:
        found = await restore(self, partitions)
        for partition in partitions:
            self.runtimes[partition].seek(dict.fromkeys(found[partition], 0))
        return found

    return patch.object(Engine, "_restore", bug)


def spared_forgotten() -> Any:
    """A restart forgets to whom nothing is owed."""
    memo = Recorder.memo

    def bug(self: Recorder) -> dict[str, Any]:
        found = memo(self)
        return found | {"streams": {shop: times[:3] for shop, times in found["streams"].items()}}

    return patch.object(Recorder, "memo", bug)


def commit_believed() -> Any:
    """What the broker says is committed is believed without being seen."""

    async def bug(self: TransactionalProducer) -> None:
        self._unseen = None

    return patch.object(TransactionalProducer, "look", bug)


def store_believed() -> Any:
    """A store is taken for a part of the changelog, whoever has aborted its last unit of work since."""
    return patch.object(SimStore, "is_read", property(lambda _: True, lambda *_: None), create=True)


def outputs_left_hanging() -> Any:
    """A takeover ends what hangs where the changelog hangs, and does not look at the outputs."""

    async def bug(brokers: Any, changelog: str, outputs: Any, *given: Any) -> None:
        await end_hanging(brokers, changelog, (), *given)

    return patch.object(stream, "end_hanging", bug)


def takeover_without_end() -> Any:
    """A restore waits for something that never comes."""

    async def bug(*_: Any) -> None:
        await asyncio.Event().wait()

    return patch.object(Restore, "_restore", bug)


def failed_commit_forgiven() -> Any:
    """A unit whose commit failed counts as done."""

    async def bug(self: TransactionalProducer, offsets: Any, outputs: Any, changelog: Any) -> int | None:
        try:
            return await _commit(self, offsets, outputs, changelog)
        except Exception:  # noqa: BLE001 - the bug
            return None

    return patch.object(TransactionalProducer, "commit", bug)


BUGS = {
    "alive": (takeover_without_end,),
    "zombie": (not_fenced, epochs_ignored),
    "double": (
        restored_without_a_place,
        marker_left_out,
        position_not_restored,
        hanging_not_ended,
        failed_commit_forgiven,
        outputs_left_hanging,
    ),
    "sequence": (output_left_out, store_before_the_transaction, store_believed),
    "deadline": (timers_forgotten, wall_clock_ahead, spared_forgotten),
    "lost": (position_too_far, dead_letter_left_out, commit_believed, sweep_passes_over),
    "state": (state_left_out,),
}

FIRST_SEEDS = {"spared_forgotten": 440}
"""Where to begin to look for bugs that few runs show: from 0 on it would take 455 seeds to find them."""

"""The life of one owned partition: fold what has arrived, commit, write the store, observe; one unit of work after another."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import TopicPartition

from stream_app.engine.fold import Decoded, Processor
from stream_app.engine.inputs import Input, bound_of, take
from stream_app.engine.pace import Pace, Slices, SweepProgress, breathe
from stream_app.engine.stores.cache import StateCache, share_of
from stream_app.engine.stores.cleaning import Cleaner, timers_of
from stream_app.engine.stores.marker import MARKER_KEY, Marker, encode_marker
from stream_app.engine.stores.store import Store
from stream_app.engine.topology import Topology
from stream_app.engine.transactions.partitioner import forget_keys
from stream_app.engine.transactions.producer import UnitProducer
from stream_app.engine.unit import Output, TimerBounds, UnitOfWork
from stream_app.settings import Settings
from stream_app.telemetry.metrics import Metrics, UnitSeen

_FIRE_LIMIT = 100
_FIRES_MIN, _FIRES_MAX = 10, 50
_SWEEP_LIMIT = 25
_SWEEPS_MIN, _SWEEPS_MAX = 4, 100
_TAKE_SLICE = 500


class PartitionRuntime:
    """One partition number of all inputs, its processor, store and producer."""

    def __init__(
        self,
        partition: int,
        topology: Topology,
        settings: Settings,
        processor: Processor,
        store: Store,
        producer: UnitProducer,
        metrics: Metrics,
        on_fatal: Callable[[BaseException], None],
        turn: asyncio.Lock,
        pace: Pace,
        slices: Slices,
        topic_ids: dict[str, str],
    ) -> None:
        self.partition = partition
        self.inputs = [Input(wire) for wire in topology.input_wires]
        self.units = 0
        self.store = store
        self.producer = producer
        self.cache = StateCache(share_of(topology.partitions))
        self._by_topic = {entry.topic: entry for entry in self.inputs}
        self._topology = topology
        self._settings = settings
        self._processor = processor
        self._metrics = metrics
        self._on_fatal = on_fatal
        self._turn = turn
        self._pace = pace
        self._slices = slices
        self._sweep_progress = SweepProgress(partition, store, metrics)
        self._topic_ids = topic_ids
        self._bounds = TimerBounds(store.first_timers())
        self._cleaner = Cleaner(store)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._active = False
        self._more = False
        self._tick = False
        self._fire_owed = False
        self._blocked_since: float | None = None
        self._unit_began = 0.0
        self._committed: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._decode = processor.decode

    # -- what the consumer and the services say

    def start(self) -> None:
        """Begin to work on what is delivered."""
        self._active = True
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"partition-{self.partition}")
        self._cleaner.wake()
        self._wake.set()

    def seek(self, offsets: dict[str, int]) -> None:
        """Forget what was fetched and go on at `offsets`; only between `quiesce` and `start`."""
        assert not self._active, "a running partition is sent elsewhere"
        for entry in self.inputs:
            entry.seek(offsets[entry.topic])
        self._blocked_since = None

    def deliver(self, topic: str, records: Sequence[Any]) -> None:
        """A record batch has arrived."""
        entry = self._by_topic[topic]
        entry.under_way -= 1
        entry.put(records)
        self._wake.set()

    def input(self, topic: str) -> Input:
        """The input of a topic, by its name on the broker."""
        return self._by_topic[topic]

    def wants(self, entry: Input) -> bool:
        """Whether there is room for another record batch."""
        return self._active and not entry.under_way and len(entry) < self._settings.unit_records_max

    def tick(self, wall_ms: int) -> None:
        """Time has passed: when nothing is unread, deadlines may be due by the wall clock; and a sweep may go on."""
        earliest = self._bounds.earliest()
        is_due = earliest is not None and earliest <= wall_ms and not self.has_lag()
        if self._active and (is_due or self._processor.sweeping() is not None):
            self._tick = True
            self._wake.set()

    def has_lag(self) -> bool:
        """Whether any input has unread records, or does not know."""
        return any(entry.has_lag() for entry in self.inputs)

    def is_sweeping(self) -> bool:
        """Whether a sweep is under way that need not wait."""
        return self._processor.sweeping() is not None

    def positions(self) -> dict[str, int]:
        """The next offset to apply, by topic name on the broker."""
        return {entry.topic: entry.position for entry in self.inputs}

    async def quiesce(self) -> None:
        """Finish the running unit of work and begin no other."""
        self._active = False
        await self._idle.wait()

    async def stop(self) -> None:
        """Let go of everything; after `quiesce`."""
        if self._task is not None:
            self._task.cancel()
        self._cleaner.stop()
        self._slices.ask(self.partition, more=False)
        self.store.close()  # first, and without waiting: whoever owns the partition next may be this process
        await self.producer.stop()

    # -- the loop

    async def _run(self) -> None:
        try:
            while True:
                await self._rest()
                self._wake.clear()
                while self._active and await self._one_unit():
                    pass
        except Exception as error:  # noqa: BLE001 - whatever it is, going on could lose or double something
            self._on_fatal(error)

    async def _rest(self) -> None:
        """Wait for something to do; with nothing to do for a while, make sure that what was committed last is to be seen."""
        look_at = self.producer.look_at()
        if look_at is not None:
            try:
                async with asyncio.timeout(look_at - time.monotonic()):
                    await self._wake.wait()
            except TimeoutError:
                await self.producer.look()
        await self._wake.wait()

    async def _one_unit(self) -> bool:
        """Make and commit one unit of work; False when there is nothing to do."""
        await self._linger()
        try:
            # One partition folds while the others commit; folding all at once, they would then all wait for the broker at once.
            async with self._turn:
                if not self._active:
                    return False
                self._idle.clear()
                began = self._unit_began = time.monotonic()
                unit = await self._fold()
            if unit is None:
                return False
            await self._finish(unit, time.monotonic() - began)
            return True
        finally:
            self._idle.set()

    async def _linger(self) -> None:
        """At low load give records the time to gather; under load, or with deadlines left, go on at once."""
        queued = sum(map(len, self.inputs))
        if self._more or queued >= self._settings.unit_records_max:
            await asyncio.sleep(0)
            return
        rest = self._settings.batch_wait_ms / 1000 - (time.monotonic() - self._unit_began)
        await asyncio.sleep(max(0.0, rest) if queued else 0)

    async def _fold(self) -> UnitOfWork | None:
        wall_ms = int(time.time() * 1000)
        unit = UnitOfWork(self.partition, self.store, self.cache, self._bounds)
        fired = await self._fire(unit, wall_ms) if self._fire_owed else 0
        batch: list[Decoded] = []
        while slice_ := self._take(wall_ms, min(_TAKE_SLICE, self._settings.unit_records_max - len(batch))):
            batch += slice_
            unit.prefetch([decoded.key for decoded in slice_])
            await breathe()
        if batch:
            unit.records = len(batch)
            for _ in self._processor.fold(batch, unit):
                await breathe()
        if not (unit.records or fired or self._more or self._tick or unit.moves_timers()):
            return None
        self._tick = False
        await self._fire(unit, wall_ms)
        await self._sweep(unit)
        self._processor.finish(unit)
        return unit

    def _take(self, wall_ms: int, limit: int) -> list[Decoded]:
        now = time.monotonic()
        wait_s = self._settings.merge_wait_ms / 1000
        waited = self._blocked_since is not None and now - self._blocked_since >= wait_s
        taken = take(self.inputs, self._decode, wall_ms, limit, wait=not waited)
        if taken.batch or not taken.blocked:
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now
            asyncio.get_running_loop().call_later(wait_s, self._wake.set)
        return taken.batch

    async def _fire(self, unit: UnitOfWork, wall_ms: int) -> int:
        """Fire due deadlines as long as this unit's slice of time lasts; what is left is for the next unit. Returns how many were fired."""
        fired, until = 0, time.monotonic() + self._slices.seconds()
        for step in range(1, _FIRES_MAX + 1):
            bound_ms, known = bound_of(self.inputs, self._decode, wall_ms)
            self._fire_owed = not known
            unit.cut = False
            found = self._processor.fire(unit, bound_ms, wall_ms if bound_ms is None else None, _FIRE_LIMIT) if known else 0
            self._more = found >= _FIRE_LIMIT or unit.cut
            fired += found
            if not self._more or not self._active or (step >= _FIRES_MIN and time.monotonic() >= until):
                break
            await breathe()
        return fired

    async def _sweep(self, unit: UnitOfWork) -> None:
        """Sweep a slice, as the pace allows; what is due goes first, and so does finding out what is due."""
        looked = self._processor.sweeping()
        if looked is not None and not self._more and not self._fire_owed:
            until = time.monotonic() + self._slices.seconds()
            for step in range(1, _SWEEPS_MAX + 1):
                permits = self._pace.take(_SWEEP_LIMIT)
                if not permits:
                    break
                changed = self._processor.sweep(unit, permits)
                self._pace.give_back(permits - changed)
                if changed < _SWEEP_LIMIT or not self._active:
                    break
                if step >= _SWEEPS_MIN and time.monotonic() >= until:  # at this pace there is more to do at once
                    self._tick = True
                    self._wake.set()
                    break
                await breathe()
            looked = self._processor.sweeping()
        self._slices.ask(self.partition, more=self._more or looked is not None)
        self._sweep_progress.tell(looked)

    async def _finish(self, unit: UnitOfWork, fold_s: float) -> None:
        began = time.monotonic()
        if unit.erased:
            async for timer in timers_of(self.store, unit.erased):
                unit.disarm(timer)
        if unit.worth_committing():
            await self._commit(unit)
        elif unit.moves_timers():
            self.store.apply(unit.changes(None, None))
        unit.settle()
        if unit.erased:
            forget_keys()
            self._cleaner.wake()
        self.units += 1
        if unit.records or unit.states or unit.outputs:
            self._metrics.unit(UnitSeen(self.partition, unit.records, unit.counts, fold_s, time.monotonic() - began))
        pending = 0 if self._bounds.earliest() is None else self.store.timers
        self._metrics.timers(self.partition, pending, unit.overdue_ms / 1000)

    async def _commit(self, unit: UnitOfWork) -> None:
        positions = self.positions()
        marker = encode_marker(Marker(positions, self._processor.memo(), topic_ids=self._topic_ids))
        changelog: list[Output] = [(key, framed, ()) for key, framed in unit.states.items()]
        changelog.append((MARKER_KEY, marker, ()))
        wire = self._topology.wire
        outputs = {(wire(topic), partition): records for (topic, partition), records in unit.outputs.items()}
        # When none has moved, all are said again: the producer needs one (`UnitProducer.commit`).
        moved = {topic: offset for topic, offset in positions.items() if self._committed.get(topic) != offset} or positions
        offsets = {TopicPartition(topic, self.partition): offset for topic, offset in moved.items()}
        offset = await self.producer.commit(offsets, outputs, changelog)
        self.store.apply(unit.changes(offset, marker))
        self._committed = positions

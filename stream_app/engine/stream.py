"""The engine: a Faust app whose consumer delivers record batches to partition runtimes, and the runtimes' common life."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from stream_app.engine.connection import client_options
from stream_app.engine.fold import ProcessorFactory
from stream_app.engine.host.app import build_app
from stream_app.engine.host.transport import Arrived
from stream_app.engine.pace import Pace, Slices
from stream_app.engine.partition import PartitionRuntime
from stream_app.engine.stores.owner import Identity
from stream_app.engine.stores.rocks import RocksStore, SharedMemory
from stream_app.engine.stores.store import MemoryStore, Store
from stream_app.engine.takeover import Progress, Restore, marker_of
from stream_app.engine.topology import Topology
from stream_app.engine.transactions.hanging import end_hanging
from stream_app.engine.transactions.producer import TransactionalProducer
from stream_app.errors import BrokerUnavailableError, TopicError, UnitError
from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.telemetry.metrics import Metrics

_ROOM_WAIT_S = 0.02
_TICK_S = 0.05
_LAG_EVERY_TICKS = 20
_TOMBSTONES_KEPT_MS = 20 * 3_600_000  # Kafka's default is 24 hours
_log = get_logger(__name__)


class Engine:
    """Owns the runtimes of the partitions that the group has given to this process."""

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        factory: ProcessorFactory,
        metrics: Metrics,
        *,
        cluster_id: str,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        """Prepare the Faust app; nothing is connected yet.

        Args:
            settings: the settings of the process.
            topology: the topics.
            factory: makes the processor of a partition.
            metrics: where progress is shown.
            cluster_id: the cluster the stores belong to.
            on_fatal: told of the first error after which going on could lose or double something.
        """
        self.topology = topology
        self.runtimes: dict[int, PartitionRuntime] = {}
        self.inputs: frozenset[TP] = frozenset()
        self.epoch = self.assigned_epoch = 0
        self.ready = False
        self.beat = time.monotonic()
        self.moves = 0
        self.restoring: Progress | None = None
        self._settings = settings
        self._factory = factory
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._pace = Pace(settings.sweep_rate)
        self._slices = Slices()
        self._cluster_id = cluster_id
        self._on_fatal = on_fatal
        self._failed = False
        self._memory = SharedMemory()
        metrics.buffers(lambda: self._memory.held([runtime.cache for runtime in [*self.runtimes.values()]]))
        self._positions: dict[int, dict[str, int]] = {}
        self._placed_epoch = -1
        self._topic_ids: dict[str, str] = {}
        self.app = build_app(self, settings)

    # -- what the consumer asks and tells

    async def wanted(self) -> frozenset[TP]:
        """The input partitions that have room for a record batch; waits a moment when there are none."""
        wanted = self._with_room()
        if not wanted:
            await asyncio.sleep(_ROOM_WAIT_S / 4)
            wanted = self._with_room()
        return wanted

    def observe(self, arrived: Arrived) -> None:
        """Take note of how far the client is, and of the batches that are on their way to the runtimes."""
        for tp, state in arrived.states.items():
            runtime = self.runtimes.get(tp.partition)
            if runtime is not None:
                runtime.input(tp.topic).observe(*state)
        for tp in arrived.batches:
            self.runtimes[tp.partition].input(tp.topic).under_way += 1

    def deliver(self, message: Any) -> None:
        """Hand a record batch to its partition; batches from before the last seek are dropped."""
        records, epoch = message.value
        if epoch == self.epoch:
            self.runtimes[message.partition].deliver(message.topic, records)

    def places(self) -> tuple[dict[TP, int], frozenset[TP]]:
        """Where every input goes on, and the changelog partitions that the client must not fetch."""
        positions = {TP(topic, partition): offset for partition, at in self._positions.items() for topic, offset in at.items()}
        return positions, frozenset(TP(self.topology.changelog, partition) for partition in self._positions)

    def is_placed(self) -> bool:
        """Whether the places are those of the newest assignment, and nothing has been asked back since."""
        return self._placed_epoch == self.assigned_epoch == self.epoch

    def resume(self) -> None:
        """Begin to work at the places given."""
        for partition, runtime in self.runtimes.items():
            runtime.seek(self._positions[partition])
            runtime.start()
        self.ready = True
        _log.info("ready", partitions=sorted(self.runtimes))

    async def quiesce(self, limit_s: float) -> bool:
        """Let running units of work end and begin no other; False when time was up."""
        self.ready = False
        self.epoch += 1
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.gather(*(runtime.quiesce() for runtime in self.runtimes.values()))
        except TimeoutError:
            return False
        return True

    async def take_over(self, assignment: Iterable[TP]) -> None:
        """Own exactly the partitions of `assignment`: let go of lost ones, restore new ones, keep the others."""
        epoch = self.assigned_epoch  # a rebalance may pass by meanwhile: what is found then is of an assignment that is over
        partitions = _co_partitioned(assignment, self.topology)
        for lost in sorted(set(self.runtimes) - partitions):
            await self.runtimes.pop(lost).stop()
            self._metrics.forget(lost)
        new = sorted(partitions - set(self.runtimes))
        positions = {partition: runtime.positions() for partition, runtime in self.runtimes.items()}
        if new:
            positions |= await self._restore(new)
        self._positions, self._placed_epoch = positions, epoch
        self.inputs = frozenset(TP(wire, partition) for partition in partitions for wire in self.topology.input_wires)

    # -- what the worker asks

    def fail(self, error: BaseException) -> None:
        """Stop the process before anything is lost or doubled; the first error counts."""
        if not self._failed:
            self._failed = True
            self._on_fatal(error)

    def moved(self, progress: Progress) -> None:
        """A restore has progressed."""
        self.restoring = progress
        self.moves += 1

    def waits_for(self) -> str | None:
        """Why partitions are not processed yet, None when they are; safe to call from another thread."""
        if self.ready:
            return None
        return str(self.restoring or "taking partitions over")

    def standing(self) -> dict[str, int]:
        """What has something to do, by name, with a number that changes when it moves; safe to call from another thread."""
        if not self.ready:
            return {"taking partitions over": self.moves + self.epoch}
        return {f"partition {number}": runtime.units for number, runtime in tuple(self.runtimes.items()) if runtime.has_lag()}

    def silent_s(self, now: float) -> float:
        """For how long, at `now` (monotonic), the broker has not answered a fetch for an input that is read."""
        if not self.ready:
            return 0.0
        answers = [entry.answered_at for runtime in tuple(self.runtimes.values()) for entry in runtime.inputs if runtime.wants(entry)]
        known = [answered for answered in answers if answered is not None]
        return max(0.0, now - min(known)) if known else 0.0

    def alive(self, limit_s: float) -> bool:
        """Whether the event loop has run within the last `limit_s` seconds."""
        return time.monotonic() - self.beat < limit_s

    async def tick(self, metrics: Metrics) -> None:
        """Run for ever: let wall clock deadlines fire, show the lag, and prove that the loop is alive."""
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_S)
            self.beat = time.monotonic()
            wall_ms = int(time.time() * 1000)
            ticks += 1
            for runtime in self.runtimes.values():
                runtime.tick(wall_ms)
                if ticks % _LAG_EVERY_TICKS == 0:
                    metrics.ready(self.ready)
                    for entry in runtime.inputs:
                        metrics.lag(self.topology.name(entry.topic), runtime.partition, entry.lag())

    async def start(self) -> None:
        """Join the group.

        Raises:
            BrokerUnavailableError: the broker has gone away since the preflight.
        """
        try:
            await self.app.start()
        except KafkaError as error:
            raise BrokerUnavailableError(f"no Kafka broker answers at {self._settings.broker}: start it and the worker again") from error

    async def crashed(self) -> None:
        """Wait until Faust gives up, which it does in silence.

        Raises:
            UnitError: it has; the text says why.
        """
        await self.app._crashed.wait()  # noqa: SLF001 - mode has no public way to wait for it
        reason = self.app.crash_reason
        raise UnitError(f"the consumer has stopped ({type(reason).__name__}); start the worker again")

    async def close(self) -> None:
        """Finish running units, let go of every partition, and stop the client; what is still open is whole or not at all."""
        await self.quiesce(self._settings.transaction_timeout_ms / 1000)
        await asyncio.gather(*(runtime.stop() for runtime in self.runtimes.values()))
        self.runtimes.clear()
        await self.app.stop()

    # -- within

    def _with_room(self) -> frozenset[TP]:
        return frozenset(
            TP(entry.topic, partition) for partition, runtime in self.runtimes.items() for entry in runtime.inputs if runtime.wants(entry)
        )

    async def _restore(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        settings, topology = self._settings, self.topology
        client = client_options(settings)
        stores: dict[int, Store] = {}
        producers: dict[int, TransactionalProducer] = {}
        try:
            for partition in partitions:
                stores[partition] = self._store(partition)
                producers[partition] = TransactionalProducer(
                    client, settings.id, partition, topology.changelog, transaction_timeout_ms=settings.transaction_timeout_ms
                )
            await asyncio.gather(*(producer.start() for producer in producers.values()))
            self._topic_ids = await producers[partitions[0]].ids_of(topology.input_wires)
            outputs = await producers[partitions[0]].partitions_of(map(topology.wire, topology.outputs))
            abort = {partition: producer.abort for partition, producer in producers.items()}
            await end_hanging(client, topology.changelog, outputs, abort, settings.stall_timeout_s)
            restore = Restore(
                client,
                topology,
                self._metrics,
                stall_timeout_s=settings.stall_timeout_s,
                age_max_ms=_TOMBSTONES_KEPT_MS,
                progress=self.moved,
            )
            positions = await restore.run(stores, self._topic_ids)
            self.restoring = None
        except BaseException:
            for store in stores.values():
                store.close()
            await asyncio.gather(*(producer.stop() for producer in producers.values()), return_exceptions=True)
            raise
        for partition in partitions:
            runtime = self.runtimes[partition] = self._runtime(partition, stores[partition], producers[partition])
            runtime.seek(positions[partition])  # at once: a rebalance that begins before `resume` asks it where it stands
        return positions

    def _store(self, partition: int) -> Store:
        settings = self._settings
        if settings.store == "memory":
            return MemoryStore()
        identity = Identity(self.topology.changelog, self._cluster_id, partition, self.topology.partitions)
        return RocksStore(settings.data_dir / "store" / str(partition), identity, self._memory)

    def _runtime(self, partition: int, store: Store, producer: TransactionalProducer) -> PartitionRuntime:
        processor = self._factory(partition, self.topology.partitions)
        marker = marker_of(store)
        processor.resume({} if marker is None else marker.memo)
        shared = self._metrics, self.fail, self._turn, self._pace, self._slices, self._topic_ids
        return PartitionRuntime(partition, self.topology, self._settings, processor, store, producer, *shared)


def _co_partitioned(assignment: Iterable[TP], topology: Topology) -> set[int]:
    """The partition numbers of an assignment, which must be the same for every input and the changelog."""
    by_topic: dict[str, set[int]] = {wire: set() for wire in (*topology.input_wires, topology.changelog)}
    for tp in assignment:
        by_topic.setdefault(tp.topic, set()).add(tp.partition)
    partitions = by_topic[topology.changelog]
    for topic, numbers in by_topic.items():
        if numbers != partitions:
            raise TopicError(f"topic {topic} and {topology.changelog} are not owned together: give them the same number of partitions")
    return set(partitions)

"""What stands in for Faust around the engine: the fetch loop and the recovery, with the product's own consumer code in them.

`SimConsumer` is the product's `Consumer` with nothing of Faust below it; `SimRecovery` likewise. Only the client thread, which
talks to aiokafka, is simulated.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from stream_app.engine.host.table import Recovery
from stream_app.engine.host.transport import Consumer, ConsumerThread
from stream_app.errors import StreamAppError
from tests.simulator.clients import SimClient
from tests.simulator.group import Group, Rebalance
from tests.simulator.worker import SimEngine, WorkerProcess

_BEAT_S = 0.3


class SimThread(ConsumerThread):
    """The product's client thread, on a simulated client; it is called over a hop, as a thread is."""

    def __init__(self, process: WorkerProcess, group: Group) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self._rng = process.broker.rng
        self._group = group
        self._client = SimClient(process)

    def member_id(self) -> str:
        return self._group.member_id(self._process)

    def _ensure_consumer(self) -> Any:
        return self._client

    async def call_thread(self, fun: Any, *args: Any, **_: Any) -> Any:
        await self._hop()
        result = await fun(*args)
        if args and not args[0]:
            await asyncio.sleep(0.05)  # nothing was wanted: it need not be asked again and again
        await self._hop()
        return result

    async def _hop(self) -> None:
        await asyncio.sleep(self._rng.choice((0.0, 0.0, 0.001, self._process.broker.faults.hop_s())))


class Below(driver.Consumer):
    """What the product's consumer stands on, without Faust."""

    def __init__(self, engine: SimEngine, thread: SimThread) -> None:
        self.app: Any = SimpleNamespace(
            engine=engine,
            consumer=self,
            consumer_generation_id=-1,
            conf=SimpleNamespace(broker_rebalance_timeout=Group.REBALANCE_S, consumer_group_instance_id=engine.process.name),
        )
        self._thread = thread
        self._read_offset = {}
        self.flow_active = False
        self.can_resume_flow = asyncio.Event()
        self.suspend_flow = asyncio.Event()
        self.assigned: set[TP] = set()
        thread.consumer = self

    @property
    def should_stop(self) -> bool:
        return False

    async def wait(self, coro: Any) -> None:  # type: ignore[override]
        await coro

    def assignment(self) -> set[TP]:
        return self.assigned

    def _is_changelog_tp(self, tp: TP) -> bool:
        return bool(tp.topic == self.app.engine.topology.changelog)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.assigned = set()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.assigned = assigned


class SimConsumer(Consumer, Below):
    """The product's consumer: `getmany`, `perform_seek`, `on_partitions_revoked` and `on_partitions_assigned` are its own."""


class SimRecovery(Recovery):
    """The product's recovery task."""

    def __init__(self, consumer: SimConsumer) -> None:
        self.app = consumer.app
        self._signal_recovery_start = asyncio.Event()
        self._stopped = asyncio.Event()  # type: ignore[assignment]
        self._generation_id = -1

    @property
    def should_stop(self) -> bool:
        return False

    async def wait_for_stopped(self, *coros: Any, timeout: Any = None) -> bool:
        await coros[0]
        return False

    def _set_recovery_started(self) -> None:
        """Nothing to note."""

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        consumer: Any = self.app.consumer
        if consumer.app.consumer_generation_id == generation_id:
            await consumer.perform_seek()
            consumer.resume_flow()

    async def run(self) -> None:
        await Recovery._restart_recovery.fun(self)


class Member:
    """A worker process in the group."""

    def __init__(self, engine: SimEngine, group: Group) -> None:
        self._engine = engine
        self._group = group
        self._process = engine.process
        self._thread = SimThread(engine.process, group)
        self._consumer = SimConsumer(engine, self._thread)
        self._recovery = SimRecovery(self._consumer)

    async def run(self) -> None:
        """Take part until the process is told to leave."""
        tasks = [asyncio.ensure_future(self._guard(part)) for part in (self._fetch, self._recovery.run)]
        await self._belong()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guard(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - an error in any of the parts ends the process, as Faust's crash does
            self._engine.fail(error)

    async def _fetch(self) -> None:
        while True:
            async for _, message in self._consumer.getmany(1.0):
                await asyncio.sleep(self._process.broker.rng.choice((0, 0, 0.002, 0.02)))
                self._engine.deliver(message)

    async def _belong(self) -> None:
        """Beat, give away and take over, as the group says."""
        try:
            await self._join()
            while not self._process.is_leaving:
                await asyncio.sleep(_BEAT_S)
                if self._group.beat(self._process) is not Rebalance.NONE:
                    await self._consumer.on_partitions_revoked(set(self._consumer.assigned))
                    await self._join()
            await self._engine.close()
            self._group.leave(self._process)
        except StreamAppError as error:
            self._engine.fail(error)

    async def _join(self) -> None:
        assigned, generation = await self._group.join(self._process)
        topology = self._engine.topology
        tps = {TP(topic, partition) for partition in assigned for topic in (*topology.input_wires, topology.changelog)}
        self._consumer.app.consumer_generation_id = generation  # first, as Faust's rebalance listener does
        await self._consumer.on_partitions_assigned(tps, generation)
        self._recovery._generation_id = generation
        self._recovery.signal_recovery_start.set()

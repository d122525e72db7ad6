"""Everything in one run: broker, group, disks, the workers and their supervisor, and when it is over."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from random import Random

from stream_app.domain.policy import Policy
from stream_app.engine.fold import Processor
from stream_app.engine.topology import Topology
from stream_app.engine.watchdog import Watchdog
from stream_app.errors import PositionError, StreamAppError
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from stream_app.processor.status import StatusProcessor
from stream_app.settings import Settings, load_settings
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.app import OUTPUTS
from tests.simulator.broker import Broker
from tests.simulator.disk import Disk
from tests.simulator.faults import Faults
from tests.simulator.group import Group
from tests.simulator.history import INPUTS, Published, Story, story
from tests.simulator.loop import SimLoop
from tests.simulator.member import Member
from tests.simulator.replay import epoch_s
from tests.simulator.worker import Recorder, SimEngine, WorkerProcess

PREFIX = "p-"
REKEYED = PREFIX + INPUTS[2]
ID = "sim"
_LIMIT_S = 400.0
_QUIET_S = 4.0
_TRACED = 80
_ALL_DUE = 1_000_000
_metrics = Metrics()


@lru_cache
def _settings() -> Settings:
    return load_settings(
        id=ID,
        data_dir=Path("/nonexistent"),
        store="memory",
        topic_prefix=PREFIX,
        transaction_timeout_ms=3_000,
        session_timeout_ms=1_000,
        stall_timeout_s=30,
        merge_wait_ms=120_000,
    )


class World:
    """Everything in one run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = rng = Random(f"{seed} world")
        self.faults = Faults(Random(f"{seed} faults"))
        self.partitions = rng.choice((1, 2, 2, 3))
        self.story: Story = story(Random(f"{seed} story"), self.partitions, self.faults)
        self.grace_ms = rng.choice((0, 200))
        self.loop = SimLoop(epoch_s(self.story, rng, self.grace_ms))  # type: ignore[abstract]
        self.trace: list[str] = []
        self.bugs: list[str] = []
        self.broker = Broker(self.loop, Random(f"{seed} broker"), self.faults, self.note)
        self.group = Group(self.loop, Random(f"{seed} group"), self.faults, self.partitions, self.note)
        self.settings = _settings().model_copy(
            update={"unit_records_max": rng.choice((1, 4, 20, 4000)), "batch_wait_ms": rng.choice((0, 20)), "grace_ms": self.grace_ms}
        )
        self.fire_limit = rng.choice((1, 3, 500))
        self.sweep_limit = Random(f"{seed} sweep").choice((1, 2, 100))
        if self.story.weighs():
            # Cut-offs reach whoever has gone on at his own clock, and how many fire in a slice depends on timers that come early.
            self.fire_limit, self.sweep_limit = _ALL_DUE, 100
        self.slice_steps = Random(f"{seed} steps").choice((1, 2, 5))
        self.topology = Topology(app_id=ID, table="status", inputs=INPUTS, outputs=OUTPUTS, prefix=PREFIX, partitions=self.partitions)
        self.policies: list[tuple[int, Policy]] = [(0, self.story.policy)]  # since when, and what; as the topic has them
        self.book = PolicyBook()
        self.publish_policy(0, self.story.policy)
        self.disks: dict[str, Disk] = {}
        self.processes: dict[str, WorkerProcess] = {}
        self.crashes_left = rng.choice((0, 1, 2, 4, 8))
        self.ended_at_s = 0.0
        for topic in self.topology.input_wires:
            self.broker.create(topic, self.partitions)
        self.broker.create(self.topology.changelog, self.partitions)
        for name in OUTPUTS:
            if name != INPUTS[2]:
                self.broker.create(PREFIX + name, 1 if name == "dead-letters" else self.partitions)

    def note(self, what: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.loop.now:9.4f} {what}")

    # -- workers

    def start_worker(self, name: str) -> None:
        """The supervisor starts a worker."""
        rng = self.rng
        process = WorkerProcess(name, self.broker, rng.choice((1, 2, 1000)), rng.choice((1, 5, 1000)))
        if self.crashes_left and not self.faults.is_over and rng.random() < 0.7:
            process.crash_at = rng.choice((rng.randint(1, 150), rng.randint(1, 1500)))
        process.on_crash = lambda: self.crash(process)
        self.processes[name] = process
        self.disks.setdefault(name, Disk(Random(f"{self.seed} disk {name}"), self.faults))
        self.note(f"{name}: starts")
        self.loop.begin(process, self._live(process))

    async def _live(self, process: WorkerProcess) -> None:
        metrics = _metrics

        def factory(partition: int, partitions: int) -> Processor:
            inner = StatusProcessor(self.book, partition, partitions, self.grace_ms, REKEYED)
            return Recorder(inner, partition, process, self.book)

        def end(error: BaseException) -> None:
            self.end(process, error)

        engine = SimEngine(self.settings, self.topology, factory, metrics, cluster_id=ID, on_fatal=end)
        engine.disk, engine.process, process.engine = self.disks[process.name], process, engine
        watchdog = Watchdog(engine, stall_timeout_s=self.settings.stall_timeout_s, on_stalled=end)
        tasks = [asyncio.ensure_future(work) for work in (engine.tick(metrics), self._watch(watchdog, end))]
        try:
            await Member(engine, self.group).run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must tell
            end(error)
        for task in tasks:
            task.cancel()
        if not process.dead:
            process.dead = True
            self.note(f"{process.name}: has left")

    async def _watch(self, watchdog: Watchdog, end: Callable[[BaseException], None]) -> None:
        while True:
            await asyncio.sleep(1.0)
            error = watchdog.check(1000.0 + self.loop.now)
            if error is not None:
                end(error)

    def end(self, process: WorkerProcess, error: BaseException) -> None:
        """The process ends itself, as `end_process` does."""
        if process.dead:
            return
        self.note(f"{process.name}: {type(error).__name__} {error}")
        self.faults.count(f"ended by {type(error).__name__}")
        if not isinstance(error, StreamAppError) or isinstance(error, PositionError):
            self.bugs.append(f"{process.name}: {error!r}")
        self._bury(process)

    def crash(self, process: WorkerProcess) -> None:
        """SIGKILL."""
        self.crashes_left -= 1
        self.faults.count(f"crash: {process.phase()}")
        self.note(f"{process.name}: killed at step {process.steps} ({process.phase()})")
        self._bury(process)

    def _bury(self, process: WorkerProcess) -> None:
        process.dead = True
        self.group.cut.discard(process.name)
        self.broker.later(self.rng.choice((0.05, 0.5, 2.5)), self.start_worker, process.name)

    # -- the run

    def publish_policy(self, from_ms: int, policy: Policy) -> None:
        """A policy is published, and every worker has read it."""
        before = self.book.revision()
        self.book.add(policy.shop or DEFAULT_KEY, from_ms, policy)
        if self.book.revision() > max(before, 1):
            self.policies.append((from_ms, policy))
            self.faults.count("policy changed")

    def publish(self, record: Published) -> None:
        log = self.broker.logs[PREFIX + record.topic, record.partition]
        sent = (record.key, record.value, ())
        if record.is_aborted:
            log.append([sent], record.timestamp, producer=-1)
            decide = 0.0 if self.story.is_backlog else self.rng.uniform(0.0, 1.0)
            self.broker.later(decide, lambda: log.mark(-1, record.timestamp, commit=False))
        else:
            log.append([sent], record.timestamp)

    def look_for_end(self, since_s: float = 0.0, seen: str = "") -> None:
        now = self.loop.now
        if now > _LIMIT_S:
            self.bugs.append("nothing comes to rest any more")
            self.loop.stop()
            return
        state = f"{[(tp, log.end, log.stable()) for tp, log in self.broker.logs.items()]}"
        if state != seen or not self.faults.is_over or not all(self._is_idle(process) for process in self.processes.values()):
            since_s = now
        if now - since_s >= _QUIET_S:
            self.loop.stop()
            return
        self.broker.later(0.5, self.look_for_end, since_s, state)

    def _is_idle(self, process: WorkerProcess) -> bool:
        if process.dead:
            return process.is_leaving
        engine = process.engine
        return (
            not process.frozen
            and engine is not None
            and engine.ready
            and not any(
                runtime.has_lag() or runtime.is_sweeping() or runtime.producer.look_at() is not None for runtime in engine.runtimes.values()
            )
        )

    def digest(self) -> str:
        """The trace, and all that was ever written to the logs, in a few characters."""
        found = blake2b("\n".join(self.trace).encode(), digest_size=8)
        for log in self.broker.logs.values():
            for entry in log.history:
                found.update(repr((entry.key, entry.value, entry.headers, entry.timestamp, entry.is_visible)).encode())
        return found.hexdigest()

    def tail(self) -> str:
        """The last of the trace."""
        return "\n".join(self.trace[-_TRACED:])

"""Faust's consumer, made to hand over one message a fetched record batch and to leave positions to the engine.

Stock Faust makes one message a record, reads uncommitted records, keeps a table of acknowledged offsets that loses data with
batches, sleeps a second when every partition is buffered, and seeks to the group's offsets; all of that is replaced here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import aiokafka
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream_app.engine.fetched import fetched
from stream_app.engine.host.client import PacedConsumer
from stream_app.errors import PositionError, UnitError

if TYPE_CHECKING:
    from stream_app.engine.host.app import FaustApp
    from stream_app.engine.stream import Engine

_FETCH_WAIT_S = 0.02
_FETCH_MAX_WAIT_MS = 50
_FETCH_BYTES = 1 << 20
_RETRY_BACKOFF_MS = 50
_FOR_EVER_MS = 86_400_000


class InputState(NamedTuple):
    """What the client knows of an input at the moment of a fetch."""

    fetched: int
    end: int | None
    answered_ms: int | None


class Arrived(NamedTuple):
    """The record batches of one fetch, and the state of every input just after they were taken."""

    batches: Mapping[TP, list[Any]]
    states: Mapping[TP, InputState]


class Batch(NamedTuple):
    """The value of a Faust message: one record batch, and the epoch of the seek it was fetched after."""

    records: list[Any]
    epoch: int


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs the aiokafka client in its own thread, so that folding never delays a heartbeat."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = asyncio.Lock()  # Faust's thread runs two calls at a time: a fetch and a seek must not cross

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002 - the stock signature
        app = cast("FaustApp", self.app)
        conf = app.conf
        self._assignor = self.app.assignor
        return PacedConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position outside the log is refused, never moved in silence
            isolation_level="read_committed",
            check_crcs=True,
            max_poll_records=None,
            max_poll_interval_ms=_FOR_EVER_MS,  # the watchdog sees more than this would
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_MAX_WAIT_MS,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            **app.client,
        )

    async def arrive(self, wanted: frozenset[TP], inputs: frozenset[TP], epoch: int) -> Arrived:
        """Fetch the buffered batches of `wanted` and, in the same breath, how far every one of `inputs` is.

        Nothing is fetched once `epoch` is over: the batches would be dropped, and after a seek nobody would fetch them again.
        """
        return await self.call_thread(self._arrive, wanted, inputs, epoch)  # type: ignore[no-any-return]

    def member_id(self) -> str:
        """The name that the group has given to this process."""
        return str(self._ensure_consumer()._coordinator.member_id)  # noqa: SLF001 - the only way to see a silent rejoin

    async def place(self, positions: Mapping[TP, int], paused: frozenset[TP]) -> None:
        """Seek the inputs and keep the client from fetching changelogs."""
        await self.call_thread(self._place, positions, paused)

    async def _arrive(self, wanted: frozenset[TP], inputs: frozenset[TP], epoch: int) -> Arrived:
        consumer = self._ensure_consumer()
        engine: Engine = self.consumer.app.engine  # type: ignore[attr-defined]
        batches: Mapping[TP, list[Any]] = {}
        # aiokafka's public `getmany` can neither leave partitions out without dropping their data nor say how far it is.
        fetcher, subscriptions = consumer._fetcher, consumer._subscription  # noqa: SLF001
        async with self._turn:
            if self.consumer.flow_active and wanted and epoch == engine.epoch:
                _lighten(fetcher, wanted)
                try:
                    with subscriptions.fetch_context():
                        batches = await fetcher.fetched_records(wanted, timeout=_FETCH_WAIT_S)
                except (NoOffsetForPartitionError, OffsetOutOfRangeError):
                    if epoch == engine.epoch:
                        raise
                    # It has waited for a rebalance to pass, and met the group's offsets, or none; the seek is still to come.
        subscription = subscriptions.subscription
        assignment = subscription.assignment if subscription is not None else None
        states: dict[TP, InputState] = {}
        for tp in inputs:
            state = assignment.state_value(tp) if assignment is not None else None
            if state is not None and state.has_valid_position:
                states[tp] = InputState(state.position, state.lso, state.timestamp)
        return Arrived(batches, states)

    async def _place(self, positions: Mapping[TP, int], paused: frozenset[TP]) -> None:
        consumer = self._ensure_consumer()
        async with self._turn:
            for tp, offset in positions.items():
                consumer.seek(TopicPartition(*tp), offset)
            consumer.pause(*(TopicPartition(*tp) for tp in paused))


class Consumer(driver.Consumer):
    """The consumer that the Faust app runs."""

    _thread: ConsumerThread
    _member: str | None = None

    @property
    def _engine(self) -> "Engine":
        engine: Engine = self.app.engine  # type: ignore[attr-defined]
        return engine

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ARG002 - the stock signature
        """Hand over what has arrived, one message a record batch, for inputs that have room."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        if self.should_stop:
            return
        engine = self._engine
        generation, epoch = self.app.consumer_generation_id, engine.epoch
        try:
            arrived = await self._thread.arrive(await engine.wanted(), engine.inputs, epoch)
        except OffsetOutOfRangeError as error:
            topics = (
                sorted({f"{tp.topic}-{tp.partition}" for tp in error.args[0]}) if error.args and isinstance(error.args[0], dict) else []
            )
            engine.fail(PositionError(f"topic partitions {', '.join(topics)}: records before they were read are gone from the log"))
            return
        if not self.flow_active or epoch != engine.epoch or generation != self.app.consumer_generation_id:
            return
        engine.observe(arrived)
        for tp, records in arrived.batches.items():
            yield tp, _message(tp, Batch(records, epoch), generation)

    async def perform_seek(self) -> None:
        """Go on where the markers say, whatever the group's offsets are."""
        engine = self._engine
        self._read_offset.clear()
        if not engine.is_placed():  # a rebalance has begun since, and its own recovery goes on
            return
        await self._thread.place(*engine.places())
        if engine.is_placed():
            engine.resume()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let running units of work finish before anything is given away."""
        self._end_if_replaced()
        self.stop_flow()
        limit_s = min(10.0, self.app.conf.broker_rebalance_timeout / 2)
        if not await self._engine.quiesce(limit_s):
            self._engine.fail(UnitError(f"a unit of work did not end within {limit_s:.0f} s of a rebalance; start the worker again"))
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Keep the client from reading changelogs: the restore has a reader of its own."""
        self._end_if_replaced()
        self._member = self._thread.member_id()
        self._engine.assigned_epoch = self._engine.epoch
        changelogs = frozenset(tp for tp in assigned if self._is_changelog_tp(tp))
        await self._thread.place({}, changelogs)
        await super().on_partitions_assigned(assigned, generation_id)

    def _end_if_replaced(self) -> None:
        """End a member that the group has forgotten: it may have been replaced meanwhile, and must not push its successor out."""
        if self._member not in {None, self._thread.member_id()}:
            name = self.app.conf.consumer_group_instance_id
            why = f"it was silent too long, or another worker has its name (STREAM_APP_INSTANCE={name})"
            self._engine.fail(UnitError(f"the group has given this worker's place away: {why}; start the worker again"))

    # -- what Faust would do with offsets, and must not

    def ack(self, message: Any) -> bool:  # noqa: ARG002
        """Positions travel in the transactions."""
        return True

    def track_message(self, message: Any) -> None:
        """Nothing to wait for: a unit of work is whole or not at all."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002 - the stock signature
        """Positions travel in the transactions."""
        return False

    async def _commit(self, offsets: Any) -> bool:  # noqa: ARG002
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps are transaction markers and compacted records; nobody waits for them."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """The engine's own watchdog does this, and ends the process."""


class Transport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = Consumer


def _lighten(fetcher: Any, wanted: frozenset[TP]) -> None:
    """Let what has arrived for `wanted` become our records, and not aiokafka's."""
    for tp in wanted:
        result = fetcher._records.get(tp)  # noqa: SLF001 - there is no other way past them
        if isinstance(result, FetchResult) and result.has_more():
            result._partition_records._consumer_record = fetched  # noqa: SLF001


def _message(tp: TP, batch: Batch, generation: int) -> ConsumerMessage:
    """A record batch as one Faust message, at the offset of its last record."""
    last = batch.records[-1]
    value: Any = batch
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000,
        last.timestamp_type,
        [],
        b"",
        value,
        None,
        0,
        0,
        tp,
        generation_id=generation,
    )

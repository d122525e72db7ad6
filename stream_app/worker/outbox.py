"""Accepted events on their way to Kafka: one idempotent producer, and for each partition one batch under way while the next one fills.

Nobody flushes: what comes while a batch is under way makes the next batch. The order of a partition is the order of arrival. A batch
that the broker refuses leaves a gap in the producer's numbers, after which it takes nothing more: then a new producer is made.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError

from stream_app.engine.transactions.partitioner import forget_keys, partition_of
from stream_app.errors import BrokerUnavailableError, StreamAppError
from stream_app.feed import Entry
from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.worker.cluster import input_partitions, producer
from stream_app.worker.doctor.rights import find_lacking_to_write
from stream_app.worker.preflight import check_rights
from stream_app.worker.sender import OPTIONS

_HASHES: Final = 2**31  # what Kafka's partitioner keeps of murmur2: both topics need it
_LINGER_S: Final = 0.002
_PATIENCE_S: Final = 10.0
_STALLED_S: Final = 5.0
_AGAIN_S: Final = 0.5
_CLOSE_S: Final = 5.0
_ENTRY_BYTES: Final = 200  # what an entry takes besides its bytes, about
_log: Final = get_logger(__name__)


class Client(Protocol):
    """Of a producer what is needed here; aiokafka's has it."""

    def create_batch(self) -> Any:
        """An empty batch."""

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Hand a batch over; the future ends when it is stored."""


Connect = Callable[[], AbstractAsyncContextManager[tuple[Client, Mapping[str, int]]]]
"""Opens a producer, and says how many partitions each topic has."""

Observe = Callable[[int, float], None]
"""Told of each batch that is stored: how many records, and how long it took."""


class _Ticket:
    """One request: waits until its part for each partition is stored."""

    __slots__ = ("done", "left")

    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.done, self.left = done, 0

    def stored(self) -> None:
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def lost(self) -> None:
        if not self.done.done():
            self.done.set_exception(BrokerUnavailableError("Kafka did not take a batch"))


class _Piece:
    """What one request has for one partition; `sent` of its entries are in a batch."""

    __slots__ = ("entries", "sent", "size", "ticket")

    def __init__(self, ticket: _Ticket) -> None:
        self.entries: list[Entry] = []
        self.sent = self.size = 0
        self.ticket = ticket


class _Lane:
    """A partition: what waits for it, and since when a batch is under way."""

    __slots__ = ("is_busy", "partition", "pieces", "since", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic, self.partition = topic, partition
        self.pieces: deque[_Piece] = deque()
        self.is_busy = False
        self.since: float | None = None


class Outbox:
    """A `feed.Log` on Kafka."""

    def __init__(self, connect: Connect, name_of: Callable[[str], str], observe: Observe, patience_s: float = _PATIENCE_S) -> None:
        """A log that is not connected yet.

        Args:
            connect: opens a producer.
            name_of: a topic's name on the broker.
            observe: is told of each stored batch.
            patience_s: how long `append` waits.
        """
        self._connect = connect
        self._name_of = name_of
        self._observe = observe
        self._patience_s = patience_s
        self._connection = AsyncExitStack()
        self._client: Client | None = None
        self._counts: Mapping[str, int] = {}
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """How much is not yet stored, about."""
        return self._waiting_bytes

    def waits_for(self) -> str | None:
        """Why nothing can be stored now; None when it can."""
        if self._client is None:
            return "the connection to Kafka"
        longest = time.monotonic() - min((lane.since for lane in self._lanes.values() if lane.since is not None), default=time.monotonic())
        return f"Kafka, which has not answered for {longest:.0f} s" if longest > _STALLED_S else None

    async def start(self) -> None:
        """Connect.

        Raises:
            BrokerUnavailableError: nobody answers.
            TopicError: a topic is missing.
        """
        self._connection = AsyncExitStack()
        self._client, self._counts = await self._connection.enter_async_context(self._connect())

    async def append(self, entries: Sequence[Entry]) -> None:
        """Store entries, those of one partition in their order; comes back when all of them are.

        Raises:
            BrokerUnavailableError: Kafka has not said so in time. They may be stored yet, or not.
        """
        if not entries:
            return
        loop = asyncio.get_running_loop()
        ticket = _Ticket(loop.create_future())
        pieces: dict[_Lane, _Piece] = {}
        for entry in entries:
            for lane in self._lanes_of(entry):
                piece = pieces.get(lane)
                if piece is None:
                    piece = pieces[lane] = _Piece(ticket)
                piece.entries.append(entry)
                piece.size += len(entry.value) + _ENTRY_BYTES
        ticket.left = len(pieces)
        for lane, piece in pieces.items():
            lane.pieces.append(piece)
            self._waiting_bytes += piece.size
        if self._timer is None:
            self._timer = loop.call_later(_LINGER_S, self._go)
        try:
            async with asyncio.timeout(self._patience_s):
                await ticket.done
        except TimeoutError:
            raise BrokerUnavailableError("Kafka did not answer in time") from None

    async def stop(self) -> None:
        """Store what waits, if it can be done soon, and close the connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._go()
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSE_S)
        for task in (*self._sending, *self._connecting):
            task.cancel()
        await self._disconnect()

    def _lanes_of(self, entry: Entry) -> Iterable[_Lane]:
        count = self._counts[entry.topic]
        if entry.is_everywhere:
            return [self._lane(entry.topic, partition) for partition in range(count)]
        partition = partition_of(entry.key, _HASHES) % count
        if entry.forgets_key:
            forget_keys()
        return (self._lane(entry.topic, partition),)

    def _lane(self, topic: str, partition: int) -> _Lane:
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(topic, partition)
        return lane

    def _go(self) -> None:
        """Set out with what waits, wherever nothing is under way."""
        self._timer = None
        for lane in self._lanes.values():
            if lane.pieces and not lane.is_busy and self._client is not None:
                lane.is_busy = True
                _keep(self._sending, self._work(lane))

    async def _work(self, lane: _Lane) -> None:
        try:
            while lane.pieces and (client := self._client) is not None:
                await self._send(client, lane)
        finally:
            lane.is_busy = False

    async def _send(self, client: Client, lane: _Lane) -> None:
        batch = client.create_batch()
        whole = _fill(batch, lane.pieces)
        batch.close()
        began = lane.since = time.monotonic()
        try:
            await (await client.send_batch(batch, self._name_of(lane.topic), partition=lane.partition))
        except (KafkaError, OSError) as error:
            if lane.pieces and lane.pieces[0].sent:
                whole.append(lane.pieces.popleft())
            for piece in whole:
                piece.ticket.lost()
            self._lose(client, error)
        else:
            for piece in whole:
                piece.ticket.stored()
            self._observe(batch.record_count(), time.monotonic() - began)
        finally:
            lane.since = None
            self._waiting_bytes -= sum(piece.size for piece in whole)

    def _lose(self, client: Client, error: BaseException) -> None:
        if self._client is client:
            self._client = None
            _log.warning("Kafka has refused a batch; connecting again", error_type=type(error).__name__)
            _keep(self._connecting, self._reconnect())

    async def _reconnect(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending)  # what else is under way ends in its own way
        await self._disconnect()
        while self._client is None:
            try:
                await self.start()
            except (StreamAppError, KafkaError, OSError) as error:
                _log.warning("Kafka cannot be reached", error_type=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
        _log.info("connected again")
        self._go()

    async def _disconnect(self) -> None:
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.aclose()


@asynccontextmanager
async def kafka_outbox(settings: Settings, observe: Observe) -> AsyncIterator[Outbox]:
    """An outbox to the topics `orders` and `contacts`.

    Raises:
        BrokerUnavailableError: nobody answers.
        TopicError: a topic is missing.
        RightsError: we may not write.
    """

    @asynccontextmanager
    async def connect() -> AsyncIterator[tuple[Client, Mapping[str, int]]]:
        async with producer(settings, **OPTIONS) as client:
            yield client, await input_partitions(client, settings)

    await check_rights(settings, find_lacking_to_write)
    outbox = Outbox(connect, settings.topic, observe)
    await outbox.start()
    try:
        yield outbox
    finally:
        await outbox.stop()


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _fill(batch: Any, pieces: deque[_Piece]) -> list[_Piece]:
    """Put entries into a batch until it is full; gives the pieces that are now whole in it, and takes them off."""
    whole: list[_Piece] = []
    while pieces:
        piece = pieces[0]
        entries = piece.entries
        for entry in entries[piece.sent :] if piece.sent else entries:
            if batch.append(timestamp=entry.time_ms, key=entry.key, value=entry.value, headers=entry.headers) is None:
                return whole
            piece.sent += 1
        whole.append(pieces.popleft())
    return whole

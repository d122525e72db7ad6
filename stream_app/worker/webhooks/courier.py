"""One endpoint: from the topics, through its queue, to HTTP; and what must outlive us into Kafka.

Each endpoint reads for itself, with positions of its own (consumer group `{STREAM_APP_ID}-webhooks-{name}`), so that its lag is
what it still has to get, and none waits for another. A position is committed when everything before it is delivered, given up or
parked; what was on its way when we were killed is sent again, with the same id.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.telemetry.webhooks import WebhookMetrics
from stream_app.worker.cluster import partitions_of, producer, reader, what_broke
from stream_app.worker.topics import webhook_retries_name
from stream_app.worker.watch import TOPICS
from stream_app.worker.webhooks.endpoints import Endpoint, read_event
from stream_app.worker.webhooks.leader import end
from stream_app.worker.webhooks.queue import Event, Queue, Waiting
from stream_app.worker.webhooks.retries import digest, gone_key, read_kept, retry_record
from stream_app.worker.webhooks.sender import Sender

_FETCH_MS: Final = 250
_COMMIT_S: Final = 1.0
_REFRESH_S: Final = 3_600.0
_IDLE_S: Final = 5.0
_AGAIN_S: Final = 1.0
_AGAIN_MAX_S: Final = 30.0
_log: Final = get_logger(__name__)


class Courier:
    """Delivers to one endpoint until it is stopped."""

    def __init__(self, settings: Settings, endpoint: Endpoint, metrics: WebhookMetrics, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives the time in seconds since the epoch."""
        self._settings = settings
        self._endpoint = endpoint
        self._metrics = metrics
        self._clock = clock
        self._names = {settings.topic(name): name for name in TOPICS}
        self._stopping = False
        self._wake = asyncio.Event()
        self._queue = Queue(endpoint.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._mistake: BaseException | None = None
        self._gone = False
        self._was_down = False
        self._committed: dict[TopicPartition, int] = {}
        self._commit_at = 0.0
        self._refresh_at = 0.0
        self.ready = False

    def stop(self) -> None:
        """Begin nothing more; what is on its way is waited for."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver until it is stopped or the endpoint is gone; a broker that is away is waited for."""
        wait_s = _AGAIN_S
        while not self._stopping:
            began = time.monotonic()
            try:
                await self._deliver()
                return
            except (KafkaError, OSError, Failure) as error:
                self.ready = False
                reason = error if isinstance(error, Failure) else what_broke(self._settings, error)
                _log.warning("webhooks wait", endpoint=self._endpoint.name, reason=str(reason))
            wait_s = _AGAIN_S if time.monotonic() - began > _AGAIN_MAX_S else min(_AGAIN_MAX_S, wait_s * 2)
            await self._sleep(wait_s)

    async def _deliver(self) -> None:
        settings, name = self._settings, self._endpoint.name
        kept = await read_kept(settings, name)
        if kept.gone == digest(self._endpoint.url):
            _log.warning("webhook endpoint is gone: give it another URL, or enable it", endpoint=name)
            self._metrics.up(name, up=False)
            self.ready = True
            return
        self._queue = Queue(self._endpoint.concurrency)
        self._queue.restore(kept.in_order())
        group = f"{settings.id}-webhooks-{name}"
        async with (
            reader(settings, auto_offset_reset="earliest", group_id=group) as consumer,
            producer(settings) as client,
            Sender(self._endpoint) as sender,
        ):
            await self._begin(consumer)
            self.ready = True
            reading = asyncio.create_task(self._read(consumer), name=f"webhooks {name}")
            try:
                await self._work(reading, consumer, client, sender)
            finally:
                await asyncio.gather(*map(end, (reading, *self._tasks)))
                self._tasks.clear()

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        """Go on where we stood; an endpoint that is new begins with what is published from now on, and that is committed at once."""
        assigned = await partitions_of(consumer, self._settings, *TOPICS)
        consumer.assign(assigned)
        committed = {at: await consumer.committed(at) for at in assigned}
        begins, ends = await consumer.beginning_offsets(assigned), await consumer.end_offsets(assigned)
        positions = {}
        for at, stood in committed.items():
            if stood is None:
                positions[at] = ends[at] if self._endpoint.begin == "latest" else begins[at]
            else:
                positions[at] = max(stood, begins[at])
                if stood < begins[at]:
                    _log.error("webhook events are lost: they were not kept as long as the endpoint was away", endpoint=self._endpoint.name)
            consumer.seek(at, positions[at])
        self._committed = positions
        self._refresh_at = 0.0
        await self._commit(consumer, at_once=True)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            room = self._queue.room()
            if not room:
                await asyncio.sleep(_FETCH_MS / 1000)
                continue
            fetched = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=room)
            for record in heapq.merge(*fetched.values(), key=lambda record: record.timestamp):
                self._take(record)
            for at in fetched:
                self._queue.read(self._names[at.topic], at.partition, await consumer.position(at))
            if fetched:
                self._wake.set()

    def _take(self, record: Any) -> None:
        said = read_event(record.value)
        if said is None or not self._endpoint.takes(said):
            return
        place = (self._names[record.topic], record.partition, record.offset)
        self._queue.take(Event(place, record.key or said.id.encode(), said.id, said.type, record.value, record.timestamp))

    async def _work(self, reading: "asyncio.Task[None]", consumer: AIOKafkaConsumer, client: AIOKafkaProducer, sender: Sender) -> None:
        while True:
            self._wake.clear()
            if reading.done():
                reading.result()
            if self._mistake is not None:
                raise self._mistake
            if not self._stopping and not self._gone:
                for waiting in self._queue.due(self._now_ms()):
                    task = asyncio.create_task(self._attempt(sender, waiting))
                    self._tasks.add(task)
                    task.add_done_callback(self._ended)
            await self._write(client)
            ending = (self._stopping or self._gone) and not self._tasks
            await self._commit(consumer, at_once=ending)
            self._observe()
            if ending:
                if self._gone:
                    await self._say_gone(client)
                return
            await self._until_something_happens()

    async def _until_something_happens(self) -> None:
        next_ms = self._queue.next_ms()
        wait_s = _IDLE_S if next_ms is None else max(0.0, min(_IDLE_S, (next_ms - self._now_ms()) / 1000))
        await self._sleep(min(wait_s, _COMMIT_S))

    async def _attempt(self, sender: Sender, waiting: Waiting) -> None:
        name = self._endpoint.name
        began = time.monotonic()
        answer = await sender.post(waiting.event, self._clock())
        took_s = time.monotonic() - began
        now_ms = self._now_ms()
        told = {"endpoint": name, "webhook_id": waiting.event.id, "type": waiting.event.type, "answer": answer.reason}
        if answer.delivered:
            self._queue.delivered(waiting, now_ms)
            outcome = "delivered"
            _log.debug("webhook delivered", **told)
        elif answer.gone:
            self._gone = True
            outcome = "gone"
            self._queue.failed(waiting, now_ms, endpoint_fault=True)
        else:
            dropped = self._queue.failed(waiting, now_ms, endpoint_fault=answer.endpoint_fault, asked_ms=answer.asked_ms)
            outcome = "dropped" if dropped else "failed"
            say = _log.error if dropped else _log.info
            say("webhook given up" if dropped else "webhook failed", attempts=waiting.attempts, **told)
        self._metrics.attempt(name, outcome, took_s)
        self._wake.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._mistake = self._mistake or task.exception()
            self._wake.set()

    async def _write(self, client: AIOKafkaProducer) -> None:
        changes = self._queue.take_changes()
        if not changes:
            return
        wire = self._settings.topic(webhook_retries_name(self._settings))
        pending = []
        for change in changes:
            key, value, headers = retry_record(self._endpoint.name, change)
            pending.append(await client.send(wire, value, key=key, partition=0, headers=headers))
        await asyncio.gather(*pending)
        self._queue.written(changes)

    async def _commit(self, consumer: AIOKafkaConsumer, *, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and now < self._commit_at:
            return
        if now >= self._refresh_at:  # Kafka forgets positions that were not committed for some days
            self._refresh_at = now + _REFRESH_S
            await consumer.commit({at: OffsetAndMetadata(offset, "") for at, offset in self._committed.items()})
        self._commit_at = now + _COMMIT_S
        wires = {name: wire for wire, name in self._names.items()}
        cursor = {TopicPartition(wires[topic], partition): offset for topic, partition, offset in self._queue.cursor()}
        moved = {at: offset for at, offset in cursor.items() if self._committed.get(at) != offset}
        if moved:
            await consumer.commit({at: OffsetAndMetadata(offset, "") for at, offset in moved.items()})
            self._committed.update(moved)

    async def _say_gone(self, client: AIOKafkaProducer) -> None:
        wire = self._settings.topic(webhook_retries_name(self._settings))
        await client.send_and_wait(wire, digest(self._endpoint.url), key=gone_key(self._endpoint.name), partition=0)
        _log.error("webhook endpoint said 410: it gets nothing more until its URL changes, or it is enabled", endpoint=self._endpoint.name)

    def _observe(self) -> None:
        name, queue = self._endpoint.name, self._queue
        self._metrics.up(name, up=not (queue.is_down or self._gone))
        self._metrics.waiting(name, queue.waiting)
        if queue.is_down != self._was_down:
            self._was_down = queue.is_down
            _log.warning("webhook endpoint is down" if queue.is_down else "webhook endpoint is back", endpoint=name)

    async def _sleep(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

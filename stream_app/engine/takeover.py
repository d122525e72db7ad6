"""Taking a partition over: fence the one before us, read the changelog to its end, go on at the marker.

The order matters. Starting the producer aborts what the predecessor left open; only then does the end of the changelog stand
still. The end is reached when the reader's position is there: counting records would wait for ever on transaction markers and
compacted records, which take offsets and are never handed over.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.engine.stores.cleaning import timers_of
from stream_app.engine.stores.frame import deadline_of
from stream_app.engine.stores.marker import MARKER_KEY, Marker, decode_marker
from stream_app.engine.stores.store import Changes, Store
from stream_app.engine.topic_ids import is_made_anew
from stream_app.engine.topology import Topology
from stream_app.errors import PositionError, StalledError, UnitError
from stream_app.telemetry.logs import get_logger
from stream_app.telemetry.metrics import Metrics

_FETCH_BYTES = 4 << 20
_POLL_MS = 50
_RECORDS_MAX = 20_000
_REPORT_EVERY_S = 2.0
_TAIL_OFFSETS = 2  # a store that lacks no more than the last transaction's marker lacks nothing
_log = get_logger(__name__)


class Progress(Struct, frozen=True):
    """How far a restore is.

    Attributes:
        offsets_left: how many changelog offsets are still to be read, over all partitions.
        per_s: how many are read in a second, on average since the restore began.
        eta_s: in how many seconds it will be done at that rate; None while nothing has been read.
    """

    offsets_left: int
    per_s: int
    eta_s: int | None

    def __str__(self) -> str:
        when = "" if self.eta_s is None else f", {self.per_s} a second, about {self.eta_s} s to go"
        return f"restoring, {self.offsets_left} records left{when}"


class Restore:
    """Brings the stores of newly owned partitions up to the end of their changelogs."""

    def __init__(
        self,
        client: Mapping[str, Any],
        topology: Topology,
        metrics: Metrics,
        *,
        stall_timeout_s: float,
        age_max_ms: int,
        progress: Callable[[Progress], None],
    ) -> None:
        """Prepare a restore.

        Args:
            client: how the cluster is reached (`client_options`).
            topology: the topics.
            metrics: where progress is shown.
            stall_timeout_s: how long no position may move before this gives up.
            age_max_ms: a store last written longer ago is thrown away, because tombstones may be gone from the changelog.
            progress: told how far it is whenever a position has moved.
        """
        self._client = client
        self._topology = topology
        self._metrics = metrics
        self._stall_timeout_s = stall_timeout_s
        self._age_max_ms = age_max_ms
        self._progress = progress

    async def run(self, stores: Mapping[int, Store], ids: Mapping[str, str]) -> dict[int, dict[str, int]]:
        """Restore the stores by partition; returns where each input goes on, by partition and topic name on the broker.

        Args:
            stores: what is to be brought up.
            ids: which topics the inputs are now (`topic_ids.py`).

        Raises:
            PositionError: a marker lies outside its input's log, or the input is not the topic that it was.
            StalledError: nothing moves.
        """
        consumer = AIOKafkaConsumer(
            **self._client,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        try:
            async with asyncio.timeout(self._stall_timeout_s):
                await consumer.start()
            await self._restore(consumer, stores)
            async with asyncio.timeout(self._stall_timeout_s):
                return await self._positions(consumer, stores, ids)
        except TimeoutError:
            raise StalledError(f"restore: no answer from the broker for {self._stall_timeout_s:.0f} s; start the worker again") from None
        except KafkaError as error:
            raise UnitError(f"restore: the changelog cannot be read ({type(error).__name__}); start the worker again") from error
        finally:
            await consumer.stop()

    async def _restore(self, consumer: AIOKafkaConsumer, stores: Mapping[int, Store]) -> None:
        by_tp = {TopicPartition(self._topology.changelog, partition): store for partition, store in stores.items()}
        inputs = [tp for partition in stores for tp in self._topology.input_partitions(partition)]
        consumer.assign([*by_tp, *inputs])  # the inputs only so that the client knows their leaders before they are asked for
        for tp in inputs:
            consumer.seek(tp, 0)
        consumer.pause(*inputs)
        async with asyncio.timeout(self._stall_timeout_s):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(list(by_tp))
            begins: dict[TopicPartition, int] = await consumer.beginning_offsets(list(by_tp))
        for tp, store in by_tp.items():
            self._fit(store, begins[tp], ends[tp])
        async with asyncio.timeout(self._stall_timeout_s):
            starts = {tp: await _start(consumer, tp, store, begins[tp]) for tp, store in by_tp.items()}
        left = {tp: ends[tp] - start for tp, start in starts.items()}
        began = time.monotonic()
        total = sum(left.values())
        for tp, gone in (await self._read(consumer, by_tp, ends, left)).items():
            if gone:  # nobody else knows which timers of theirs this store holds
                stale = [timer async for timer in timers_of(by_tp[tp], gone)]
                by_tp[tp].apply(Changes({}, (), stale, erases=len(gone)))
        _log.info("restored", partitions=sorted(stores), offsets=total, seconds=round(time.monotonic() - began, 2))

    def _fit(self, store: Store, begin: int, end: int) -> None:
        """Wipe a store that does not fit the log."""
        if store.offset is None:
            return
        if store.offset > end:
            store.wipe("ahead of the changelog")
        elif store.offset - (not store.is_read) < begin:
            store.wipe("behind the start of the changelog")
        elif end - store.offset > _TAIL_OFFSETS and time.time() * 1000 - store.written_ms > self._age_max_ms:
            store.wipe("older than the changelog keeps tombstones")

    async def _read(
        self,
        consumer: AIOKafkaConsumer,
        by_tp: Mapping[TopicPartition, Store],
        ends: Mapping[TopicPartition, int],
        left: dict[TopicPartition, int],
    ) -> dict[TopicPartition, set[bytes]]:
        """Read to the ends; returns the keys that each store held and that are gone."""
        gone: dict[TopicPartition, set[bytes]] = {tp: set() for tp in by_tp}
        began = moved = reported = time.monotonic()
        total = still = sum(left.values())
        pending = [tp for tp, count in left.items() if count > 0]
        while pending:
            await asyncio.sleep(0)  # the client hands over what it has buffered without letting anybody else have a turn
            fetched = await consumer.getmany(*pending, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
            for tp in list(pending):
                position = await consumer.position(tp)
                records = fetched.get(tp, ())
                _note_gone(by_tp[tp], records, gone[tp])
                _apply(by_tp[tp], records, position)
                left[tp] = max(0, ends[tp] - position)
                self._metrics.restore(tp.partition, left[tp])
                if not left[tp]:
                    pending.remove(tp)
                    consumer.pause(tp)
            now = time.monotonic()
            progress = _pace(total, sum(left.values()), now - began)
            self._metrics.restore_eta(progress.eta_s or 0)
            if progress.offsets_left < still:
                moved, still = now, progress.offsets_left
                self._progress(progress)
            if now - moved > self._stall_timeout_s:
                raise StalledError(f"restore: the changelog has not moved for {self._stall_timeout_s:.0f} s; start the worker again")
            if now - reported > _REPORT_EVERY_S:
                reported = now
                _log.info("restoring", offsets_left=progress.offsets_left, per_s=progress.per_s, eta_s=progress.eta_s)
        return gone

    async def _positions(
        self, consumer: AIOKafkaConsumer, stores: Mapping[int, Store], ids: Mapping[str, str]
    ) -> dict[int, dict[str, int]]:
        inputs = [tp for partition in stores for tp in self._topology.input_partitions(partition)]
        begins: dict[TopicPartition, int] = await consumer.beginning_offsets(inputs)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(inputs)
        positions: dict[int, dict[str, int]] = {}
        for partition, store in stores.items():
            marker = marker_of(store)
            at = positions[partition] = {}
            for tp in self._topology.input_partitions(partition):
                at[tp.topic] = begins[tp] if marker is None or tp.topic not in marker.offsets else marker.offsets[tp.topic]
                if not begins[tp] <= at[tp.topic] <= ends[tp]:
                    raise PositionError(outside(tp, at[tp.topic], begins[tp], ends[tp]))
                if marker is not None and is_made_anew(marker.topic_ids.get(tp.topic), ids.get(tp.topic)):
                    raise PositionError(made_anew(tp, at[tp.topic]))
        return positions


def marker_of(store: Store) -> Marker | None:
    """The marker that a store holds."""
    return None if store.marker is None else decode_marker(store.marker)


def _pace(total: int, left: int, seconds: float) -> Progress:
    per_s = (total - left) / max(seconds, 1e-3)
    return Progress(left, int(per_s), math.ceil(left / per_s) if per_s else None)


def _note_gone(store: Store, records: Sequence[object], gone: set[bytes]) -> None:
    """Take note of the keys that the store holds, and that the records take away."""
    tombstones: set[bytes] = set()
    for record in records:
        key: bytes | None = record.key  # type: ignore[attr-defined]
        if key is not None and record.value is None:  # type: ignore[attr-defined]
            tombstones.add(key)
        elif key is not None and (tombstones or gone):
            tombstones.discard(key)
            gone.discard(key)
    gone.update(key for key in tombstones if store.get(key) is not None)


async def _start(consumer: AIOKafkaConsumer, tp: TopicPartition, store: Store, begin: int) -> int:
    """Where to read on: the consumer stands there. Wipes a store whose last unit of work is not in the changelog.

    The broker may have said committed and left that unit hanging (`hanging.py`), and whoever owned the partition since has aborted
    it. A unit long past, whose marker is compacted away, looks the same.
    """
    if store.offset is not None and not store.is_read:
        last = None
        consumer.seek(tp, store.offset - 1)
        while last is None and await consumer.position(tp) < store.offset:
            last = next(iter((await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)).get(tp, ())), None)
        if last is None or (last.offset, last.key, last.value) != (store.offset - 1, MARKER_KEY, store.marker):
            store.wipe("without its last unit of work in the changelog")
    elif store.offset is not None:
        consumer.seek(tp, store.offset)
    if store.wiped:
        _log.warning("store wiped", partition=tp.partition, reason=store.wiped)
    if store.offset is None:
        consumer.seek(tp, begin)
    return begin if store.offset is None else store.offset


def _apply(store: Store, records: Sequence[object], position: int) -> None:
    states: dict[bytes, bytes | None] = {}
    marker: bytes | None = None
    for record in records:
        key: bytes | None = record.key  # type: ignore[attr-defined]
        if key == MARKER_KEY:
            marker = record.value  # type: ignore[attr-defined]
        elif key is not None:
            states[key] = record.value  # type: ignore[attr-defined]
    arm = [(deadline, key) for key, framed in states.items() if (deadline := deadline_of(framed))]
    store.apply(Changes(states, arm, (), position, marker, is_read=True))


def outside(tp: TopicPartition, position: int, begin: int, end: int) -> str:
    """The line about a position that is not in its input's log."""
    what = "records before they were read are gone" if position < begin else "the topic was made anew or cut off"
    return (
        f"topic {tp.topic}, partition {tp.partition}: the position {position} lies outside the log ({begin} to {end}), {what}: "
        "restore the topic, or start over with another STREAM_APP_ID"
    )


def made_anew(tp: TopicPartition, position: int) -> str:
    """The line about a topic that is another one under the same name."""
    return (
        f"topic {tp.topic}, partition {tp.partition}: the topic was deleted and made anew since its records were read, so the position "
        f"{position} is one of another log: start over with another STREAM_APP_ID"
    )

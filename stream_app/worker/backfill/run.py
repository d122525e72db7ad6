"""`stream-app publish --backfill`: history into Kafka in the order in which it happened, resumable, and without mailing anybody."""

import asyncio
import fcntl
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.times import format_time
from stream_app.domain.calendar import DAY_MS
from stream_app.domain.events import ORDER_TYPES
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.backfill import clock
from stream_app.worker.backfill.history import Survey, digest_of, in_order, survey
from stream_app.worker.backfill.progress import Spot, Target, ends_of, headers_of, read_back
from stream_app.worker.backfill.workers import until_applied, until_known
from stream_app.worker.cluster import producer
from stream_app.worker.policy_topic import DEFAULT_SHOP
from stream_app.worker.sender import OPTIONS, Sender, watermark_of

_SLICE: Final = 2_000
_WATERMARK: Final = "watermark"
_LONG_AGO_MS: Final = 631_152_000_000  # 1990: a watermark that moves no time


_Record = tuple[str, bool, bytes | None, bytes, int]
"""Topic, whether every partition gets it, key, value, timestamp."""


class Stage(Protocol):
    """Told where it is: "reading", "publishing" or "applying", and how much of how much is done."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Called a few times a second."""


class Backfilled(Struct):
    """What was loaded.

    Attributes:
        events: published by all runs together, by type.
        resumed_after: so many of the records had been stored by earlier runs.
        refused: lines that were not published.
        complaints: the first ten of them.
        watermarks: shops that were told how far time has come.
        seconds: this run took.
        is_new: False when an earlier run had done everything.
        live_since: when the shops went live, RFC 3339; None when nothing was to be loaded.
        notes: what else a person should know.
    """

    events: dict[str, int]
    resumed_after: int
    refused: int
    complaints: list[str]
    watermarks: int
    seconds: float
    is_new: bool
    live_since: str | None
    notes: list[str]


async def backfill(settings: Settings, files: list[Path], *, rate: int | None, stage: Stage) -> Backfilled:
    """Load the history that `files` hold; run again with the same files after whatever has stopped it, it goes on where it was.

    Args:
        settings: name the broker, the prefix, and the workers' group.
        files: JSONL, one CloudEvent a line, in any order.
        rate: at most so many events a second.
        stage: told how far it is.

    Raises:
        Failure: a file cannot be read, a shop has no policy, a topic is missing, the broker is lost, or another run is at it.
    """
    started = time.monotonic()
    digest = digest_of(files)
    with _alone(settings, digest):
        standing = await clock.look(settings, digest)
        began_ms = standing.began_ms or int(time.time() * 1000)
        size = sum(file.stat().st_size for file in files)
        found = survey(files, began_ms, lambda _, read: stage("reading", read, size))
        _check_retention(settings, found, began_ms)
        shops = [shop for shop in sorted(found.lines.latest_ms) if shop not in standing.done]
        lines = found.lines
        done = Backfilled(lines.events, 0, lines.refused, lines.complaints, len(shops), 0.0, bool(shops), None, [])
        if shops:
            await _load(settings, _Load(digest, began_ms, standing, found, shops), rate, stage, done)
        done.seconds = time.monotonic() - started
        return done


class _Load(Struct):
    """What is to be loaded: the files by their digest, since when, how it stands, what is in them, and the shops that are left."""

    digest: str
    began_ms: int
    standing: clock.Standing
    found: Survey
    shops: list[str]


async def _load(settings: Settings, load: _Load, rate: int | None, stage: Stage, done: Backfilled) -> None:
    bases = {shop: clock.base_of(load.standing.versions, shop, load.digest) for shop in load.shops}
    async with producer(settings, **OPTIONS) as client:
        sender = Sender(client, settings, gapless=True)
        await sender.connect()
        ends = load.standing.ends or await ends_of(settings)
        for shop, base in bases.items():
            if base is not None:
                mark = clock.Mark(load.digest, "begin", ends)
                at_ms = load.began_ms if load.standing.began_ms is None else int(time.time() * 1000)
                await clock.begin(settings, shop, base, load.standing.versions, mark, at_ms)
                if base.shop == DEFAULT_SHOP:
                    done.notes.append(f"shop {shop} has a policy of its own from now on: a copy of the default, which it had followed")
        try:
            spots = await read_back(settings, load.digest, ends)
            if any(bases.values()) or not spots:  # an earlier run may have been killed while it waited
                await _until_known(settings, sender, load.shops[0], stage)
            done.resumed_after = await _send_all(sender, load, spots, rate, stage)
        except (KafkaError, OSError) as error:
            raise Failure(f"the backfill stopped ({type(error).__name__}): see that the broker lives, then run it again") from error
    spots = await read_back(settings, load.digest, ends)
    await until_applied(settings, {target: spot.offset for target, spot in spots.items()}, _Left(stage))
    live_ms = int(time.time() * 1000)
    for shop in load.shops:
        await clock.end(settings, shop, load.digest, live_ms)
    done.live_since = format_time(live_ms)


async def _until_known(settings: Settings, sender: Sender, shop: str, stage: Stage) -> None:
    """Wait until running workers know under which policy the history is to be loaded."""

    async def ping() -> Mapping[Target, int]:
        await sender.everywhere(shop.encode(), watermark_of(shop, _LONG_AGO_MS), _LONG_AGO_MS)
        await sender.flush()
        return await sender.stored()

    await until_known(settings, ping, _Left(stage))


class _Left:
    """Turns how much is left into how much is done; the most that was ever left is all."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._total = 0

    def __call__(self, left: int) -> None:
        self._total = max(self._total, left)
        self._stage("applying", self._total - left, self._total)


async def _send_all(sender: Sender, load: _Load, spots: Mapping[Target, Spot], rate: int | None, stage: Stage) -> int:
    """Send what no partition holds yet; returns how many records there were already."""
    stored = {target: spot.place for target, spot in spots.items()}
    slice_max = min(_SLICE, max(1, rate // 20)) if rate else _SLICE
    started = time.monotonic()
    sent = skipped = 0
    with tempfile.TemporaryDirectory(prefix="stream-app-backfill-") as folder:
        for place, (name, is_everywhere, key, value, record_ms) in enumerate(_records(load, Path(folder)), 1):
            for partition in sender.partitions(name) if is_everywhere else [sender.partition(name, key)]:
                if place <= stored.get((name, partition), 0):
                    skipped += 1
                    continue
                await sender.append(name, partition, key, value, record_ms, headers_of(load.digest, place))
                sent += 1
                if rate and sent % slice_max == 0:
                    await sender.flush()
                    await asyncio.sleep(max(0.0, started + sent / rate - time.monotonic()))
            if place % slice_max == 0:
                stage("publishing", place, load.found.count)
    await sender.flush()
    return skipped


def _records(load: _Load, folder: Path) -> Iterator[_Record]:
    """The whole sequence: all events, then how far the time of each shop has come."""
    for time_ms, _, kind, key, line in in_order(load.found, load.began_ms, folder):
        record_ms = time_ms if time_ms >= 0 else load.began_ms
        yield "orders" if kind in ORDER_TYPES or kind == _WATERMARK else "contacts", kind == _WATERMARK, key, line, record_ms
    for shop, latest_ms in sorted(load.found.lines.latest_ms.items()):
        yield "orders", True, shop.encode(), watermark_of(shop, latest_ms), latest_ms


def _check_retention(settings: Settings, found: Survey, began_ms: int) -> None:
    days = settings.retention_days
    if days is not None and found.first_ms is not None and found.first_ms < began_ms - days * DAY_MS:
        raise Failure(
            f"the history begins at {format_time(found.first_ms)}, and the inputs keep {days} days: Kafka would delete it at once; "
            "unset STREAM_APP_RETENTION_DAYS and run `stream-app topics create`, or leave older events out"
        )


@contextmanager
def _alone(settings: Settings, digest: str) -> Iterator[None]:
    """Two runs at a time would publish everything twice; whoever is killed lets go."""
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    path = settings.cache_dir / f"backfill-{digest}.lock"
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("these files are being loaded by another run: let it end, or stop it and run this again") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

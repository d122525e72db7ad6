"""Events from JSONL files to the input topics.

A line must be a CloudEvent of a known type, because the type decides the topic, and no larger than 1 MiB, because a topic takes no
more. A line that is not is refused with its number, and every other line is published. All other flaws travel: the worker turns
them into dead letters, which say more than we could here. Several files are merged by event time, each file in its own order.
"""

import asyncio
import time
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import Protocol

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.envelope import VALUE_BYTES_MAX, is_customer_id, read_shop
from stream_app.codec.times import parse_time_ms
from stream_app.domain.events import EVENT_TYPES, ORDER_TYPES
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import producer, what_broke
from stream_app.worker.sender import KEYS_REMEMBERED_MAX, OPTIONS, Sender, watermark_of

COMPLAINTS_MAX = 10
_SLICE = 2_000


class Head(Struct):
    """What decides where a line goes; everything else in it is the worker's to judge."""

    type: str
    source: str | None = None
    subject: str | None = None
    time: str | None = None


class Published(Struct):
    """What was published. `refused` counts lines; `complaints` tells about the first ten."""

    events: dict[str, int]
    refused: int
    complaints: list[str]
    watermarks: int
    seconds: float


class Progress(Protocol):
    """Told how far it has come; `events` counts published events, `size` bytes of the files."""

    def __call__(self, events: int, size: int) -> None:
        """Called a few times a second."""


Pace = Callable[[int], Awaitable[int]]
"""Waits until an event of a time may be published, and gives the time up to which others may follow at once."""

Item = tuple[int, int, str, bytes | None, bytes]
"""Event time or -1, number of the file, type, key, line: in the order in which files are merged."""

_head = msgspec.json.Decoder(Head).decode


async def publish(
    settings: Settings,
    files: list[Path],
    *,
    rate: int | None = None,
    pace: Pace | None = None,
    history: bool = False,
    progress: Progress | None = None,
) -> Published:
    """Publish every line of `files`, and wait until the brokers have stored it.

    Args:
        settings: names the broker and the prefix.
        files: JSONL, one CloudEvent a line; empty lines are skipped.
        rate: at most so many events a second.
        pace: when which event time may be published.
        history: at the end, tell every partition of `orders`, for each shop, that nothing before its latest event will follow.
        progress: called a few times a second.

    Raises:
        Failure: a file cannot be read, a topic is missing, or the broker is lost.
    """
    for file in files:
        if not file.is_file():
            raise Failure(f"{file}: no such file; give JSONL files with one CloudEvent a line")
    started = time.monotonic()
    async with producer(settings, **OPTIONS) as client:
        sender = Sender(client, settings)
        await sender.connect()
        run = Lines(int(time.time() * 1000))
        try:
            await _send_all(sender, run, files, rate, pace, progress)
            if history:
                for shop, latest_ms in sorted(run.latest_ms.items()):
                    await sender.everywhere(shop.encode(), watermark_of(shop, latest_ms), latest_ms)
            await sender.flush()
        except (KafkaError, OSError) as error:
            text = f"publishing stopped ({type(error).__name__}): see that the broker lives, then publish again"
            raise what_broke(settings, error, Failure(text)) from error
    watermarks = len(run.latest_ms) if history else 0
    return Published(run.events, run.refused, run.complaints, watermarks, time.monotonic() - started)


async def _send_all(
    sender: Sender, run: "Lines", files: list[Path], rate: int | None, pace: Pace | None, progress: Progress | None
) -> None:
    lines = [run.read(index, file) for index, file in enumerate(files)]
    items: Iterable[Item] = lines[0] if len(lines) == 1 else merge(*lines)
    slice_max = min(_SLICE, max(1, rate // 20)) if rate else _SLICE
    started = time.monotonic()
    count = size = 0
    allowed_ms = -1
    for time_ms, _, kind, key, line in items:
        if pace is not None and time_ms > allowed_ms:
            await sender.flush()
            if progress:
                progress(count, size)
            allowed_ms = await pace(time_ms)
            run.wall_ms = int(time.time() * 1000)
        record_ms = time_ms if 0 <= time_ms <= run.wall_ms else run.wall_ms
        if kind == "watermark":
            await sender.everywhere(key, line, record_ms)
        else:
            await sender.send("orders" if kind in ORDER_TYPES else "contacts", key, line, record_ms)
        count += 1
        size += len(line) + 1
        if count % slice_max:
            continue
        run.wall_ms = int(time.time() * 1000)
        if rate:
            await sender.flush()
            await asyncio.sleep(max(0.0, started + count / rate - time.monotonic()))
        if progress:
            progress(count, size)
    if progress:
        progress(count, size)


class Lines:
    """One run over the files: what it has read, and what it had to refuse. Whatever happened after `until_ms` is refused, too."""

    def __init__(self, wall_ms: int, until_ms: int | None = None) -> None:
        self.wall_ms = wall_ms
        self._until_ms = until_ms
        self.events: dict[str, int] = {}
        self.refused = 0
        self.complaints: list[str] = []
        self.latest_ms: dict[str, int] = {}
        self._keys: dict[tuple[str | None, str | None], bytes | None] = {}

    def read(self, index: int, file: Path) -> Iterator[Item]:
        """The lines of a file in their order."""
        events, latest = self.events, self.latest_ms
        with file.open("rb") as source:
            if source.read(len(BOM_UTF8)) != BOM_UTF8:
                source.seek(0)
            for number, text in enumerate(source, 1):
                line = text.strip()
                if not line:
                    continue
                try:
                    head = _head(line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    self._refuse(file, number, "is no CloudEvent")
                    continue
                kind = head.type
                if kind not in EVENT_TYPES:
                    self._refuse(file, number, "has an unknown type")
                    continue
                if len(line) > VALUE_BYTES_MAX:
                    self._refuse(file, number, "is larger than 1 MiB")
                    continue
                parsed = parse_time_ms(head.time) if head.time else None
                time_ms = -1 if parsed is None else parsed
                if self._until_ms is not None and time_ms > self._until_ms:
                    self._refuse(file, number, "is of a time after the loading of history began: publish it without --backfill")
                    continue
                shop = read_shop(head.source) if head.source else None
                if shop is not None and latest.get(shop, -1) < time_ms <= self.wall_ms:
                    latest[shop] = time_ms
                events[kind] = events.get(kind, 0) + 1
                yield time_ms, index, kind, self._key(shop, head.subject), line

    def _key(self, shop: str | None, customer: str | None) -> bytes | None:
        try:
            return self._keys[shop, customer]
        except KeyError:
            pass
        key = f"{shop}/{customer}".encode() if shop and customer and is_customer_id(customer) else shop.encode() if shop else None
        if len(self._keys) >= KEYS_REMEMBERED_MAX:
            self._keys.clear()
        self._keys[shop, customer] = key
        return key

    def _refuse(self, file: Path, number: int, why: str) -> None:
        self.refused += 1
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(f"{file}:{number}: the line {why}")

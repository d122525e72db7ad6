"""What lies in `dead-letters`: each rejected record with the reason, and where it was read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from aiokafka import TopicPartition
from msgspec import Struct

from stream_app.codec.dead_letters import CODE, DETAIL, ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, TOPIC, Headers, own_headers
from stream_app.codec.envelope import read_shop
from stream_app.codec.times import format_time
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, read_to_end, reader

_WAIT_S: Final = 10.0


class Letter(Struct, frozen=True):
    """One rejected record.

    Attributes:
        partition: of `dead-letters`; with `offset` it names the letter.
        recorded_ms: when it was rejected.
        code: why; empty when the headers do not say.
        detail: the same in words, without personal data.
        topic: where it was read: the topic's name on the broker.
        origin_partition: the partition there.
        origin_offset: the offset there.
        key: as it was.
        value: as it was.
        headers: its own.
    """

    partition: int
    offset: int
    recorded_ms: int
    code: str
    detail: str
    topic: str
    origin_partition: int
    origin_offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def name(self) -> str:
        """How a command names it: `partition:offset`."""
        return f"{self.partition}:{self.offset}"

    @property
    def shop(self) -> str | None:
        """Whose event it is, as far as it says so: in its source, else in its key."""
        for name, content in self.headers:
            if name.lower() == "ce_source" and content is not None:
                return read_shop(content.decode(errors="replace"))
        try:
            source = _head(self.value or b"").source
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            source = None
        if source is None:
            source = "/shops/" + (self.key or b"").partition(b"/")[0].decode(errors="replace")
        return read_shop(source)

    def summary(self) -> dict[str, str | int | None]:
        """What may be shown of it anywhere: no key, no byte of the event."""
        return {
            "letter": self.name,
            "rejected_at": format_time(self.recorded_ms),
            "code": self.code,
            "detail": self.detail,
            "topic": self.topic,
            "partition": self.origin_partition,
            "offset": self.origin_offset,
            "shop": self.shop,
            "size_bytes": len(self.value or b""),
        }


class Wanted(Struct, frozen=True):
    """Which letters; None, and no names, is all of them. Times are when a letter was rejected: from `since_ms`, before `until_ms`."""

    names: frozenset[str] = frozenset()
    code: str | None = None
    topic: str | None = None
    partition: int | None = None
    shop: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def takes(self, letter: Letter, prefix: str = "") -> bool:
        """Whether a letter is wanted; a topic may be named with or without its prefix."""
        return (
            (not self.names or letter.name in self.names)
            and (self.code is None or letter.code == self.code)
            and (self.topic is None or letter.topic in {self.topic, prefix + self.topic})
            and (self.partition is None or letter.origin_partition == self.partition)
            and (self.since_ms is None or letter.recorded_ms >= self.since_ms)
            and (self.until_ms is None or letter.recorded_ms < self.until_ms)
            and (self.shop is None or letter.shop == self.shop)
        )


class _Head(Struct):
    source: str | None = None


_head: Final = msgspec.json.Decoder(_Head).decode


def letter_of(partition: int, offset: int, recorded_ms: int, key: bytes | None, value: bytes | None, headers: Headers) -> Letter:
    """A letter from its record. Coordinates that are no numbers are -1, so that nobody sends such a record anywhere."""
    said: Mapping[str, str] = {name: (content or b"").decode(errors="replace") for name, content in headers}
    return Letter(
        partition,
        offset,
        recorded_ms,
        said.get(CODE, ""),
        said.get(DETAIL, ""),
        said.get(ORIGIN_TOPIC, ""),
        _number(said.get(ORIGIN_PARTITION)),
        _number(said.get(ORIGIN_OFFSET)),
        key,
        value,
        own_headers(headers),
    )


async def read_letters(settings: Settings, wanted: Wanted) -> AsyncIterator[Letter]:
    """The wanted letters that are there now, in the order of each partition.

    Raises:
        TopicError: the topic does not exist.
        BrokerUnavailableError: nobody answers.
    """
    async for record in read_to_end(settings, TOPIC):
        letter = letter_of(record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
        if wanted.takes(letter, settings.topic_prefix):
            yield letter


async def find_letter(settings: Settings, partition: int, offset: int) -> Letter:
    """One letter.

    Raises:
        Failure: there is none of this name.
    """
    async with reader(settings, auto_offset_reset="earliest") as client:
        at = TopicPartition(settings.topic(TOPIC), partition)
        if at in await partitions_of(client, settings, TOPIC):
            client.assign([at])
            begins, ends = await client.beginning_offsets([at]), await client.end_offsets([at])
            if begins[at] <= offset < ends[at]:
                client.seek(at, offset)
                async with asyncio.timeout(_WAIT_S):
                    record = await client.getone(at)
                if record.offset == offset:
                    return letter_of(partition, offset, record.timestamp, record.key, record.value, record.headers)
    raise Failure(f"dead letter {partition}:{offset}: there is none; `stream-app dead-letters list` shows their names")


def _number(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return -1

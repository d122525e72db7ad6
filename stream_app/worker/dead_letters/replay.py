"""Dead letters back to their topics, each exactly once.

A letter and its line in a journal (`{STREAM_APP_ID}-dead-letters-replayed`) are in one transaction: the record is there when, and only
when, the journal says so. All runs use one transactional id, so that a run first ends what one before it left open, and fences one
that still runs; only then it reads the journal. Whoever is killed leaves whole transactions, and the next run goes on after them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from msgspec import Struct

from stream_app.codec.dead_letters import TOPIC, Headers
from stream_app.codec.times import format_time, parse_time_ms
from stream_app.engine import topic_ids
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, producer, read_to_end, reader, what_broke
from stream_app.worker.dead_letters.letters import Letter, Wanted, read_letters
from stream_app.worker.dead_letters.originals import read_originals
from stream_app.worker.topics import INPUTS, replayed_name

_LETTERS_MAX: Final = 500
_BYTES_MAX: Final = 2 << 20
_BATCH_BYTES: Final = 512 << 10
_WAIT_S: Final = 10.0
_POLL_S: Final = 0.05

Journal = Mapping[str, str]
"""By letter, as `journal_key` names it: when it was sent again."""


class Replayed(Struct):
    """What became of the wanted letters.

    Attributes:
        replayed: sent again now, by topic (in a dry run: would be).
        before: sent again by an earlier run, and left alone.
        foreign: from no topic that a worker reads, and left alone.
        retimed: of those sent, how many have the event's time as timestamp, because the original record is gone.
    """

    replayed: dict[str, int]
    before: int = 0
    foreign: int = 0
    retimed: int = 0


def journal_key(topic_id: str, partition: int, offset: int) -> str:
    """The name of a letter for good: a topic that is deleted and made anew begins at offset 0 again, with another id."""
    return f"{topic_id}/{partition}:{offset}"


async def read_journal(settings: Settings) -> dict[str, str]:
    """What was sent again, and when."""
    journal: dict[str, str] = {}
    async for record in read_to_end(settings, replayed_name(settings)):
        if record.value is None:
            journal.pop(record.key.decode(), None)
        else:
            journal[record.key.decode()] = record.value.decode()
    return journal


async def letters_id(settings: Settings) -> str:
    """Kafka's id of the topic `dead-letters`; empty from a broker that has no ids."""
    wire = settings.topic(TOPIC)
    async with reader(settings) as client:
        await partitions_of(client, settings, TOPIC)
        found = await topic_ids.topic_ids(client._client, [wire])  # noqa: SLF001 - a consumer shows no other way to its connection
    return found.get(wire, "")


async def replay(settings: Settings, wanted: Wanted, *, dry_run: bool = False, progress: Callable[[int], None] | None = None) -> Replayed:
    """Send every wanted letter that was not sent again yet back to where it came from: same partition, bytes, key, headers, timestamp.

    Args:
        settings: names the broker, the prefix and the application.
        wanted: which letters.
        dry_run: only count.
        progress: told how many are committed.

    Raises:
        Failure: another run took over, the broker is lost, or a transaction does not end; what was committed until then stands.
    """
    try:
        if dry_run:
            return await _Run(settings, None).go(wanted, progress)
        own = {"transactional_id": f"{settings.id}-dead-letters", "transaction_timeout_ms": settings.transaction_timeout_ms}
        async with producer(settings, max_batch_size=_BATCH_BYTES, max_request_size=4 << 20, **own) as client:
            await _until_nothing_is_open(settings)
            return await _Run(settings, client).go(wanted, progress)
    except ProducerFenced:
        raise Failure("another `dead-letters replay` has taken over: see what it did with `stream-app dead-letters list`") from None
    except (KafkaError, OSError, TimeoutError) as error:
        stopped = Failure(
            f"replaying stopped ({type(error).__name__}): see that the broker lives, then run it again; nothing is sent twice"
        )
        raise what_broke(settings, error, stopped) from error


class _Run:
    """One run: with a producer it sends, without one it counts."""

    def __init__(self, settings: Settings, client: AIOKafkaProducer | None) -> None:
        self._settings = settings
        self._client = client
        self._inputs = {settings.topic(name) for name in INPUTS}
        self._journal: Journal = {}
        self._id = ""
        self._done = Replayed({})

    async def go(self, wanted: Wanted, progress: Callable[[int], None] | None) -> Replayed:
        self._id = await letters_id(self._settings)
        self._journal = await read_journal(self._settings)
        async with read_originals(self._settings) as originals:
            if self._client is not None:
                await self._forget_gone(originals.begins)
            async for chunk in self._chunks(wanted):
                if self._client is not None:
                    await self._send(chunk, await originals.timestamps(chunk))
                for letter in chunk:
                    self._done.replayed[letter.topic] = self._done.replayed.get(letter.topic, 0) + 1
                if progress:
                    progress(sum(self._done.replayed.values()))
        return self._done

    async def _chunks(self, wanted: Wanted) -> AsyncIterator[list[Letter]]:
        chunk: list[Letter] = []
        size = 0
        async for letter in read_letters(self._settings, wanted):
            if letter.topic not in self._inputs or letter.origin_partition < 0:
                self._done.foreign += 1
            elif journal_key(self._id, letter.partition, letter.offset) in self._journal:
                self._done.before += 1
            else:
                chunk.append(letter)
                size += len(letter.value or b"")
            if len(chunk) >= _LETTERS_MAX or size >= _BYTES_MAX:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    async def _send(self, chunk: list[Letter], timestamps: Mapping[str, int]) -> None:
        now_ms = int(time.time() * 1000)
        lines: list[_Record] = []
        by_target: dict[tuple[str, int], list[_Record]] = {(self._settings.topic(replayed_name(self._settings)), 0): lines}
        for letter in chunk:
            timestamp_ms = timestamps.get(letter.name)
            if timestamp_ms is None:
                self._done.retimed += 1
                timestamp_ms = _event_time_ms(letter, now_ms)
            target = letter.topic, letter.origin_partition
            by_target.setdefault(target, []).append((timestamp_ms, letter.key, letter.value, letter.headers))
            lines.append((now_ms, journal_key(self._id, letter.partition, letter.offset).encode(), format_time(now_ms).encode(), ()))
        await self._commit(by_target)

    async def _forget_gone(self, begins: Mapping[int, int]) -> None:
        """Letters that Kafka has deleted cannot be sent again, so the journal need not know them."""
        gone = [key for key in self._journal if _is_gone(key, self._id, begins)]
        target = self._settings.topic(replayed_name(self._settings)), 0
        now_ms = int(time.time() * 1000)
        for start in range(0, len(gone), _LETTERS_MAX):
            await self._commit({target: [(now_ms, key.encode(), None, ()) for key in gone[start : start + _LETTERS_MAX]]})

    async def _commit(self, by_target: "Mapping[tuple[str, int], Sequence[_Record]]") -> None:
        assert self._client is not None
        client = self._client
        await client.begin_transaction()
        pending = []
        for (topic, partition), records in by_target.items():
            batch = client.create_batch()
            for timestamp_ms, key, value, headers in records:
                given: dict[str, Any] = {"timestamp": timestamp_ms, "key": key, "value": value, "headers": list(headers)}
                if batch.append(**given) is None:
                    batch.close()
                    pending.append(await client.send_batch(batch, topic, partition=partition))
                    batch = client.create_batch()
                    batch.append(**given)
            batch.close()
            pending.append(await client.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*pending)  # the client would commit happily although a batch has failed
        await client.commit_transaction()


_Record = tuple[int, bytes | None, bytes | None, Headers]
"""Timestamp, key, value, headers."""


def _is_gone(key: str, topic_id: str, begins: Mapping[int, int]) -> bool:
    of, _, name = key.rpartition("/")
    partition, _, offset = name.partition(":")
    return of != topic_id or int(offset) < begins.get(int(partition), 0)


async def _until_nothing_is_open(settings: Settings) -> None:
    """Our producer has ended what a run before it left open; a journal that hides lines nevertheless must not be believed."""
    journal = replayed_name(settings)
    async with reader(settings) as stable, reader(settings, isolation_level="read_uncommitted") as every:
        at = (await partitions_of(stable, settings, journal))[0]
        end = (await every.end_offsets([at]))[at]
        until = time.monotonic() + _WAIT_S
        while (await stable.end_offsets([at]))[at] < end:
            if time.monotonic() > until:
                raise Failure(
                    f"a transaction in topic {at.topic} does not end: end it with kafka-transactions.sh abort, then run this again"
                )
            await asyncio.sleep(_POLL_S)


class _Head(Struct):
    time: str | None = None


_head: Final = msgspec.json.Decoder(_Head).decode


def _event_time_ms(letter: Letter, now_ms: int) -> int:
    """The timestamp that `publish` would give the record."""
    text = next((content.decode(errors="replace") for name, content in letter.headers if name.lower() == "ce_time" and content), None)
    if text is None:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            text = _head(letter.value or b"").time
    time_ms = parse_time_ms(text) if text else None
    return time_ms if time_ms is not None and 0 <= time_ms <= now_ms else now_ms

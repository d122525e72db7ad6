"""The retry schedule in Kafka: one record for each event that waits for another attempt, withdrawn when it is settled.

The topic is compacted and has one partition. A record's key is `endpoint/topic/partition/offset`, where the event was published; its
value is the event; its headers say what was tried. Nothing in a key names a customer.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.topics import webhook_retries_name
from stream_app.worker.webhooks.queue import Change, Event, Place, Waiting

Headers = Sequence[tuple[str, bytes | None]]

_CUSTOMER: Final = "webhook.customer"
_ID: Final = "webhook.id"
_TYPE: Final = "webhook.type"
_RECORDED: Final = "webhook.recorded_ms"
_ATTEMPTS: Final = "webhook.attempts"
_NEXT: Final = "webhook.next_ms"


def gone_key(endpoint: str) -> bytes:
    """The key under which it is kept that an endpoint wants nothing more; the value is the `digest` of the URL that said so."""
    return endpoint.encode()


def digest(url: str) -> bytes:
    """A URL, so that it can be known again and not read: it may hold a token."""
    return sha256(url.encode()).hexdigest().encode()


def retry_key(endpoint: str, place: Place) -> bytes:
    """The key of an event that waits."""
    return "/".join((endpoint, *map(str, place))).encode()


def retry_record(endpoint: str, change: Change) -> tuple[bytes, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers of what is to be written."""
    key = retry_key(endpoint, change.place)
    if change.waiting is None:
        return key, None, []
    event = change.waiting.event
    said = {
        _CUSTOMER: event.customer,
        _ID: event.id.encode(),
        _TYPE: event.type.encode(),
        _RECORDED: b"%d" % event.recorded_ms,
        _ATTEMPTS: b"%d" % change.attempts,
        _NEXT: b"%d" % change.next_ms,
    }
    return key, event.body, list(said.items())


def read_retry(key: bytes, value: bytes, headers: Headers) -> Waiting:
    """An event that waits, from its record."""
    _, topic, partition, offset = key.decode().split("/")
    said = {name: content or b"" for name, content in headers}
    event = Event(
        (topic, int(partition), int(offset)), said[_CUSTOMER], said[_ID].decode(), said[_TYPE].decode(), value, int(said[_RECORDED])
    )
    return Waiting(event, int(said[_ATTEMPTS]), int(said[_NEXT]))


class Kept:
    """What Kafka keeps of one endpoint: what waits, and the digest of the URL that said it is gone."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, Waiting] = {}
        self.gone: bytes | None = None

    def take(self, endpoint: str, key: bytes, value: bytes | None, headers: Headers) -> None:
        """Take in one record of the topic, in its order; those of other endpoints are passed over."""
        if key == gone_key(endpoint):
            self.gone = value
        elif key.startswith(endpoint.encode() + b"/"):
            if value is None:
                self.waiting.pop(key, None)
            else:
                self.waiting[key] = read_retry(key, value, headers)

    def in_order(self) -> list[Waiting]:
        """What waits: in the order of each partition, and between partitions by when it was published."""
        return list(merged(self.waiting.values()))


def merged(waiting: Iterable[Waiting]) -> Iterator[Waiting]:
    """Events of several partitions in one order that keeps each partition's."""
    by_partition: dict[tuple[str, int], list[Waiting]] = {}
    for one in waiting:
        by_partition.setdefault(one.event.place[:2], []).append(one)
    for here in by_partition.values():
        here.sort(key=lambda one: one.event.place[2])
    return heapq.merge(*by_partition.values(), key=lambda one: one.event.recorded_ms)


async def read_kept(settings: Settings, endpoint: str) -> Kept:
    """What Kafka keeps of an endpoint.

    Raises:
        TopicError: the topic does not exist.
        BrokerUnavailableError: nobody answers.
    """
    kept = Kept()
    async for record in read_to_end(settings, webhook_retries_name(settings)):
        kept.take(endpoint, record.key, record.value, record.headers)
    return kept

"""How far a backfill is: read back from the topics that it fills.

Each record carries the digest of the files and its place in their sequence. A partition takes them in order and without a gap
(`Sender`), so it holds all that is meant for it up to its last one, whatever was killed, and however often. What a killed run had
sent and the broker takes only after it was read back would come twice; the workers drop it then as duplicates, by the events' ids.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.codec.changes import HEADERS
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader
from stream_app.worker.sender import Headers

HEADER: Final = "backfill"
INPUTS: Final = ("orders", "contacts")
_ALL: Final = {"isolation_level": "read_uncommitted"}
"""What somebody else has in an open transaction must not hide what is ours."""

_LOOK_BACK: Final = 1_000
_LOOK_BACK_MAX: Final = 200_000

Target = tuple[str, int]
"""An input topic, named without prefix, and the number of a partition."""

Ends = dict[str, list[int]]
"""Of each input topic where its partitions end, by their numbers."""


class Spot(NamedTuple):
    """The last record of a backfill in a partition: its place in the sequence, and its offset."""

    place: int
    offset: int


def headers_of(digest: str, place: int) -> Headers:
    """The headers of the record at a place of the sequence."""
    return [*HEADERS, (HEADER, f"{digest}:{place}".encode())]


def place_in(record_headers: tuple[tuple[str, bytes | None], ...], digest: str) -> int | None:
    """The place that a record's headers name; None when it is not of this backfill."""
    for name, content in record_headers:
        if name == HEADER and content is not None:
            known, _, place = content.decode("utf-8", "replace").partition(":")
            if known == digest and place.isdecimal():
                return int(place)
    return None


async def ends_of(settings: Settings) -> Ends:
    """Where the input topics end now."""
    async with reader(settings, **_ALL) as client:
        assigned = await partitions_of(client, settings, *INPUTS)
        client.assign(assigned)
        ends = await client.end_offsets(assigned)
    return {name: [ends[tp] for tp in assigned if tp.topic == settings.topic(name)] for name in INPUTS}


async def read_back(settings: Settings, digest: str, begins: Mapping[str, list[int]]) -> dict[Target, Spot]:
    """The last record of it that each partition holds; a partition that holds none is left out.

    Args:
        settings: name the broker and the prefix.
        digest: of the files.
        begins: where the partitions ended when the backfill began.

    Raises:
        Failure: the topics are not those that the backfill began with.
    """
    found: dict[Target, Spot] = {}
    async with reader(settings, auto_offset_reset="earliest", max_poll_records=_LOOK_BACK_MAX, **_ALL) as client:
        assigned = await partitions_of(client, settings, *INPUTS)
        client.assign(assigned)
        ends = await client.end_offsets(assigned)
        for name in INPUTS:
            own = [tp for tp in assigned if tp.topic == settings.topic(name)]
            if len(own) != len(begins[name]) or any(ends[tp] < begin for tp, begin in zip(own, begins[name], strict=True)):
                wrong = f"topic {settings.topic(name)} is not the one that this backfill began to fill"
                raise Failure(f"{wrong}: make the topic policies anew, too, and publish the policy again")
            for tp, begin in zip(own, begins[name], strict=True):
                client.pause(*assigned)
                client.resume(tp)
                if (spot := await _last(client, tp, begin, ends[tp], digest)) is not None:
                    found[name, tp.partition] = spot
    return found


async def _last(client: AIOKafkaConsumer, tp: TopicPartition, begin: int, end: int, digest: str) -> Spot | None:
    """The last record of this backfill between two offsets, looked for from the end."""
    step = _LOOK_BACK
    until = end
    while until > begin:
        at = max(begin, until - step)
        client.seek(tp, at)
        last: Spot | None = None
        while await client.position(tp) < until:
            for record in (await client.getmany(tp, timeout_ms=200)).get(tp, ()):
                if record.offset < until and (place := place_in(record.headers, digest)) is not None:
                    last = Spot(place, record.offset)
        if last is not None:
            return last
        until, step = at, min(2 * step, _LOOK_BACK_MAX)
    return None

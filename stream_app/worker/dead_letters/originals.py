"""The records that letters were made of, in the topics that they were read from: a letter does not keep their timestamps."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.codec.dead_letters import TOPIC
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader
from stream_app.worker.dead_letters.letters import Letter
from stream_app.worker.topics import INPUTS

_NEAR_RECORDS: Final = 2_000  # reading on costs less than another request
_WAIT_S: Final = 5.0


class Originals:
    """Finds them. `begins` is the first offset of each partition of `dead-letters`."""

    def __init__(self, client: AIOKafkaConsumer, begins: dict[int, int], bounds: dict[TopicPartition, tuple[int, int]]) -> None:
        """`bounds` are the first offset and the end of each partition of the inputs, which the client is assigned and has paused."""
        self.begins = begins
        self._client = client
        self._bounds = bounds

    async def timestamps(self, letters: Sequence[Letter]) -> dict[str, int]:
        """The timestamps of the originals that are still there, by the letter's name.

        Raises:
            Failure: a partition that a letter came from does not exist.
        """
        by_partition: dict[TopicPartition, list[Letter]] = {}
        for letter in letters:
            by_partition.setdefault(TopicPartition(letter.topic, letter.origin_partition), []).append(letter)
        found: dict[str, int] = {}
        for at, here in by_partition.items():
            if at not in self._bounds:
                raise Failure(f"dead letter {here[0].name}: {at.topic} has no partition {at.partition}: leave it out by a filter")
            self._client.resume(at)
            await self._look_up(at, sorted(here, key=lambda letter: letter.origin_offset), found)
            self._client.pause(at)
        return found

    async def _look_up(self, at: TopicPartition, letters: Sequence[Letter], found: dict[str, int]) -> None:
        begin, end = self._bounds[at]
        record: Any = None
        for letter in letters:
            offset = letter.origin_offset
            if not begin <= offset < end:
                continue
            if record is None or not record.offset <= offset <= record.offset + _NEAR_RECORDS:
                self._client.seek(at, offset)
                record = None
            try:
                while record is None or record.offset < offset:
                    async with asyncio.timeout(_WAIT_S):
                        record = await self._client.getone(at)
            except TimeoutError:  # nothing from here on: the topic was made anew
                record = None
                continue
            if (record.offset, record.key, record.value) == (offset, letter.key, letter.value):
                found[letter.name] = record.timestamp


@asynccontextmanager
async def read_originals(settings: Settings) -> AsyncIterator[Originals]:
    """Look records up by where they were read.

    Raises:
        TopicError: a topic does not exist.
        BrokerUnavailableError: nobody answers.
    """
    async with reader(settings, auto_offset_reset="earliest") as client:
        letters = await partitions_of(client, settings, TOPIC)
        inputs = await partitions_of(client, settings, *INPUTS)
        client.assign([*inputs, *letters])
        client.pause(*inputs, *letters)
        begins, ends = await client.beginning_offsets([*inputs, *letters]), await client.end_offsets(inputs)
        yield Originals(client, {at.partition: begins[at] for at in letters}, {at: (begins[at], ends[at]) for at in inputs})

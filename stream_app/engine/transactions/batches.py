"""Kafka's record batches (message format 2), made of many records at once, and compressed beside the interpreter.

They take the place of aiokafka's builder, which compresses in the event loop and is called once a record. What the client adds
when it sends one is the same: who produces, and which number in the transaction's partition the first record has.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from struct import Struct
from typing import Final

from aiokafka.record.util import calc_crc32c
from cramjam import zstd

from stream_app.engine.transactions.records import encode_records
from stream_app.engine.unit import Output

BATCH_BYTES: Final = 960 << 10
"""Below the broker's default limit of 1 MiB for a record batch, whatever compression does."""

_LEVEL: Final = 1
_AT_ONCE: Final = 32 << 10  # compressed sooner than another thread has a turn
_HEAD: Final = Struct(">qiibI")  # base offset, length, epoch of the leader, format, checksum
_BODY: Final = Struct(">hiqqqhii")  # attributes, last offset, first and last time, producer: id, epoch and number, count
_AFTER_LENGTH: Final = 9
_FORMAT: Final = 2
_ZSTD, _TRANSACTIONAL = 4, 16
_compressing: Final = ThreadPoolExecutor(1, "compress")


class RecordBatch:
    """A finished record batch, as far as aiokafka's producer asks a `BatchBuilder`."""

    def __init__(self, records: bytes, count: int, timestamp_ms: int, *, is_compressed: bool) -> None:
        self._records = records
        self._count = count
        self._timestamp_ms = timestamp_ms
        self._attributes = _TRANSACTIONAL | (_ZSTD if is_compressed else 0)
        self._producer = -1, -1, 0
        self._encoded = b""

    def record_count(self) -> int:
        """How many records it holds."""
        return self._count

    def size(self) -> int:
        """How many bytes it takes."""
        return _HEAD.size + _BODY.size + len(self._records)

    def close(self) -> None:
        """It takes no more records anyway."""

    def closed(self) -> bool:
        """Whether it takes no more."""
        return True

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = producer_id, producer_epoch, base_sequence

    def _build(self) -> bytes:
        if not self._encoded:
            at_ms = self._timestamp_ms
            body = _BODY.pack(self._attributes, self._count - 1, at_ms, at_ms, *self._producer, self._count) + self._records
            self._encoded = _HEAD.pack(0, _AFTER_LENGTH + len(body), -1, _FORMAT, calc_crc32c(body)) + body
            self._records = b""
        return self._encoded


async def pack(records: Sequence[Output], timestamp_ms: int) -> AsyncIterator[RecordBatch]:
    """`records` in as few batches as they need."""
    first = 0
    while first < len(records):
        encoded, count = encode_records(records, first, BATCH_BYTES)
        first += count
        if len(encoded) < _AT_ONCE:
            compressed = _compress(encoded)
        else:
            compressed = await asyncio.get_running_loop().run_in_executor(_compressing, _compress, encoded)
        is_smaller = len(compressed) < len(encoded)
        yield RecordBatch(compressed if is_smaller else encoded, count, timestamp_ms, is_compressed=is_smaller)


def _compress(records: bytes) -> bytes:
    return bytes(zstd.compress(records, level=_LEVEL))  # gives the interpreter to others meanwhile

"""Our record batches are those that Kafka reads, by aiokafka's own reader, and those that its own builder makes."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.transactions import batches
from stream_app.engine.transactions.batches import RecordBatch, pack
from stream_app.engine.transactions.records import encode_records
from stream_app.engine.unit import Output

NOW_MS = 1_700_000_000_000
BYTES = st.none() | st.binary(max_size=40)
HEADERS = st.lists(st.tuples(st.text(max_size=8), BYTES), max_size=3).map(tuple)
RECORDS = st.lists(st.tuples(BYTES, BYTES, HEADERS), min_size=1, max_size=9)


def packed(records: Sequence[Output]) -> list[RecordBatch]:
    async def gather() -> list[RecordBatch]:
        return [batch async for batch in pack(records, NOW_MS)]

    return asyncio.run(gather())


def read(batch: RecordBatch) -> list[Output]:
    """What aiokafka reads in what is sent."""
    batch._set_producer_state(7, 3, 11)
    log = MemoryRecords(bytes(batch._build()))
    assert log.has_next()
    found = log.next_batch()
    assert found is not None
    assert found.validate_crc()
    assert (found.is_transactional, found.producer_id, found.producer_epoch, found.base_sequence) == (True, 7, 3, 11)
    assert not log.has_next()
    records = list(found)
    assert [(record.offset, record.timestamp) for record in records] == [(place, NOW_MS) for place in range(len(records))]
    assert batch.record_count() == len(records)
    return [(record.key, record.value, tuple(record.headers)) for record in records]


@given(RECORDS)
def test_what_is_packed_is_read(records: list[Output]) -> None:
    assert [record for batch in packed(records) for record in read(batch)] == records


@given(RECORDS)
def test_records_have_the_bytes_that_aiokafka_gives_them(records: list[Output]) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, True, -1, -1, 0, 1 << 20)
    for place, (key, value, headers) in enumerate(records):
        builder.append(place, timestamp=NOW_MS, key=key, value=value, headers=list(headers))
    plain, count = encode_records(records, 0, 1 << 20)
    batch = RecordBatch(plain, count, NOW_MS, is_compressed=False)
    assert bytes(batch._build()) == bytes(builder.build())


@pytest.mark.parametrize("size", [1, 63, 64, 8_191, 8_192, 100_000, 1_100_000])
def test_lengths_of_any_size(size: int) -> None:
    record: Output = (b"k" * (size % 9_000), b"v" * size, ())
    assert [read(batch) for batch in packed([record])] == [[record]]


def test_many_records_make_several_batches_none_of_them_above_the_limit() -> None:
    records: list[Output] = [(b"%d" % number, bytes([number % 251]) * 400, ()) for number in range(9_000)]
    found = packed(records)
    assert [record for batch in found for record in read(batch)] == records
    assert len(found) > 3
    assert all(len(encode_records(read(batch), 0, 1 << 30)[0]) <= batches.BATCH_BYTES for batch in found)
    assert all(batch.size() < 100_000 for batch in found), "they are compressed"


def test_what_compression_makes_larger_is_sent_as_it_is() -> None:
    (batch,) = packed([(b"k", b"v", ())])
    assert batch._attributes == 16
    assert read(batch) == [(b"k", b"v", ())]

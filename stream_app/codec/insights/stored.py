"""Sums <-> bytes: as they travel between partitions, and what the table stores of customers and shops."""

from typing import Final

import msgspec
from msgspec import Struct

from stream_app.domain.insights.customer import CustomerSums
from stream_app.domain.insights.tally import Name, Tally

ROWS_MAX: Final = 4_000
"""Of a tally that many rows travel in one record; a name has at most some 200 bytes, which keeps it under 1 MiB."""

_VERSION: Final = b"\x01"


# -- between partitions

Row = tuple[str, tuple[str, ...], int]


class Part(Struct, array_like=True):
    """Rows of a tally on their way to the partition where the shop's sums are: period, name, what to add."""

    shop: str
    rows: list[Row]
    times: dict[str, int]


_pack: Final = msgspec.msgpack.Encoder().encode
_read_part: Final = msgspec.msgpack.Decoder(Part).decode


def encode_tally(shop: str, tally: Tally) -> list[bytes]:
    """The records that carry a tally, a few thousand rows each; in an order of their own, so that the bytes do not depend on batches."""
    rows = [(period, name, amount) for period in sorted(tally.sums) for name, amount in sorted(tally.sums[period].items())]
    times = dict(sorted(tally.times.items()))
    found = []
    while rows or times:
        found.append(_pack(Part(shop, rows[:ROWS_MAX], times)))
        rows, times = rows[ROWS_MAX:], {}
    return found


def decode_tally(value: bytes) -> tuple[str, Tally]:
    """The shop, and what is to be added to its sums."""
    part = _read_part(value)
    tally = Tally()
    for period, name, amount in part.rows:
        tally.add(period, name, amount)
    for period, time_ms in part.times.items():
        tally.touch(period, time_ms)
    return part.shop, tally


# -- what the table stores

_read_customer: Final = msgspec.msgpack.Decoder(CustomerSums).decode


def encode_customer(customer: CustomerSums) -> bytes:
    """The bytes that the table stores."""
    return _VERSION + _pack(customer)


def decode_customer(encoded: bytes) -> CustomerSums:
    """The customer that `encode_customer` wrote."""
    assert encoded[:1] == _VERSION
    return _read_customer(memoryview(encoded)[1:])


class Period(Struct, array_like=True):
    """The sums of a shop in one period. What follows `at_ms` is kept in `now` alone.

    Attributes:
        sums: by name.
        at_ms: the latest event time in them.
        months: every month that has a record.
        unpublished: the periods that have changed since they were published last.
        published_ms: when that was, by the wall clock.
    """

    sums: dict[Name, int]
    at_ms: int
    months: list[str] = []
    unpublished: list[str] = []
    published_ms: int = 0


class _Stored(Struct, array_like=True):
    rows: list[tuple[Name, int]]
    at_ms: int
    months: list[str]
    unpublished: list[str]
    published_ms: int


_read_period: Final = msgspec.msgpack.Decoder(_Stored).decode


def encode_period(period: Period) -> bytes:
    """The bytes that the table stores; names ascend."""
    rows = sorted(period.sums.items())
    return _VERSION + _pack(_Stored(rows, period.at_ms, period.months, period.unpublished, period.published_ms))


def decode_period(encoded: bytes) -> Period:
    """The sums that `encode_period` wrote."""
    assert encoded[:1] == _VERSION
    stored = _read_period(memoryview(encoded)[1:])
    return Period(dict(stored.rows), stored.at_ms, stored.months, stored.unpublished, stored.published_ms)

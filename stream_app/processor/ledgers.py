"""What a partition keeps of a shop whose classes are by pareto, in its part of the table, and sketches as text.

The keys lie in the shop's own part of the table, behind a control character that no customer's id may have.
"""

from typing import Final

import msgspec

from stream_app.domain.pareto import Sketch

_SIGN: Final = "\x01"
_VERSION: Final = b"\x00"
"""The layout; no state begins with it."""

_NO_DAY: Final = -(1 << 31)

Name = tuple[int, str]
"""Of a sketch: its evaluation day, and the hash of the policy that asks for it."""


class Ledger(msgspec.Struct, array_like=True):
    """A shop in one partition.

    Attributes:
        reached: the last evaluation day that is closed here.
        first: the day to close first, while none is.
        open: the sketches that are not closed yet.
        cuts: the hashes of the policy with its cut-offs, in the order in which they were taken.
        asked: at the shop's home: all partitions have been asked.
        heard: at the shop's home: up to which evaluation day each partition has told all.
        merged: at the shop's home: what was told of days that some have still to tell of, with A_pct and B_pct.
    """

    reached: int = _NO_DAY
    first: int = _NO_DAY
    open: list[Name] = []
    cuts: list[str] = []
    asked: bool = False
    heard: dict[int, int] = {}
    merged: list[tuple[int, str, int, int]] = []


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Ledger).decode


def ledger_key(shop_id: str) -> bytes:
    """Where the ledger lies."""
    return f"{shop_id}/{_SIGN}".encode()


def sketch_key(shop_id: str, name: Name, *, merged: bool) -> bytes:
    """Where a sketch lies: the partition's own, or, at the shop's home, the one of all partitions."""
    return f"{shop_id}/{_SIGN}{'all' if merged else 'own'} {name[0]} {name[1]}".encode()


def is_ledger(key: bytes) -> bool:
    """Whether the row under this key is a ledger or a sketch, and no customer."""
    place = key.index(b"/") + 1
    return key[place : place + 1] == _SIGN.encode()


def encode_ledger(ledger: Ledger) -> bytes:
    """The bytes that the table stores."""
    return _VERSION + _encode(ledger)


def decode_ledger(encoded: bytes) -> Ledger:
    """The ledger that `encode_ledger` wrote."""
    return _decode(memoryview(encoded)[1:])


def encode_sketch(sketch: Sketch) -> bytes:
    """The bytes that the table stores."""
    return _VERSION + write_sketch(sketch).encode()


def decode_sketch(encoded: bytes) -> Sketch:
    """The sketch that `encode_sketch` wrote."""
    return read_sketch(encoded[1:].decode())


def write_sketch(sketch: Sketch) -> str:
    """A sketch as text, the same for the same values: integers of any size, in the order of the keys."""
    rows = ";".join(f"{key} {' '.join(map(str, sketch.rows[key]))}" for key in sorted(sketch.rows))
    return f"{'exact' if sketch.exact else 'coarse'}:{rows}" if rows else ""


def read_sketch(text: str) -> Sketch:
    """The sketch that `write_sketch` wrote."""
    kind, _, rows = text.partition(":")
    sketch = Sketch(kind != "coarse")
    for row in rows.split(";") if rows else ():
        key, count, total, least = map(int, row.split())
        sketch.rows[key] = count, total, least
    return sketch

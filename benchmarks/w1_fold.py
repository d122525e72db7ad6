"""W1 as a processor for our engine: count, sum and class per customer, and every change of class.

A state is 17 bytes: count, sum and class. There are no deadlines; timers, transactions, the store and the changelog are
the engine's own, as for the full domain.
"""

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct as Layout
from typing import Any

import msgspec

from benchmarks.w1.orders import A_FROM, B_FROM
from stream_app.engine.fold import Decoded, Record, Unit


class Order(msgspec.Struct, gc=False):
    """What W1 needs of an order."""

    amount_minor: int


LAYOUT = Layout(">qqc")
_unpack = LAYOUT.unpack
_pack = LAYOUT.pack
_order = msgspec.json.Decoder(Order).decode


class W1Processor:
    """Implements `engine.fold.Processor`."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._states: dict[bytes, tuple[int, int, bytes]] = {}

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Nothing besides the states."""

    def memo(self) -> dict[str, Any]:
        """Nothing besides the states."""
        return {}

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one order."""
        return Decoded(record.timestamp, record.key, record, _order(record.value or b"").amount_minor)

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Add each order to its customer, and publish a class that changes."""
        states = self._states
        read, emit, output = unit.read, unit.emit, self._output
        for place, decoded in enumerate(batch):
            if place % 500 == 0:
                yield
            key = decoded.key
            assert key is not None
            found = states.get(key)
            if found is None:
                stored = read(key)
                found = (0, 0, b"") if stored is None else _unpack(stored)
            count, total, before = found
            count += 1
            total += decoded.content
            after = b"A" if total >= A_FROM else b"B" if total >= B_FROM else b"C"
            states[key] = count, total, after
            if after != before:
                was = b'"%b"' % before if before else b"null"
                value = b'{"customer_id":"%b","from":%b,"to":"%b","count":%d,"sum_minor":%d}' % (key, was, after, count, total)
                emit(output, key, value)

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        """Nothing is ever due."""
        return 0

    def sweep(self, unit: Unit, limit: int) -> int:
        """There is none."""
        return 0

    def sweeping(self) -> int | None:
        """There is none."""
        return None

    def finish(self, unit: Unit) -> None:
        """Write what has changed."""
        write = unit.write
        for key, (count, total, after) in self._states.items():
            write(key, _pack(count, total, after), None)
        self._states.clear()

"""Records as bytes, as they lie in one of Kafka's record batches (message format 2), before compression.

aiokafka's own builder is called record by record and checks each; a unit of work has all its records at hand, from one maker.
"""

from collections.abc import Sequence
from typing import Final

from stream_app.engine.fold import Headers
from stream_app.engine.unit import Output

_NONE: Final = b"\x01"  # the length -1
_PLAIN: Final = b"\x00\x00"  # no attributes, and the time of the whole batch


def _long_varint(number: int) -> bytes:
    rest, encoded = number << 1, bytearray()
    while rest > 127:
        encoded.append(rest & 127 | 128)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


_KNOWN: Final = 8_192
_VARINTS: Final[list[bytes]] = [_long_varint(number) for number in range(_KNOWN)]


def varint(number: int) -> bytes:
    """A length or an offset, zero or more, as a zigzag varint."""
    return _VARINTS[number] if number < _KNOWN else _long_varint(number)


def encode_records(records: Sequence[Output], first: int, bytes_max: int) -> tuple[bytes, int]:
    """The records from place `first` on, as many as fit into `bytes_max` but one at least, and how many they are."""
    parts: list[bytes] = []
    size = count = 0
    known: Headers = ()
    told = _VARINTS[0]
    for place in range(first, len(records)):
        key, value, headers = records[place]
        if headers is not known:  # nearly always the same
            known, told = headers, _encode_headers(headers)
        number = varint(count)
        before_key, before_value = _NONE, _NONE
        length = 2 + len(number) + len(told)
        if key is not None:
            before_key = varint(len(key))
            length += len(key)
        if value is not None:
            before_value = varint(len(value))
            length += len(value)
        head = varint(length + len(before_key) + len(before_value))
        size += length + len(before_key) + len(before_value) + len(head)
        if count and size > bytes_max:
            break
        count += 1
        parts.append(head)
        parts.append(_PLAIN)
        parts.append(number)
        parts.append(before_key)
        if key is not None:
            parts.append(key)
        parts.append(before_value)
        if value is not None:
            parts.append(value)
        parts.append(told)
    return b"".join(parts), count


def _encode_headers(headers: Headers) -> bytes:
    parts = [varint(len(headers))]
    for name, value in headers:
        encoded = name.encode()
        parts += [varint(len(encoded)), encoded]
        parts += [_NONE] if value is None else [varint(len(value)), value]
    return b"".join(parts)

"""What the engine wraps around a state, and the marker that says how far a partition has come.

A frame is the state's deadline (8 bytes, milliseconds, big endian, 0 for none) and then the state itself. The changelog and
the store hold the same frame, so a restore rebuilds the timers without knowing what a state is.
"""

from typing import Any

import msgspec

from stream_app.errors import VersionError

MARKER_KEY = b"!marker"
_DEADLINE_BYTES = 8
_VERSION = 1


class Marker(msgspec.Struct):
    """The truth of a partition's position, written to the changelog in the transaction of every unit of work.

    Attributes:
        offsets: the next offset of each input, by topic name as the broker knows it (with prefix).
        memo: what the processor must remember besides the states.
        v: the layout's version.
        topic_ids: which topics the offsets are of, by name (`engine/topic_ids.py`).
    """

    offsets: dict[str, int]
    memo: dict[str, Any]
    v: int = _VERSION
    topic_ids: dict[str, str] = {}


_encode_marker = msgspec.json.Encoder().encode
_decode_marker = msgspec.json.Decoder(Marker).decode


def encode_marker(marker: Marker) -> bytes:
    """The marker as the value of its changelog record."""
    return _encode_marker(marker)


def decode_marker(value: bytes) -> Marker:
    """Read a marker back.

    Raises:
        VersionError: a newer version of the program wrote it.
    """
    marker = _decode_marker(value)
    if marker.v > _VERSION:
        fix = "run the newer version, or start over with another STREAM_APP_ID"
        raise VersionError(f"the marker was written by a newer version of stream-app (layout {marker.v}, this one knows {_VERSION}): {fix}")
    return marker


def frame(state: bytes, deadline_ms: int | None) -> bytes:
    """Put the deadline before the state."""
    return (deadline_ms or 0).to_bytes(_DEADLINE_BYTES, "big") + state


def state_of(framed: bytes) -> bytes:
    """The state inside a frame."""
    return framed[_DEADLINE_BYTES:]


def deadline_of(framed: bytes | None) -> int:
    """The deadline inside a frame in milliseconds; 0 when there is none, or no frame."""
    return int.from_bytes(framed[:_DEADLINE_BYTES], "big") if framed else 0


def timeline_of(key: bytes) -> str:
    """The timeline a key's timer stands on: the part of the key before the first slash."""
    return key.partition(b"/")[0].decode("utf-8", "surrogateescape")

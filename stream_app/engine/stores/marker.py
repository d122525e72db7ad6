"""The marker: which place of its inputs a partition's states have come to."""

from typing import Any

import msgspec

from stream_app.errors import VersionError

MARKER_KEY = b"!marker"
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

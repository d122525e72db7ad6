"""Rejected records: the headers that say why and where, and the line a replay writes for one.

Key, value and headers of the record stay as they were: in binary mode the headers are half of the event.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from stream_app.domain.events import Rejected

TOPIC: Final = "dead-letters"
CODE: Final = "error.code"
DETAIL: Final = "error.detail"
ORIGIN_TOPIC: Final = "error.topic"
ORIGIN_PARTITION: Final = "error.partition"
ORIGIN_OFFSET: Final = "error.offset"
_OURS: Final = frozenset({CODE, DETAIL, ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET})

Headers = Sequence[tuple[str, bytes | None]]


def dead_letter_headers(
    rejected: Rejected, topic: str, partition: int, offset: int, headers: Headers = ()
) -> list[tuple[str, bytes | None]]:
    """The headers of a dead letter: the record's own, then why it was rejected and where it came from.

    A record that was a dead letter before, and was sent again, carries only the latest reason.
    """
    return [
        *own_headers(headers),
        (CODE, rejected.code.value.encode()),
        (DETAIL, rejected.detail.encode()),
        (ORIGIN_TOPIC, topic.encode()),
        (ORIGIN_PARTITION, b"%d" % partition),
        (ORIGIN_OFFSET, b"%d" % offset),
    ]


def own_headers(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The headers that the record came with."""
    return [(name, content) for name, content in headers if name not in _OURS]


def dead_letter_line(value: bytes | None, headers: Headers) -> str:
    """The JSON line for a dead letter in a replay's output, without a line end."""
    return json.dumps(
        {
            "topic": TOPIC,
            "headers": {name: (content or b"").decode(errors="replace") for name, content in headers},
            "value_base64": None if value is None else b64encode(value).decode(),
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )

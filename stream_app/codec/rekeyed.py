"""What a record carries to its customer's partition: where it was read, for the dead letter that may still come of it.

Only records of the rekeyed topic are asked for it, and no other headers of these names pass the hop: nobody can pretend.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stream_app.domain.facts.notes import Raw

TOPIC = "rekeyed.topic"
PARTITION = "rekeyed.partition"
OFFSET = "rekeyed.offset"
KEY = "rekeyed.key"
FROM = "rekeyed.from"
INTO = "rekeyed.into"
BACK = "rekeyed.back"
_FORWARD = (FROM, INTO, BACK)
_OURS = frozenset({TOPIC, PARTITION, OFFSET, KEY, *_FORWARD})

Headers = Sequence[tuple[str, bytes | None]]


def origin_headers(topic: str, partition: int, offset: int, key: bytes | None, headers: Headers) -> list[tuple[str, bytes | None]]:
    """The headers of a record that is sent on: its own, then its coordinates and its key (left out when there is none)."""
    kept = [(name, content) for name, content in headers if name not in _OURS]
    kept += [(TOPIC, topic.encode()), (PARTITION, b"%d" % partition), (OFFSET, b"%d" % offset)]
    if key is not None:
        kept.append((KEY, key))
    return kept


class Forward(NamedTuple):
    """How a merged customer's record travels: whose it is, to whom it goes, and who sends it back (empty when it goes forward)."""

    sender: str
    into: str
    back: str = ""


def forward_headers(raw: Raw, rekeyed_topic: str, forward: Forward) -> list[tuple[str, bytes | None]]:
    """The headers of a merged customer's record that is sent on to the one he was merged into, or back to him."""
    topic, partition, offset, key, _, headers = raw
    if topic != rekeyed_topic:
        headers = origin_headers(topic, partition, offset, key, headers)
    kept = [(name, content) for name, content in headers if name not in _FORWARD]
    return kept + [(name, told.encode()) for name, told in zip(_FORWARD, forward, strict=True) if told]


def read_forward(headers: Headers) -> Forward | None:
    """How a record was sent on; None for one that was not."""
    found = {name: (content or b"").decode(errors="replace") for name, content in headers if name in _FORWARD}
    return Forward(*(found.get(name, "") for name in _FORWARD)) if found.get(INTO) else None


def original(raw: Raw) -> Raw:
    """A record of the rekeyed topic as it was read at first; one that nobody sent on stays as it is."""
    *_, value, headers = raw
    ours = {name: content for name, content in headers if name in _OURS and content is not None}
    try:
        topic, partition, offset = ours[TOPIC].decode(), int(ours[PARTITION]), int(ours[OFFSET])
    except (KeyError, ValueError):
        return raw
    return (topic, partition, offset, ours.get(KEY), value, [(name, content) for name, content in headers if name not in _OURS])

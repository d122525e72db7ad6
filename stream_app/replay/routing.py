"""Every line goes to a bucket: all of a customer's, and all of his family's, to the same one.

A bucket is what is evaluated at once, and so is small enough to be decoded in memory. Lines are not decoded on the way: who, of
which type and when is all that is looked at.
"""

from collections.abc import Iterator
from typing import Final
from zlib import crc32

from stream_app.codec.events import MAX_AHEAD_MS, TIME_MIN_MS, decode_record, peek
from stream_app.domain.events import Event
from stream_app.domain.policy import Policy
from stream_app.replay.families import RELATIONS
from stream_app.replay.lives import NEVER
from stream_app.replay.spill import Place, Spill

Lines = tuple[list[int], list[bytes]]
"""Lines as they came, without line feeds, and before them their numbers over all files."""

WATERMARK: Final = "watermark"
_LINE_BYTES: Final = 120
"""What a line in memory costs besides its text."""


class Bucket:
    """What one process knows of a bucket: the blocks that are on disk, the lines that are not, and how much it is in all.

    `latest_ms` is the time of the latest event that may be accepted.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.texts: list[bytes] = []
        self.places: list[Place] = []
        self.bytes = 0
        self.latest_ms = NEVER


class Router:
    """Puts lines into `count` buckets; in memory at most `bytes_max` of them.

    Attributes:
        buckets: by number; what is in them is numbered from 0.
        lines: how many there were.
        watermarks: the accepted ones, which are nobody's: number, shop and time.
        relates: whether somebody refers to another, or is merged into one, so that `heads` have to be known.
    """

    def __init__(self, policy: Policy, wall_ms: int, count: int, heads: dict[int, int], spill: Spill, index: int, bytes_max: int) -> None:
        """`heads`: of each family, by number (`families.number_of`); `index` is the file of `spill` to be written."""
        self._shop = policy.shop
        self._time_max_ms = wall_ms + MAX_AHEAD_MS
        self._heads = heads
        self._spill = spill
        self._index = index
        self._bytes_max = bytes_max
        self._bytes = 0
        self.buckets = [Bucket() for _ in range(count)]
        self.lines = 0
        self.watermarks: list[tuple[int, str, int]] = []
        self.relates = False

    def take(self, lines: list[bytes]) -> None:
        """The next lines."""
        number = self.lines
        self.lines += len(lines)
        buckets, heads = self.buckets, self._heads
        count, shop_of_policy, time_max_ms = len(buckets), self._shop, self._time_max_ms
        for text in lines:
            seen = peek(text)
            if seen is None or not seen[2] or seen[0] == WATERMARK:
                if (seen is not None and self._is_watermark(number, text, seen[0])) or not text.strip():
                    number += 1
                    continue
                bucket = buckets[number % count]  # nobody's, and whoever has it says what is wrong with it
            else:
                kind, shop, customer, time_ms = seen
                if kind in RELATIONS:
                    self.relates = True
                name = crc32(f"{shop}/{customer}".encode())
                bucket = buckets[(heads.get(name, name) if heads else name) % count]
                if bucket.latest_ms < time_ms <= time_max_ms and (shop_of_policy is None or shop == shop_of_policy):
                    bucket.latest_ms = time_ms
            bucket.numbers.append(number)
            bucket.texts.append(text)
            bucket.bytes += len(text)
            number += 1
        self._bytes += sum(map(len, lines)) + _LINE_BYTES * len(lines)
        if self._bytes > self._bytes_max:
            self.flush()

    def _is_watermark(self, number: int, text: bytes, kind: str) -> bool:
        event = decode_record(None, text, (), 0) if kind == WATERMARK else None
        if not isinstance(event, Event) or not TIME_MIN_MS <= event.time_ms <= self._time_max_ms:
            return False
        if self._shop is not None and self._shop != event.shop_id:
            return False
        self.watermarks.append((number, event.shop_id, event.time_ms))
        return True

    def flush(self) -> None:
        """Put on disk what is in memory."""
        self._bytes = 0
        for bucket in self.buckets:
            if bucket.texts:
                bucket.places.append(self._spill.put_object(self._index, (bucket.numbers, bucket.texts)))
                bucket.numbers, bucket.texts = [], []


def time_of(text: bytes) -> int:
    """The time of a line's event, or NEVER."""
    seen = peek(text)
    return NEVER if seen is None else seen[3]


def read_back(bucket: Bucket, before: int, spill: Spill) -> Iterator[Lines]:
    """The lines of a bucket, in the order in which they came, numbered after `before` others."""
    for place in bucket.places:
        numbers, texts = spill.get_object(place)
        yield _moved(numbers, before), texts
    if bucket.texts:
        yield _moved(bucket.numbers, before), bucket.texts


def _moved(numbers: list[int], before: int) -> list[int]:
    return [number + before for number in numbers] if before else numbers

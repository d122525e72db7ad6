"""Which customers of the files have to do with each other: who refers to another, and who is merged into another.

What one does is an event of the other's, so a family is folded together, in one process. All others are folded one by one.
"""

from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar
from zlib import crc32

from stream_app.codec.events import decode_record
from stream_app.domain.events import CustomerMerged, Event, ReferralMade

Name = tuple[str, str]
"""A shop and a customer of it."""

Key = TypeVar("Key", Name, int)

RELATIONS: Final = ("referral.made", "customer.merged")
_MARKS: Final = tuple(kind.encode() for kind in RELATIONS)
_ESCAPED_MARKS: Final = (b"\\u006", b"\\u007", b"\\u002e", b"\\u002E")
"""What a line of such an event holds; a type may be spelt with escapes, and these are those of its letters."""


class Families(Generic[Key]):
    """Who belongs together, by what was said so far."""

    def __init__(self) -> None:
        self._heads: dict[Key, Key] = {}

    def join(self, pair: tuple[Key, Key]) -> None:
        """Put two customers into one family."""
        one, other = sorted(self._head(name) for name in pair)
        self._heads[other] = one
        self._heads.setdefault(one, one)

    def heads(self) -> dict[Key, Key]:
        """The first of each customer's family; those who are alone are left out."""
        return {name: self._head(name) for name in self._heads}

    def _head(self, name: Key) -> Key:
        """The head of `name`'s family; the way there is shortened."""
        heads, way = self._heads, []
        while heads.get(name, name) != name:
            way.append(name)
            name = heads[name]
        for passed in way:
            heads[passed] = name
        return name


def pair_of(event: Event) -> tuple[Name, Name] | None:
    """The two customers that the event puts into one family."""
    data: Any = event.data
    if isinstance(data, ReferralMade):
        other = data.referred_customer_id
    elif isinstance(data, CustomerMerged):
        other = data.into
    else:
        return None
    return (event.shop_id, event.customer_id), (event.shop_id, other)


def number_of(name: Name) -> int:
    """A number that stands for a customer; two may share one, and then only meet where they need not."""
    return crc32(f"{name[0]}/{name[1]}".encode())


def find_pairs(block: bytes) -> Iterable[tuple[int, int]]:
    """By number, who is put into one family by these lines; only lines that may do so are decoded."""
    if _is_marked(block):  # looking into a block costs next to nothing, looking into each line does
        for line in block.split(b"\n"):
            if _is_marked(line):
                event = decode_record(None, line.rstrip(b"\r"), (), 0)
                pair = pair_of(event) if isinstance(event, Event) else None
                if pair is not None:
                    yield number_of(pair[0]), number_of(pair[1])


def _is_marked(text: bytes) -> bool:
    return any(mark in text for mark in _MARKS) or (b"\\" in text and any(mark in text for mark in _ESCAPED_MARKS))

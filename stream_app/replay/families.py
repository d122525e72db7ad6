"""Which customers of the files have to do with each other: who refers to another, and who is merged into another.

What one does is an event of the other's, so a family is folded together, in one process. All others are folded one by one.
"""

from collections.abc import Iterable
from pathlib import Path

from stream_app.codec.events import decode_record
from stream_app.domain.events import CustomerMerged, Event, ReferralMade

Name = tuple[str, str]
"""A shop and a customer of it."""

_MARKS = (b"referral.made", b"customer.merged")
_ESCAPED_MARKS = (b"\\u006", b"\\u007", b"\\u002e", b"\\u002E")
"""What a line of such an event holds; a type may be spelt with escapes, and these are those of its letters."""

_BLOCK_BYTES = 1 << 20


class Families:
    """Who belongs together, by what was said so far."""

    def __init__(self) -> None:
        self._heads: dict[Name, Name] = {}

    def join(self, event: Event) -> None:
        """Put two customers into one family, if that is what the event says."""
        data = event.data
        if isinstance(data, ReferralMade):
            other = data.referred_customer_id
        elif isinstance(data, CustomerMerged):
            other = data.into
        else:
            return
        pair = sorted(self._head((event.shop_id, name)) for name in (event.customer_id, other))
        self._heads[pair[1]] = pair[0]
        self._heads.setdefault(pair[0], pair[0])

    def heads(self) -> dict[Name, Name]:
        """The first by name of each customer's family; those who are alone are left out."""
        return {name: self._head(name) for name in self._heads}

    def _head(self, name: Name) -> Name:
        """The head of `name`'s family; the way there is shortened."""
        heads, way = self._heads, []
        while heads.get(name, name) != name:
            way.append(name)
            name = heads[name]
        for passed in way:
            heads[passed] = name
        return name


def find_families(files: Iterable[Path]) -> dict[Name, Name]:
    """The heads of all families in the files, without decoding more than the lines that make them."""
    families = Families()
    for file in files:
        with file.open("rb") as lines:
            while block := lines.read(_BLOCK_BYTES):
                block += lines.readline()
                if _is_marked(block):  # looking into a block costs next to nothing, looking into each line does
                    for line in block.split(b"\n"):
                        if _is_marked(line):
                            event = decode_record(None, line.rstrip(b"\r"), (), 0)
                            if isinstance(event, Event):
                                families.join(event)
    return families.heads()


def _is_marked(text: bytes) -> bool:
    return any(mark in text for mark in _MARKS) or (b"\\" in text and any(mark in text for mark in _ESCAPED_MARKS))

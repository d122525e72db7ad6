"""Which customers of the files have to do with each other: who refers to another, and who is merged into another.

What one does is an event of the other's, so a family is folded together, in one process. All others are folded one by one.
"""

from collections.abc import Iterable
from pathlib import Path

from stream_app.codec.events import decode_record
from stream_app.domain.events import CustomerMerged, Event, ReferralMade

Name = tuple[str, str]
"""A shop and a customer of it."""

_MARKS = (b"referral.made", b"customer.merged", b"\\u006", b"\\u007", b"\\u002e", b"\\u002E")
"""What a line of such an event holds; a type may be spelt with escapes, and these are those of its letters."""

_BLOCK_BYTES = 1 << 22


def find_families(files: Iterable[Path]) -> dict[Name, Name]:
    """The first by name of each customer's family; those who are alone are left out."""
    heads: dict[Name, Name] = {}
    for file in files:
        with file.open("rb") as lines:
            while block := lines.read(_BLOCK_BYTES):
                block += lines.readline()
                if _is_marked(block):  # looking into a block costs next to nothing, looking into each line does
                    for line in block.split(b"\n"):
                        if _is_marked(line):
                            _join(heads, line.rstrip(b"\r"))
    return {name: _head(heads, name) for name in heads}


def _is_marked(text: bytes) -> bool:
    return any(mark in text for mark in _MARKS)


def _join(heads: dict[Name, Name], text: bytes) -> None:
    event = decode_record(None, text, (), 0)
    if not isinstance(event, Event):
        return
    if isinstance(event.data, ReferralMade):
        other = event.data.referred_customer_id
    elif isinstance(event.data, CustomerMerged):
        other = event.data.into
    else:
        return
    pair = sorted(_head(heads, (event.shop_id, name)) for name in (event.customer_id, other))
    heads[pair[1]] = pair[0]
    heads.setdefault(pair[0], pair[0])


def _head(heads: dict[Name, Name], name: Name) -> Name:
    """The head of `name`'s family; the way there is shortened."""
    way = []
    while heads.get(name, name) != name:
        way.append(name)
        name = heads[name]
    for passed in way:
        heads[passed] = name
    return name

"""Whose an event is, and the ids of what is published (domain.md, section 4)."""

from hashlib import blake2b
from typing import Final

STATUS_CHANGED: Final = "status.changed"

_BLANK: Final = blake2b(digest_size=16)
_kinds: Final[dict[str, bytes]] = {}  # the kinds of what is published, as fields
_LENGTHS: Final = [length.to_bytes(4, "big") for length in range(256)]


class Who:
    """Whose events these are; and what is computed of him once: the first part of each id, the latest change's id, his own as JSON text."""

    def __init__(self, shop_id: str, customer_id: str) -> None:
        self.shop_id = shop_id
        self.customer_id = customer_id
        self.part, self.born_ms, self.text = b"", 0, ""  # the part says when he was born
        self.change = 0, 0, ""  # when he was born, the sequence, the id


def identify(kind: str, who: Who, born_ms: int, sequence: int, *more: int | str) -> str:
    """The id of something published: 128 bits of BLAKE2b over length-prefixed fields, in hex."""
    if who.born_ms != born_ms or not who.part:
        who.part, who.born_ms = _field(who.shop_id) + _field(who.customer_id) + _field(str(born_ms)), born_ms
    told = (_kinds.get(kind) or _kinds.setdefault(kind, _field(kind))) + who.part + _field(str(sequence))
    for field in more:
        told += _field(str(field))
    digest = _BLANK.copy()  # costs less than another one
    digest.update(told)
    return digest.hexdigest()


def identify_change(who: Who, born_ms: int, sequence: int) -> str:
    """The id of a customer's `status.changed`."""
    born, latest, known = who.change
    if latest == sequence and born == born_ms and known:
        return known
    change_id = identify(STATUS_CHANGED, who, born_ms, sequence)
    who.change = born_ms, sequence, change_id
    return change_id


def _field(text: str) -> bytes:
    encoded = text.encode()
    length = len(encoded)
    return (_LENGTHS[length] if length < 256 else length.to_bytes(4, "big")) + encoded

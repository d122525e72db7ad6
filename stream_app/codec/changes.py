"""What we publish -> bytes: CloudEvents 1.0 in structured mode, times in RFC 3339."""

from typing import Any, Final

import msgspec

from stream_app.codec.times import format_time
from stream_app.domain.changes import Outgoing
from stream_app.domain.profile import PROFILE

CONTENT_TYPE: Final = b"application/cloudevents+json"
HEADERS: Final = [("content-type", CONTENT_TYPE)]

_NONE: Final[frozenset[str]] = frozenset()
_TIMELESS: Final = frozenset({"cause", "policy"})
_TIMELESS_OF_PROFILE: Final = frozenset({"measures", "statuses", "policy"})
_TIMES: Final = frozenset({"valid_until", "next_deadline", "moment"})
_encode: Final = msgspec.json.Encoder().encode


def encode_outgoing(outgoing: Outgoing) -> bytes:
    """The value of the record: one CloudEvent, attributes in the order of the contract's example.

    The envelope is put together as text, which costs half of encoding it as a mapping. Only the customer id needs escaping:
    shop ids are plain (contract.md), and all else is our own.
    """
    who = outgoing.who
    caused = "" if outgoing.causation_id is None else f'"causationid":"{outgoing.causation_id}",'
    return b"".join(
        (
            f'{{"specversion":"1.0","id":"{outgoing.id}","source":"/shops/{who.shop_id}","type":"{outgoing.type}","subject":'.encode(),
            _encode(who.customer_id),
            f',"time":"{format_time(outgoing.time_ms)}","datacontenttype":"application/json","origin":"{outgoing.origin}",{caused}"data":'.encode(),
            _encode(with_times(outgoing.data, _TIMELESS_OF_PROFILE if outgoing.type == PROFILE else _TIMELESS)),
            b"}",
        )
    )


def with_times(data: dict[str, Any], timeless: frozenset[str] = _NONE) -> dict[str, Any]:
    """A copy in which every integer under a name that ends in `_at` (or `valid_until`, `next_deadline`, `moment`) is an RFC 3339 time.

    `timeless` names mappings at the top that hold no time and stay as they are. A shop may name its criteria as it likes:
    `criteria.seen_at` is no time.
    """
    written: dict[str, Any] = {}
    for name, value in data.items():
        if type(value) is int:
            is_time = (name.endswith("_at") and not name.startswith("criteria.")) or name in _TIMES
            written[name] = format_time(value) if is_time else value
        elif type(value) is dict and name not in timeless:
            written[name] = with_times(value, _NONE)
        else:
            written[name] = value
    return written


def record_key(shop_id: str, customer_id: str) -> bytes:
    """`{shop_id}/{customer_id}` in UTF-8."""
    return f"{shop_id}/{customer_id}".encode()

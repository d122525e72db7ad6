"""What we publish -> bytes: CloudEvents 1.0 in structured mode, times in RFC 3339."""

from typing import Any, Final

import msgspec

from stream_app.codec.times import format_time
from stream_app.domain.changes import Outgoing
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.domain.policy import Policy
from stream_app.domain.profile import PROFILE, profile
from stream_app.domain.settle import Outcome

CONTENT_TYPE: Final = b"application/cloudevents+json"
HEADERS: Final = [("content-type", CONTENT_TYPE)]

_NONE: Final[frozenset[str]] = frozenset()
_TIMELESS: Final = frozenset({"cause", "policy"})
_TIMELESS_OF_PROFILE: Final = frozenset({"measures", "statuses", "policy"})
_WRITTEN_OF_PROFILE: Final = _TIMELESS_OF_PROFILE | {"facts"}
_TIMES: Final = frozenset({"valid_until", "next_deadline", "moment"})
_names: Final[dict[str, bool]] = {}  # which of the names met so far are those of times
_NAMES_MAX: Final = 4_096
_encode: Final = msgspec.json.Encoder().encode


def encode_outgoing(outgoing: Outgoing) -> bytes:
    """The value of the record: one CloudEvent, attributes in the contract's order; its data's times are written in place."""
    return _write(outgoing, "", b"}", _TIMELESS_OF_PROFILE if outgoing.type == PROFILE else _TIMELESS)


def encode_profile(who: Who, state: State, policy: Policy, outcome: Outcome) -> bytes:
    """The same of a customer's profile: its times are written as it is made, which costs half of writing them afterwards."""
    return _write(profile(who, state, policy, format_time, outcome), "", b"}", _WRITTEN_OF_PROFILE)


def encode_line(outgoing: Outgoing) -> bytes:
    """One line of a replay's output: the topic and the event."""
    timeless = _TIMELESS_OF_PROFILE if outgoing.type == PROFILE else _TIMELESS
    return _write(outgoing, f'{{"topic":"{outgoing.topic}","event":', b"}}\n", timeless)


def _write(outgoing: Outgoing, before: str, after: bytes, timeless: frozenset[str]) -> bytes:
    """The event between `before` and what ends it.

    The envelope is put together as text, which costs half of encoding it as a mapping. Only the customer id needs escaping:
    shop ids are plain (contract.md), and all else is our own.
    """
    who, kind, caused = outgoing.who, outgoing.type, outgoing.causation_id
    if not who.text:
        who.text = _encode(who.customer_id).decode()
    causation = "" if caused is None else f'"causationid":"{caused}",'
    at = format_time(outgoing.time_ms)
    head = (
        f'{before}{{"specversion":"1.0","id":"{outgoing.id}","source":"/shops/{who.shop_id}","type":"{kind}","subject":{who.text},'
        f'"time":"{at}","datacontenttype":"application/json","origin":"{outgoing.origin}",{causation}"data":'
    )
    write_times(outgoing.data, timeless)
    return head.encode() + _encode(outgoing.data) + after


def write_times(data: dict[str, Any], timeless: frozenset[str] = _NONE) -> None:
    """Write every integer under a name that ends in `_at` (or is `valid_until`, `next_deadline`, `moment`) as an RFC 3339 time.

    It is done in place, since whatever is published is made for that, and a copy of each mapping costs as much as the rest. What was
    written once stays as it is. `timeless` names mappings at the top that hold no time. A shop may name its criteria as it likes:
    `criteria.seen_at` is no time.
    """
    for name, value in data.items():
        kind = type(value)
        if kind is int:
            if _is_time(name):
                data[name] = format_time(value)
        elif kind is dict and value and name not in timeless:
            write_times(value, _NONE)


def _is_time(name: str) -> bool:
    known = _names.get(name)
    if known is None:
        if len(_names) >= _NAMES_MAX:
            _names.clear()
        known = _names[name] = name in _TIMES or (name.endswith("_at") and not name.startswith("criteria."))
    return known


def record_key(shop_id: str, customer_id: str) -> bytes:
    """`{shop_id}/{customer_id}` in UTF-8."""
    return f"{shop_id}/{customer_id}".encode()

"""A record -> an `Event`, or `Rejected` with a code; never an exception (contract.md, Envelope).

The order of complaints is fixed: not JSON, then the envelope, then an unknown type, then the data.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from stream_app.codec.data import accept_data, convert_order, decode_data
from stream_app.codec.envelope import VALUE_BYTES_MAX, is_customer_id, is_json_type, read_binary, read_shop, read_structured
from stream_app.codec.strict_json import find_defect, is_utf8
from stream_app.codec.times import parse_time_ms
from stream_app.codec.wire import WHOLE_TYPES, Envelope, Peek
from stream_app.domain.events import DERIVED_TYPES, EVENT_TYPES, SHOP_TYPES, Code, Event, Rejected

TIME_MIN_MS: Final = 631_152_000_000  # 1990-01-01T00:00:00Z
MAX_AHEAD_MS: Final = 300_000


def decode_record(
    key: bytes | None,  # noqa: ARG001 - not trusted
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    timestamp_ms: int,  # noqa: ARG001 - not trusted
    *,
    derived: bool = False,
) -> Event | Rejected:
    """Decode and validate one input record, in structured or binary mode; only with `derived` it may be a derived event.

    Neither `key` nor `timestamp_ms` is trusted: whose event it is and when it happened is what the event says.
    What needs more than the record itself is not checked here: the clock (`check_time`), the shop and the currency.
    """
    is_binary = False
    if headers:
        mode = _find_mode(headers)
        if isinstance(mode, Rejected):
            return mode
        is_binary = mode
    if not is_binary and value is not None and len(value) <= VALUE_BYTES_MAX and (value.isascii() or is_utf8(value)):
        whole = _read_whole(value)
        if whole is not None:
            return whole
    return _read_closely(value, headers, is_binary, derived=derived)


def _read_whole(value: bytes) -> Event | None:
    """An event with nothing wrong and nothing unusual, read in one go; None asks for a closer look."""
    start = value.find(_TYPE) + len(_TYPE)  # a guess: it may stand inside the data, or not be the last one
    end = value.find(b'"', start)
    known = _WHOLE.get(value[start:end]) if start < end else None
    if known is None:
        return None
    kind, decode = known
    try:
        whole = decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    _, event_id, source, event_type, time, subject, content_type, encoded, wire = _fields_of(whole)
    if event_type != kind or encoded is not None or not (content_type is None or is_json_type(content_type)):
        return None
    shop, time_ms = read_shop(source), parse_time_ms(time)
    customer = "" if kind == _WATERMARK else subject
    if shop is None or time_ms is None or customer is None or (customer and not is_customer_id(customer)):
        return None
    if kind == _ORDER:
        return Event(kind, event_id, shop, customer, time_ms, convert_order(wire))
    data = accept_data(kind, wire)
    return None if isinstance(data, Rejected) else Event(kind, event_id, shop, customer, time_ms, data)


def _read_closely(value: bytes | None, headers: Sequence[tuple[str, bytes | None]], is_binary: bool, *, derived: bool) -> Event | Rejected:
    envelope = read_binary(value, headers) if is_binary else read_structured(value)
    if isinstance(envelope, Rejected):
        return envelope
    event = _read_event(envelope, derived=derived)
    # The decoder passes over what it does not need without a look at its encoding; and of two faults, not JSON comes first.
    text = bytes(envelope.data) if is_binary or envelope.data_base64 is not None else value or b""
    if (event.__class__ is Rejected or not (text.isascii() or is_utf8(text))) and text and (defect := find_defect(text)):
        return Rejected(Code.INVALID_JSON, f"value: {defect}")
    return event


def check_time(event: Event, wall_ms: int) -> Rejected | None:
    """Refuse an event from before 1990 or from more than five minutes ahead of the wall clock.

    Done once, when a record is first decoded; a rekeyed record has been through it.
    """
    if event.time_ms < TIME_MIN_MS:
        return Rejected(Code.TIME_OUT_OF_RANGE, "time: before 1990; send the time at which it happened")
    if event.time_ms > wall_ms + MAX_AHEAD_MS:
        return Rejected(Code.TIME_OUT_OF_RANGE, "time: more than 5 minutes in the future; check the sender's clock")
    return None


_TYPE: Final = b'"type":"'
_CLOUDEVENTS: Final = b"application/cloudevents+json"
_ORDER: Final = "order.placed"
_WATERMARK: Final = "watermark"
_fields_of: Final[Callable[[Any], tuple[Any, ...]]] = msgspec.structs.astuple  # of `WHOLE_TYPES`: those of an Envelope, data last
_WHOLE: Final[dict[bytes, tuple[str, Callable[[bytes], Any]]]] = {
    name.encode(): (name, msgspec.json.Decoder(shape).decode) for name, shape in WHOLE_TYPES.items()
}
_PEEK: Final = msgspec.json.Decoder(Peek)


def peek(value: bytes) -> tuple[str, str, str, int] | None:
    """Type, shop, customer and time in ms of a structured event, hardly checked: enough to sort and to route it.

    The customer is empty when there is no subject. None means that `decode_record` will reject it.
    """
    try:
        seen = _PEEK.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    shop = read_shop(seen.source)
    time_ms = parse_time_ms(seen.time)
    if shop is None or time_ms is None:
        return None
    return seen.type, shop, seen.subject, time_ms


def _find_mode(headers: Sequence[tuple[str, bytes | None]]) -> bool | Rejected:
    """True for binary mode, False for structured mode."""
    is_binary = False
    for key, content in headers:
        if content == _CLOUDEVENTS and key == "content-type":  # nearly always
            return False
        name = key.lower()
        if name == "content-type":
            kind = (content or b"").lower()
            if kind.startswith(b"application/cloudevents"):
                if kind.startswith(b"application/cloudevents+json") or kind.partition(b";")[0].strip() == b"application/cloudevents":
                    return False
                return Rejected(Code.INVALID_ENVELOPE, "content-type: must be application/cloudevents+json, one event a record")
        elif name.startswith("ce_"):
            is_binary = True
    return is_binary


def _read_event(envelope: Envelope, *, derived: bool = False) -> Event | Rejected:
    kind, shop, time_ms = envelope.type, read_shop(envelope.source), parse_time_ms(envelope.time)
    content_type = envelope.datacontenttype
    if shop is None or time_ms is None or not (content_type is None or is_json_type(content_type)):
        return Rejected(Code.INVALID_ENVELOPE, _complain(shop, time_ms))
    if kind not in EVENT_TYPES and not (derived and kind in DERIVED_TYPES):
        return Rejected(Code.UNKNOWN_TYPE, "type: not known; see the event types of the contract")
    customer = "" if kind in SHOP_TYPES else envelope.subject
    if customer is None:
        return Rejected(Code.INVALID_ENVELOPE, "subject: missing; add the customer id")
    if customer and not is_customer_id(customer):
        return Rejected(Code.INVALID_ENVELOPE, "subject: must be 1 to 128 characters without control characters")
    read = decode_data(kind, envelope.data)
    if isinstance(read, Rejected):
        return read
    return Event(kind, envelope.id, shop, customer, time_ms, read)


def _complain(shop: str | None, time_ms: int | None) -> str:
    if shop is None:
        return "source: must be /shops/{shop_id}, shop_id 1 to 128 of letters, digits, . _ -"
    if time_ms is None:
        return "time: must be RFC 3339 with an offset, like 2026-03-01T10:15:00+01:00"
    return "datacontenttype: must be application/json"

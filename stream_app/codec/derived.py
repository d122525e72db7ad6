"""Derived events <-> bytes: CloudEvents 1.0 in structured mode, on the rekeyed topic alone."""

from base64 import b64decode, b64encode
from typing import Any

import msgspec

from stream_app.codec.state import decode_state, encode_state
from stream_app.codec.times import format_time, parse_time_ms
from stream_app.codec.wire import FactsWire, FirstOrderWire
from stream_app.domain.events import Code, CustomerFacts, Event, ReferralFirstOrder, Rejected
from stream_app.domain.facts.notes import Raw

_encode = msgspec.json.Encoder().encode
_encode_record = msgspec.msgpack.Encoder().encode
_decode_record = msgspec.msgpack.Decoder(Raw).decode


def encode_derived(event: Event) -> bytes:
    """The value of the record that carries a derived event to its customer's partition."""
    data: Any = event.data
    if isinstance(data, ReferralFirstOrder):
        at = None if data.at_ms is None else format_time(data.at_ms)
        data = FirstOrderWire(data.referred_customer_id, at, data.number, data.formerly)
    elif isinstance(data, CustomerFacts):
        facts, record = b64encode(encode_state(data.state)).decode(), b64encode(_encode_record(data.raw)).decode()
        data = FactsWire(data.customer_id, data.merge_id, facts, record, data.refused)
    return _encode(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": f"/shops/{event.shop_id}",
            "type": event.type,
            **({"subject": event.customer_id} if event.customer_id else {}),
            "time": format_time(event.time_ms),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def read_first_order(wire: FirstOrderWire) -> ReferralFirstOrder | Rejected:
    """The event's data from what was sent."""
    at_ms = None if wire.at is None else parse_time_ms(wire.at)
    if wire.at is not None and at_ms is None:
        return Rejected(Code.INVALID_DATA, "data.at: must be RFC 3339 with an offset, like 2026-03-01T10:15:00+01:00, or null")
    return ReferralFirstOrder(wire.referred_customer_id, at_ms, wire.number, wire.formerly)


def read_facts(wire: FactsWire) -> CustomerFacts | Rejected:
    """The event's data from what was sent."""
    try:
        state, raw = decode_state(b64decode(wire.facts)), _decode_record(b64decode(wire.record))
    except (ValueError, TypeError):
        return Rejected(Code.INVALID_DATA, "data.facts: not what a worker has sent")
    return CustomerFacts(wire.customer_id, wire.merge_id, state, raw, wire.refused)

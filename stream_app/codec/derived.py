"""Derived events <-> bytes: CloudEvents 1.0 in structured mode, on the rekeyed topic alone."""

from typing import Any

import msgspec

from stream_app.codec.times import format_time, parse_time_ms
from stream_app.codec.wire import FirstOrderWire
from stream_app.domain.events import Code, Event, ReferralFirstOrder, Rejected

_encode = msgspec.json.Encoder().encode


def encode_derived(event: Event) -> bytes:
    """The value of the record that carries a derived event to its customer's partition."""
    data: Any = event.data
    if isinstance(data, ReferralFirstOrder):
        data = FirstOrderWire(data.referred_customer_id, None if data.at_ms is None else format_time(data.at_ms), data.number)
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
    return ReferralFirstOrder(wire.referred_customer_id, at_ms, wire.number)

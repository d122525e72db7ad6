"""Events as they are sent, where that differs from what the rules read: the shapes that msgspec decodes JSON into.

They stand by themselves, because a Struct cannot be made in a compiled module.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, defstruct

from stream_app.domain.events import (
    DERIVED_TYPES,
    EVENT_TYPES,
    LINES_MAX,
    Amount,
    AmountFromOne,
    AmountFromZero,
    CurrencyCode,
    Id,
    Name,
)


class Envelope(Struct, gc=False):
    """The attributes we read; all others are ignored."""

    specversion: Literal["1.0"]
    id: Id
    source: str
    type: str
    time: str
    subject: Id | None = None
    datacontenttype: str | None = None
    data: Raw = Raw(b"")
    data_base64: str | None = None


class Peek(Struct, gc=False):
    """What sorts and routes an event."""

    type: str
    source: str
    time: str
    subject: str = ""


class Line(Struct, gc=False):
    """One product of an order. Money in minor units; `category` maps to a product group."""

    sku: Id
    quantity: AmountFromOne
    total_minor: Amount
    category: Name | None = None


class OrderWire(Struct, gc=False):
    """`order.placed`."""

    order_id: Id
    currency: CurrencyCode
    total_minor: AmountFromZero
    discount_minor: Amount = 0
    cost_minor: Amount | None = None
    lines: Annotated[list[Line], Meta(max_length=LINES_MAX)] = []


class PaymentWire(Struct, gc=False):
    """`payment.received` as it is sent."""

    order_id: Id
    due_at: str
    amount_minor: Amount


class FirstOrderWire(Struct, gc=False, omit_defaults=True):
    """`referral.first_order` as it is sent."""

    referred_customer_id: Id
    at: str | None
    number: AmountFromZero = 0
    formerly: Id | None = None


class FactsWire(Struct, gc=False):
    """`customer.facts` as it is sent: `facts` is an encoded state, `record` the record of the merge, both in base64."""

    customer_id: Id
    merge_id: Id
    facts: str
    record: str
    refused: bool = False


WIRE_TYPES: dict[str, type[Any]] = {**EVENT_TYPES, "order.placed": OrderWire, "payment.received": PaymentWire}
"""What the `data` of each event type is decoded into."""

DERIVED_WIRE_TYPES: dict[str, type[Any]] = {**DERIVED_TYPES, "referral.first_order": FirstOrderWire, "customer.facts": FactsWire}
"""The same of derived events."""

WHOLE_TYPES: dict[str, type[Any]] = {
    name: defstruct(f"Whole_{shape.__name__}", [("data", shape)], bases=(Envelope,), gc=False, kw_only=True)
    for name, shape in WIRE_TYPES.items()
}
"""Envelope and data of each event type in one, so that its JSON is read in one go."""

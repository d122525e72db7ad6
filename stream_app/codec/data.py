"""The `data` of an event, by its type: decoded straight into the domain's Structs, whose annotations hold the bounds."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw

from stream_app.codec.complaints import describe
from stream_app.codec.derived import read_facts, read_first_order
from stream_app.codec.envelope import is_customer_id
from stream_app.codec.times import parse_time_ms
from stream_app.codec.wire import DERIVED_WIRE_TYPES, WIRE_TYPES, OrderWire, PaymentWire
from stream_app.domain.events import (
    Code,
    CustomerMerged,
    EventData,
    OrderPlaced,
    PaymentReceived,
    ReferralMade,
    Rejected,
)

_MISSING: Final[tuple[bytes, ...]] = (b"", b"null")

_SHAPES: Final[dict[str, type[Any]]] = {**WIRE_TYPES, **DERIVED_WIRE_TYPES}
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {name: msgspec.json.Decoder(wire) for name, wire in _SHAPES.items()}
_OPTIONAL: Final[dict[str, frozenset[str]]] = {
    name: frozenset(field.name for field in msgspec.structs.fields(wire) if not field.required) for name, wire in _SHAPES.items()
}
_LINE_OPTIONAL: Final = "category"
_CATEGORIES_MAX: Final = 10_000
_categories: Final[dict[str | None, str | None]] = {None: None}  # one string for each, so that its hash is computed once
_fields_of: Final[Callable[[Any], tuple[Any, ...]]] = msgspec.structs.astuple  # all fields at once: looked up one by one, they cost more


def decode_data(event_type: str, text: Raw) -> EventData | Rejected:
    """The data of an event of a known type, from its JSON text.

    Unknown fields are ignored. An optional field that is null counts as absent; so does data that is null, which is fine
    for a type that needs none.
    """
    try:
        wire = _DECODERS[event_type].decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _decode_leniently(event_type, bytes(text), error)
    return accept_data(event_type, wire)


def accept_data(event_type: str, wire: Any) -> EventData | Rejected:
    """What the rules read, from what was decoded; and what the annotations cannot check."""
    if event_type == "order.placed":
        return convert_order(wire)
    return _CHECKS[event_type](wire) if event_type in _CHECKS else wire


def convert_order(wire: OrderWire) -> OrderPlaced:
    """An order without its lines: of them the distinct categories are kept, in the order of the lines."""
    # Lines are let go at once: thousands of events wait to be folded, and the processor's caches would not hold their lines.
    order_id, currency, total_minor, discount_minor, cost_minor, lines = _fields_of(wire)
    rows: list[Any] = lines
    found: dict[str | None, None] = {}
    last: str | None = ""  # of none, since a name is not empty; a basket's lines often come by category
    for line in rows:
        category: str | None = line.category
        if category == last:
            continue
        last = category
        known = _categories.get(category)
        if known is None and category is not None:
            known = _remember(category)
        found[known] = None
    return OrderPlaced(order_id, currency, total_minor, discount_minor, cost_minor, tuple(found))


def _remember(category: str) -> str:
    if len(_categories) >= _CATEGORIES_MAX:
        _categories.clear()
        _categories[None] = None
    _categories[category] = category
    return category


def _convert_payment(wire: PaymentWire) -> PaymentReceived | Rejected:
    due_ms = parse_time_ms(wire.due_at)
    if due_ms is None:
        return Rejected(Code.INVALID_DATA, "data.due_at: must be RFC 3339 with an offset, like 2026-03-01T10:15:00+01:00")
    return PaymentReceived(wire.order_id, due_ms, wire.amount_minor)


def _check_referred(wire: ReferralMade) -> ReferralMade | Rejected:
    return wire if is_customer_id(wire.referred_customer_id) else _refuse_customer("referred_customer_id")


def _check_into(wire: CustomerMerged) -> CustomerMerged | Rejected:
    return wire if is_customer_id(wire.into) else _refuse_customer("into")


def _refuse_customer(field: str) -> Rejected:
    return Rejected(Code.INVALID_DATA, f"data.{field}: must be 1 to 128 characters without control characters")


_CHECKS: Final[dict[str, Callable[[Any], EventData | Rejected]]] = {
    "payment.received": _convert_payment,
    "referral.made": _check_referred,
    "customer.merged": _check_into,
    "referral.first_order": read_first_order,
    "customer.facts": read_facts,
}


def _decode_leniently(event_type: str, text: bytes, error: Exception) -> EventData | Rejected:
    """A second, slower look at data that did not fit: absent data, and nulls in optional fields, are fine."""
    wire_type = _SHAPES[event_type]
    if text.strip() in _MISSING:
        if len(_OPTIONAL[event_type]) < len(wire_type.__struct_fields__):
            return Rejected(Code.INVALID_DATA, "data: missing; add it")
        absent: EventData = wire_type()
        return absent
    if b"null" in text:
        try:
            wire = msgspec.convert(_without_nulls(event_type, msgspec.json.decode(text)), wire_type)
        except msgspec.ValidationError as second:
            error = second
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        else:
            return accept_data(event_type, wire)
    if isinstance(error, msgspec.ValidationError):
        return Rejected(Code.INVALID_DATA, describe(error, "data", wire_type))
    return Rejected(Code.INVALID_JSON, "data: not JSON; send one JSON object")


def _without_nulls(event_type: str, data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    optional = _OPTIONAL[event_type]
    kept = {name: value for name, value in data.items() if value is not None or name not in optional}
    lines = kept.get("lines")
    if event_type == "order.placed" and isinstance(lines, list):
        kept["lines"] = [_without_null_category(line) for line in lines]
    return kept


def _without_null_category(line: Any) -> Any:
    if isinstance(line, dict) and line.get(_LINE_OPTIONAL, "") is None:
        return {name: value for name, value in line.items() if name != _LINE_OPTIONAL}
    return line

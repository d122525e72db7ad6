"""The events of a customer (domain.md, section 2), decoded and validated; their types are those of `facts.event_types`."""

from binascii import b2a_base64
from dataclasses import dataclass
from hashlib import blake2b

from stream_app.domain.facts.event_types import (
    CHANNELS,
    DERIVED_TYPES,
    EVENT_TYPES,
    ID_LENGTH_MAX,
    INTEGER_MAX,
    KEPT_AS_READ,
    LINES_MAX,
    ORDER_TYPES,
    SHOP_TYPES,
    Amount,
    AmountFromOne,
    AmountFromZero,
    Channel,
    Code,
    ContactMade,
    ContactResponded,
    CurrencyCode,
    CustomerErased,
    CustomerFacts,
    CustomerMerged,
    CutOffsTaken,
    EventData,
    FeedbackGiven,
    Id,
    InterestShown,
    LeadIdentified,
    LeadRuledOut,
    Name,
    Note,
    OrderCancelled,
    OrderRefunded,
    PaymentReceived,
    Points,
    PreferenceSet,
    ProfileAssessed,
    ReferralFirstOrder,
    ReferralKnown,
    ReferralMade,
    Rejected,
    RelationErased,
    RelationForgotten,
    ValuesAsked,
    ValuesSketched,
    Watermark,
)
from stream_app.domain.facts.placed import OrderPlaced

__all__ = (
    "CHANNELS",
    "DERIVED_TYPES",
    "EVENT_TYPES",
    "ID_LENGTH_MAX",
    "INTEGER_MAX",
    "KEPT_AS_READ",
    "LINES_MAX",
    "ORDER_TYPES",
    "SHOP_TYPES",
    "Amount",
    "AmountFromOne",
    "AmountFromZero",
    "Channel",
    "Code",
    "ContactMade",
    "ContactResponded",
    "CurrencyCode",
    "CustomerErased",
    "CustomerFacts",
    "CustomerMerged",
    "CutOffsTaken",
    "Event",
    "EventData",
    "FeedbackGiven",
    "Id",
    "InterestShown",
    "LeadIdentified",
    "LeadRuledOut",
    "Name",
    "Note",
    "OrderCancelled",
    "OrderPlaced",
    "OrderRefunded",
    "PaymentReceived",
    "Points",
    "PreferenceSet",
    "ProfileAssessed",
    "ReferralFirstOrder",
    "ReferralKnown",
    "ReferralMade",
    "Rejected",
    "RelationErased",
    "RelationForgotten",
    "ValuesAsked",
    "ValuesSketched",
    "Watermark",
    "compact",
)


def compact(identifier: str) -> str:
    """The identifier itself, or 17 characters that stand for a long one: 4 000 ids of 128 characters would not fit a state.

    For telling identifiers apart only: the short form of a long one sorts elsewhere.
    """
    if len(identifier) <= 20 and identifier.isascii():
        return identifier
    return "\x00" + b2a_base64(blake2b(identifier.encode(), digest_size=12).digest(), newline=False).decode()


@dataclass(init=False)
class Event:
    """One accepted record: who, when, what.

    `time_ms` is UTC, floored to the millisecond; `customer_id` is empty for a watermark; `name` is the compact `id`.
    """

    type: str
    id: str
    shop_id: str
    customer_id: str
    time_ms: int
    data: EventData
    name: str

    def __init__(
        self,
        type: str,  # noqa: A002 - CloudEvents' own names
        id: str,  # noqa: A002
        shop_id: str,
        customer_id: str,
        time_ms: int,
        data: EventData,
    ) -> None:
        self.type = type
        self.id = id
        self.shop_id = shop_id
        self.customer_id = customer_id
        self.time_ms = time_ms
        self.data = data
        self.name = compact(id)

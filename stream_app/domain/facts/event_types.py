"""What an event may be (domain.md, section 2): the data of each type.

Structs rather than dataclasses: one is made per record on the hot path, and a frozen dataclass costs ten times as much. (An
order stands in `placed.py`: its lines are not kept as they come.)
The bounds stand in the annotations: the decoder enforces them and the published JSON Schemas are made from them.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.placed import OrderPlaced
from stream_app.domain.facts.state import State

INTEGER_MAX = 2**53 - 1
ID_LENGTH_MAX = 128
LINES_MAX = 500

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH_MAX)]
Name = Annotated[str, Meta(max_length=256)]
Note = Annotated[str, Meta(max_length=4096)]
CurrencyCode = Annotated[str, Meta(min_length=3, max_length=3)]
Amount = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
AmountFromZero = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
AmountFromOne = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
Points = Annotated[int, Meta(ge=0, le=100)]

Channel = Literal["email", "mailing", "phone", "visit", "chat", "other"]
CHANNELS: tuple[Channel, ...] = ("email", "mailing", "phone", "visit", "chat", "other")


class OrderCancelled(Struct, gc=False):
    """`order.cancelled`."""

    order_id: Id


class OrderRefunded(Struct, gc=False):
    """`order.refunded`; `amount_minor` > 0."""

    order_id: Id
    refund_id: Id
    amount_minor: AmountFromOne


class PaymentReceived(Struct, gc=False):
    """`payment.received`; `due_ms` is the decoded `due_at`."""

    order_id: Id
    due_ms: int
    amount_minor: Amount


class ContactMade(Struct, gc=False):
    """`contact.made`; without `cost_minor` the policy's cost of the channel counts."""

    channel: Channel
    direction: Literal["outbound", "inbound"]
    cost_minor: Amount | None = None
    campaign_id: Id | None = None


class ContactResponded(Struct, gc=False):
    """`contact.responded`."""

    channel: Channel
    outcome: Literal["positive", "neutral", "negative", "unsubscribed"]
    campaign_id: Id | None = None


class InterestShown(Struct, gc=False):
    """`interest.shown`."""

    kind: Literal["brochure", "quote", "signup", "visit", "other"]


class PreferenceSet(Struct, gc=False):
    """`preference.set`: replaces earlier ones whole."""

    preferred_channel: Channel | None = None
    closed_channels: list[Channel] = []


class LeadIdentified(Struct, gc=False):
    """`lead.identified`."""

    note: Note | None = None


class LeadRuledOut(Struct, gc=False):
    """`lead.ruled_out`."""

    note: Note | None = None


class ReferralMade(Struct, gc=False):
    """`referral.made`."""

    referred_customer_id: Id


class FeedbackGiven(Struct, gc=False):
    """`feedback.given`."""

    kind: Literal["idea", "complaint", "review"]
    accepted: bool


class ProfileAssessed(Struct, gc=False):
    """`profile.assessed`: strategic criteria, 0..100 each."""

    criteria: Annotated[dict[Id, Points], Meta(max_length=100)]


class CustomerMerged(Struct, gc=False):
    """`customer.merged`."""

    into: Id


class CustomerErased(Struct, gc=False):
    """`customer.erased`."""


class Watermark(Struct, gc=False):
    """`watermark`: no event of this shop before its time will follow in this partition."""


class ReferralKnown(Struct, gc=False):
    """`referral.known`, derived from a `referral.made`: who has referred the subject.

    `referred_customer_id` is the subject as the referrer has named him.
    """

    referrer_id: Id
    referred_customer_id: Id


class ReferralFirstOrder(Struct, gc=False):
    """`referral.first_order`, derived: when the referred customer's earliest counting order was, None without one.

    `number` counts what the referred customer has told: an older word that comes again after a newer one says nothing.
    `formerly` is who the referrer knew him as, before he was merged.
    """

    referred_customer_id: Id
    at_ms: int | None
    number: int = 0
    formerly: str | None = None


class CustomerFacts(Struct, gc=False):
    """`customer.facts`, derived from a `customer.merged`: all that is known of a customer, for the one he is merged into.

    `customer_id` is whose facts they are, `merge_id` and `raw` are the event's id and record; `refused` facts go back to him.
    """

    customer_id: str
    merge_id: str
    state: State
    raw: Raw
    refused: bool = False


class RelationErased(Struct, gc=False, omit_defaults=True):
    """`relation.erased`, derived from a `customer.erased`: forget the one of your relations whose keyed hash this is.

    `others` are the hashes of those who were merged into him. With `until_ms` its receiver is one of them, and was erased with him.
    """

    digest: Id
    others: list[Id] = []
    until_ms: int | None = None


class RelationForgotten(Struct, gc=False):
    """A `relation.erased` when it is known whom it means; it never travels."""

    names: list[str]


class ValuesSketched(Struct, gc=False):
    """`values.sketched`: what the customers of one partition are worth on an evaluation day; nothing of an earlier day is to come.

    `rows` is the sketch as text (in `processor/ledgers.py`), empty when nobody is worth anything.
    """

    partition: AmountFromZero
    day: int
    document_hash: str
    a_pct: int
    b_pct: int
    rows: str


class ValuesAsked(Struct, gc=False):
    """`values.asked`: a partition that knows nothing of the shop must say so, from this evaluation day on."""

    day: int


class CutOffsTaken(Struct, gc=False):
    """`cut_offs.taken`: the hash of the policy with the cut-offs that hold from here on."""

    policy_hash: str


EventData = (
    OrderPlaced
    | OrderCancelled
    | OrderRefunded
    | PaymentReceived
    | ContactMade
    | ContactResponded
    | InterestShown
    | PreferenceSet
    | LeadIdentified
    | LeadRuledOut
    | ReferralMade
    | FeedbackGiven
    | ProfileAssessed
    | CustomerMerged
    | CustomerErased
    | Watermark
    | ReferralKnown
    | ReferralFirstOrder
    | RelationErased
    | RelationForgotten
    | ValuesSketched
    | ValuesAsked
    | CutOffsTaken
    | CustomerFacts
)

EVENT_TYPES: dict[str, type[EventData]] = {
    "order.placed": OrderPlaced,
    "order.cancelled": OrderCancelled,
    "order.refunded": OrderRefunded,
    "payment.received": PaymentReceived,
    "contact.made": ContactMade,
    "contact.responded": ContactResponded,
    "interest.shown": InterestShown,
    "preference.set": PreferenceSet,
    "lead.identified": LeadIdentified,
    "lead.ruled_out": LeadRuledOut,
    "referral.made": ReferralMade,
    "feedback.given": FeedbackGiven,
    "profile.assessed": ProfileAssessed,
    "customer.merged": CustomerMerged,
    "customer.erased": CustomerErased,
    "watermark": Watermark,
}

KEPT_AS_READ = frozenset({OrderCancelled, OrderRefunded, PaymentReceived, CustomerMerged})
"""What may be refused later, when others have spoken, and so keeps its record. Of all else that is wanted only if it is refused at once."""

DERIVED_TYPES: dict[str, type[EventData]] = {
    "referral.known": ReferralKnown,
    "referral.first_order": ReferralFirstOrder,
    "relation.erased": RelationErased,
    "values.sketched": ValuesSketched,
    "values.asked": ValuesAsked,
    "cut_offs.taken": CutOffsTaken,
    "customer.facts": CustomerFacts,
}
"""What one customer's events mean for another, told over the rekeyed topic. In the other inputs these types are unknown."""

SHOP_TYPES = frozenset({"watermark", "values.sketched", "values.asked", "cut_offs.taken"})
"""What is said of a whole shop, to a partition: without a subject."""

ORDER_TYPES = frozenset({"order.placed", "order.cancelled", "order.refunded", "payment.received", "watermark"})


class Code(StrEnum):
    """Why a record was rejected; the value travels in the `error.code` header of its dead letter."""

    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    INVALID_DATA = "invalid_data"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_SHOP = "unknown_shop"
    CURRENCY_MISMATCH = "currency_mismatch"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    ORDER_EXISTS = "order_exists"
    REFUND_EXISTS = "refund_exists"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_CLOSED = "order_closed"
    MERGE_REFUSED = "merge_refused"
    ERASURE_KEY_MISSING = "erasure_key_missing"


class Rejected(Struct, gc=False):
    """Bad input as a value. `detail` names the field and the fix and quotes no personal data."""

    code: Code
    detail: str

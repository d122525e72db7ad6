"""The shapes of what we publish, closed: the JSON Schemas of the outputs are made from them.

The domain writes these as mappings (`domain.changes`, `domain.reactions`, `domain.profile`), because a Struct per change buys
nothing; a test validates whole published histories against the schemas, so that the two cannot part.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from stream_app.domain.events import Channel

Time = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        description="RFC 3339 in UTC with milliseconds.",
        extra_json_schema={"format": "date-time"},
    ),
]
OutputId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="128 bits in hex; unique, and the same in every replay.")]
Sequence = Annotated[int, Meta(ge=1, description="1, 2, 3... per customer over all dimensions.")]
Count = Annotated[int, Meta(ge=0)]
Dimension = Literal["lifecycle", "churn_risk", "class", "segment", "label", "service_level", "contact", "winback", "opportunity"]
CauseKind = Literal["event", "time", "policy", "late", "void", "merge"]
Tier = Literal["none", "recent", "cooling", "gone"]
Lifecycle = Literal["other", "possibly_interested", "potential", "active", "inactive"]
Measured = int | str | bool | list[str] | None
Evidence = dict[str, Measured]


class Closed(Struct, forbid_unknown_fields=True):
    """A shape to which nothing may be added silently."""


class Cause(Closed):
    """Why the customer was evaluated."""

    kind: CauseKind
    event_id: str | UnsetType = UNSET


class Reason(Closed):
    """The rule, what it measured, and the thresholds it compared with."""

    code: str
    measures: Evidence
    thresholds: Evidence


class PolicyRef(Closed):
    """The policy that decided."""

    version: Annotated[int, Meta(ge=1)]
    hash: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Counterfactual(Closed):
    """What would have kept the status, or would restore or better it."""

    to: str | None
    event_type: str | UnsetType = UNSET
    product_group: str | UnsetType = UNSET
    before_at: Time | UnsetType = UNSET
    from_at: Time | UnsetType = UNSET
    measure: str | UnsetType = UNSET
    at_least: int | UnsetType = UNSET
    at_most: int | UnsetType = UNSET


class StatusChanged(Closed):
    """A dimension of a customer's status has a new value."""

    dimension: Dimension
    from_: str | None = field(name="from")
    to: str | None
    sequence: Sequence
    effective_at: Time
    cause: Cause
    reason: Reason
    policy: PolicyRef
    valid_until: Annotated[Time | None, Meta(description="With no further event the dimension does not change before it.")]
    counterfactual: Counterfactual | UnsetType = UNSET
    revokes: Annotated[OutputId | UnsetType, Meta(description="The change that this one takes back.")] = UNSET


class StatusWillChange(Closed):
    """A change that comes by itself unless something happens."""

    dimension: Literal["lifecycle"]
    from_: str = field(name="from")
    to: str
    will_change_at: Time
    reason: Reason
    policy: PolicyRef
    counterfactual: Counterfactual


class StatusWillNotChange(Closed):
    """An announced change does not come."""

    dimension: Literal["lifecycle"]
    from_: str = field(name="from")
    to: str
    will_change_at: Time
    revokes: OutputId
    policy: PolicyRef


class WinbackOffer(Closed):
    """What a win-back tool needs to act: how fresh, what he bought, by which channel, for how much."""

    days_since: Count
    tier: Tier | None
    product_groups: list[str]
    advised_channel: Channel | None
    budget_minor: Count


class WinbackWon(Closed):
    """An inactive customer bought again by himself."""

    days_away: Count
    tier: Tier | None
    campaign_id: str | None
    product_groups: list[str]


class WinbackWithdrawn(Closed):
    """The customer turns out not to be lost: an event came late, or an order was voided."""

    lifecycle: Lifecycle | None
    cause: CauseKind


class ServiceLevelChanged(Closed):
    """The level at which the customer is to be served."""

    from_: str | None = field(name="from")
    to: str | None
    class_: Literal["A", "B", "C"] | None = field(name="class")
    segment: str | None


class ContactAdvised(Closed):
    """How the contact with the customer stands now, and how and when to make the next one."""

    from_: str | None = field(name="from")
    to: str | None
    channel: Annotated[Channel | None, Meta(description="None is open and affordable: null.")]
    moment: Annotated[Time | None, Meta(description="From then on one more contact breaks no cap; null: never.")]
    budget_minor: Annotated[Count | None, Meta(description="What is left of the budget; null: no limit.")]


class GroupFacts(Closed):
    """What is known of one product group."""

    occasions: Annotated[int, Meta(ge=1)]
    last_order_at: Time


class Facts(Closed):
    """A summary of the customer's accepted events."""

    orders_counting: Count
    orders_open: Count
    first_order_at: Time | None
    last_order_at: Time | None
    product_groups: dict[str, GroupFacts]
    preferred_channel: Channel | None
    events_waiting: Count
    first_event_at: Time
    last_event_at: Time


class Exit(Closed):
    """What the shop's rule `exit` makes of a customer who looks bad."""

    since_at: Annotated[Time, Meta(description="Since when all its conditions have been true.")]
    due_at: Annotated[Time, Meta(description="From when he is in the segment exit, unless something protects him.")]
    protected_by: Annotated[list[str], Meta(description="What protects him at `clock_at`: measures.")]


class CustomerProfile(Closed):
    """The latest full picture of a customer."""

    clock_at: Annotated[Time, Meta(description="The event time this customer has reached.")]
    statuses: dict[Dimension, str | None]
    measures: dict[str, int | None]
    facts: Facts
    next_deadline: Time | None
    sequence: Annotated[int, Meta(ge=0)]
    policy: PolicyRef
    exit: Annotated[Exit | UnsetType | None, Meta(description="Of shops with the segment exit; null when its conditions are not met.")] = (
        UNSET
    )


class KeptTopic(Closed):
    """How long an append-only topic keeps what it holds."""

    retention_ms: Annotated[Count | None, Meta(description="How long a record is kept after its own timestamp; null is for ever.")]
    until_at: Annotated[Time | None, Meta(description="Until then it keeps records with timestamps up to the erasure; null is for ever.")]


class ErasureCompleted(Closed):
    """A customer is forgotten: tables and compacted topics have tombstones, and append-only topics keep older records for a while."""

    event_id: Annotated[str, Meta(description="The id of the customer.erased.")]
    erased_at: Annotated[Time, Meta(description="Its time. Events up to it are dropped; one from after it begins a new customer.")]
    was_known: Annotated[bool, Meta(description="Whether anything was known of him.")]
    suppressed_until_at: Annotated[Time, Meta(description="Until then events from up to the erasure are recognised and dropped.")]
    kept: Annotated[dict[str, KeptTopic], Meta(description="The append-only topics; empty in a replay, which has none.")]


OUTPUT_TYPES: dict[str, type[Closed]] = {
    "status.changed": StatusChanged,
    "status.will_change": StatusWillChange,
    "status.will_not_change": StatusWillNotChange,
    "winback.opened": WinbackOffer,
    "winback.cooled": WinbackOffer,
    "winback.closed": WinbackOffer,
    "winback.won": WinbackWon,
    "winback.withdrawn": WinbackWithdrawn,
    "service_level.changed": ServiceLevelChanged,
    "contact.advised": ContactAdvised,
    "customer.profile": CustomerProfile,
    "erasure.completed": ErasureCompleted,
}
UNCAUSED = frozenset({"status.changed", "erasure.completed"})
"""Types without `causationid`: nothing but an event, or time, causes them."""

"""The shapes of the answers, for the OpenAPI document; a test holds every answer against it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339 in UTC with milliseconds.")]
Statuses = Annotated[dict[str, str | None], Field(description="Dimension -> value, null for none; every dimension.")]
Counts = Annotated[dict[str, dict[str, int]], Field(description="Dimension -> value -> customers who have it now.")]
Says = Annotated[list[str] | None, Field(description="The same in words; only when a language is asked for.")]
Document = Annotated[dict[str, Any], Field(description="As the JSON Schema of that event or document has it.")]


class Answer(BaseModel):
    """Closed: what is not named here is not answered."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ProblemDocument(Answer):
    """A request that cannot be answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = Field(None, description="What is wrong.")
    fix: str | None = Field(None, description="What to do about it.")


class Position(Answer):
    """How far a partition is taken in; `end` is where it ends, null when Kafka is away."""

    topic: str
    partition: int
    offset: int
    end: int | None


class Overview(Answer):
    """How many customers stand where, and how far everybody is."""

    shop: str | None
    shops: list[str]
    customers: int
    erased: int
    statuses: Counts
    changes: int
    number: Annotated[int, Field(description="The number of the change that was taken in last, of any shop.")]
    latest_effective_at: Time | None
    events_per_second: float | None
    changes_per_second: float | None
    lag_records: int | None
    positions: list[Position]


class Cause(Answer):
    """Why a customer was evaluated."""

    kind: Literal["event", "time", "policy", "late", "void", "merge"]
    event_id: str | None = None


class Reason(Answer):
    """The rule, what it measured, and the thresholds it compared with."""

    code: str
    measures: dict[str, Any]
    thresholds: dict[str, Any]


class PolicyRef(Answer):
    """A version of a policy."""

    version: int
    hash: str


class TriedChange(Answer):
    """A change that would come."""

    dimension: str
    from_: str | None = Field(alias="from")
    to: str | None
    sequence: int
    effective_at: Time
    cause: Cause
    reason: Reason
    policy: PolicyRef
    valid_until: Time | None
    counterfactual: Document | None = None
    revokes: str | None = None
    says: Says = None


class Change(TriedChange):
    """A change of status with its proof."""

    number: int
    id: str
    shop: str
    customer: str
    recorded_at: Time
    origin: Literal["live", "backfill"]
    revoked: Annotated[bool, Field(description="Whether it was taken back.")]


class CustomerLine(Answer):
    """A customer in a list; the measures are those of his latest profile, null until there is one."""

    shop: str
    customer: str
    statuses: Statuses
    measures: dict[str, int | None] | None
    sequence: int
    changed_at: Time
    recorded_at: Time


class Customers(Answer):
    """A page of customers. It may be shorter than `limit` while `next` is not null."""

    customers: list[CustomerLine]
    next: str | None


class Erased(Answer):
    """He was erased."""

    at: Time
    recorded_at: Time
    came_back: bool


class Outlook(Answer):
    """How long a value holds, as its latest change said."""

    dimension: str
    value: str | None
    since: Time
    valid_until: Time | None
    counterfactual: Document | None
    change: str


class Announced(Answer):
    """A change that comes by itself unless something happens."""

    id: str
    dimension: str
    from_: str | None = Field(alias="from")
    to: str | None
    will_change_at: Time
    reason: Reason
    counterfactual: Document | None
    says: Says = None


class Customer(Answer):
    """One customer."""

    shop: str
    customer: str
    erased: Erased | None
    statuses: Statuses | None
    sequence: int
    profile: Document | None
    next_deadline: Time | None
    outlook: list[Outlook]
    announced: list[Announced]
    changes: list[Change]
    older: int | None


class CustomerChanges(Answer):
    """A customer's changes, newest first; `older` is `before` of the next page."""

    changes: list[Change]
    older: int | None


class Event(Answer):
    """One of his events."""

    at: Time
    type: str
    id: str
    data: Document


class CustomerEvents(Answer):
    """The event log behind a customer, in order of time."""

    events: list[Event]
    left_out: list[str]


class Decided(Answer):
    """The change that decides."""

    change: str
    sequence: int
    effective_at: Time
    recorded_at: Time


class StatusAtTime(Answer):
    """What his status was at a time, as was known at another."""

    shop: str
    customer: str
    at: Time
    known_at: Time
    statuses: Statuses
    decided_by: dict[str, Decided]


class Changes(Answer):
    """A page of changes, newest first."""

    changes: list[Change]
    next: str | None


class Flow(Answer):
    """So many went from here to there."""

    from_: str | None = Field(alias="from")
    to: str | None
    count: int


class FlowsOfPeriod(Answer):
    """The flows of a day, a week or a month."""

    period: str
    starts_at: Time
    ends_at: Time
    flows: list[Flow]


class Flows(Answer):
    """Who went from where to where; changes that were taken back are out."""

    shop: str
    dimension: str
    period: Literal["day", "week", "month"]
    time_zone: str
    periods: list[FlowsOfPeriod]


class Insight(Answer):
    """One record of the topic `insights`."""

    period: str
    recorded_at: Time
    data: Document


class Insights(Answer):
    """The shop's insights by period."""

    shop: str
    insights: list[Insight]


class PolicyInForce(Answer):
    """The policy that holds."""

    version: int
    hash: str
    since: Time
    is_default: bool
    document: Document


class PolicyVersion(Answer):
    """One record of the topic `policies`."""

    shop: str
    version: int | None
    hash: str | None
    since: Time
    status: Literal["in_force", "earlier", "withdrawal", "unusable"]


class ShopPolicy(Answer):
    """What holds for a shop, and all versions of its own and of the default policy."""

    shop: str
    in_force: PolicyInForce | None
    versions: list[PolicyVersion]

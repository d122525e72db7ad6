"""All that is remembered of one customer, flat, so that it decodes and encodes in microseconds.

Parallel lists ("columns") hold what repeats: a list of integers decodes several times faster than a list of objects.
Every list is kept in a canonical order, so that the same set of events gives the same bytes in whatever order it came.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from stream_app.domain.facts.notes import Mark, OrderNote, Waiting

DIMENSIONS: Final[tuple[str, ...]] = (
    "lifecycle",
    "churn_risk",
    "class",
    "segment",
    "label",
    "service_level",
    "contact",
    "winback",
    "opportunity",
)
LIFECYCLE: Final = 0
CHURN_RISK: Final = 1
CLASS: Final = 2
SEGMENT: Final = 3
LABEL: Final = 4
SERVICE_LEVEL: Final = 5
CONTACT: Final = 6
WINBACK: Final = 7
OPPORTUNITY: Final = 8

NEVER: Final = -(2**62)
"""Stands for "no such time" in columns of times."""

FOREVER: Final = 2**62 - 1
"""A moment that does not come: until when holds what only an event can change."""


@dataclass
class State:
    """One customer. Times in UTC milliseconds, money in minor units, `_day` columns in local days (domain.calendar).

    A class of this compiled module rather than a Struct: reading an attribute is then one load instead of a look-up by name.
    A new column needs its place in both functions of `codec/columns.py` as well; a test compares them.
    """

    # Who and when: not facts, since they depend on the order of arrival.
    born_ms: int
    clock_ms: int
    policy_version: int = 0
    policy_hash: str = ""
    sequence: int = 0
    deadline_ms: int | None = None
    # What was published last, per dimension; `hold` is the anti-flap memory of the class.
    values: list[str | None] = field(default_factory=lambda: [None] * len(DIMENSIONS))
    came_from: list[str | None] = field(default_factory=lambda: [None] * len(DIMENSIONS))
    changed_at: list[int] = field(default_factory=lambda: [0] * len(DIMENSIONS))  # sequence of the latest change
    class_hold_ms: int | None = None
    exit_since_ms: int | None = None  # since when all that the segment `exit` asks has been true
    notice_ms: int | None = None
    notice_id: str = ""
    waiting: list[Waiting] = field(default_factory=list)
    mark: Mark | None = None  # of one who came back after an erasure, for as long as events from before it are dropped
    # What was told to and by other customers: how many derived events he has sent, and the number of the latest he was sent, by sender.
    told: int = 0
    heard: dict[str, int] = field(default_factory=dict)
    # Merging (unite.py): into whom this one was merged, and nothing but that is left of him; and who was merged into this one, ascending.
    merged_into: str = ""
    absorbed: list[str] = field(default_factory=list)
    # Facts from here on.
    low_ms: int = 0  # the earliest of his accepted events, and the latest of all of his own
    high_ms: int = NEVER
    seen_ms: list[int] = field(default_factory=list)
    seen_ids: list[str] = field(default_factory=list)
    related: bool = False
    lead: tuple[int, str, bool] | None = None  # time, event id, ruled out
    preference: tuple[int, str, str | None, list[str]] | None = None  # time, event id, preferred, closed
    answered: tuple[int, str, str] | None = None  # latest positive answer: time, event id, campaign
    unsubscribed: dict[str, tuple[int, str]] = field(default_factory=dict)  # channel -> time, event id
    criteria: dict[str, tuple[int, str, int]] = field(default_factory=dict)  # name -> time, event id, value
    # Open orders, ascending by (time, id). A bit of `order_groups` is an index into `groups`.
    order_ms: list[int] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    order_totals: list[int] = field(default_factory=list)
    order_discounts: list[int] = field(default_factory=list)
    order_costs: list[int | None] = field(default_factory=list)
    order_groups: list[int] = field(default_factory=list)
    notes: dict[str, OrderNote] = field(default_factory=dict)  # by order id
    # Counting orders, closed ones included.
    counting: int = 0
    closed_counting: int = 0
    first_ms: int = NEVER
    # Product groups, ascending by name; `occasions` 0 means no counting order is left in the group.
    groups: list[str] = field(default_factory=list)
    occasions: list[int] = field(default_factory=list)
    first_day: list[int] = field(default_factory=list)
    last_ms: list[int] = field(default_factory=list)
    closed_ms: list[int] = field(default_factory=list)  # latest closed counting order
    until_ms: list[int] = field(default_factory=list)  # last_ms + patience
    in_window: list[int] = field(default_factory=list)  # counting orders of the window
    # The window of measures: running sums (window.py), and day buckets of contacts and feedback (contacts.py).
    outside: int = 0  # open orders older than the window: a prefix of the columns
    sums: list[int] = field(default_factory=lambda: [0] * 12)
    bucket_day: list[int] = field(default_factory=list)
    bucket_kind: list[int] = field(default_factory=list)
    bucket_count: list[int] = field(default_factory=list)
    bucket_cost: list[int] = field(default_factory=list)  # of those that named their cost
    bucket_unpriced: list[int] = field(default_factory=list)  # those that did not
    contacts: int = 0
    contact_cost: int = 0
    feedback: int = 0
    # Orders closed early, still inside the window: per day the sums and the groups' counts.
    closed_days: list[tuple[int, list[int], dict[str, int]]] = field(default_factory=list)
    # Growth (growth.py): all zero unless the policy asks for it. Open orders older than the earlier window are a prefix of the
    # columns, those older than the recent one a longer prefix. Of orders closed early the revenue per day is left.
    growth_outside: int = 0
    growth_earlier: int = 0
    revenue_now: int = 0
    revenue_before: int = 0
    closed_sale_day: list[int] = field(default_factory=list)
    closed_sale: list[int] = field(default_factory=list)
    closed_earlier: int = 0  # a prefix of these rows: those of the earlier window
    # Contact (contacts.py).
    touched_ms: int = NEVER  # the latest contact, either way, or answer to one
    bucket_outside: int = 0  # day buckets older than the window of measures, kept for a cap: a prefix
    # Referrals (referrals.py). The times of conversions, ascending, are without names: one stays when the name it came from goes.
    referred: dict[str, tuple[int, int]] = field(default_factory=dict)  # whom he referred -> when, their earliest counting order
    referrers: list[str] = field(default_factory=list)  # who referred him, ascending
    conversions: list[int] = field(default_factory=list)
    # No columns (index.py): made from those above when a large state, or a small one often, is searched; -1 is not counted yet.
    seen_at: dict[str, int] | None = field(default=None, compare=False)
    ordered_at: dict[str, int] | None = field(default=None, compare=False)
    refund_ids: int = field(default=-1, compare=False)
    waiting_bytes: int = field(default=-1, compare=False)
    scanned: int = field(default=0, compare=False)  # ids looked at since the state was opened


INDEXES: Final = ("seen_at", "ordered_at", "refund_ids", "waiting_bytes", "scanned")
"""What is not stored: it follows from the columns."""


def masked_groups(state: State, mask: int) -> list[int]:
    """Indexes of the groups whose bits are set in `mask`, ascending."""
    if mask & (mask - 1) == 0:
        return [mask.bit_length() - 1]
    return [g for g in range(len(state.groups)) if mask >> g & 1]


def new_state(time_ms: int, mark: Mark | None = None, before: State | None = None) -> State:
    """A customer whose first event carries `time_ms`; one with a `mark` lived before, and is born at another time than then.

    `before` is what was known of him when he was no customer.
    """
    born_ms = time_ms if mark is None or time_ms not in mark[2] else max(mark[2]) + 1
    state = State(born_ms=born_ms, clock_ms=time_ms, low_ms=time_ms, mark=mark)
    if before is not None:
        state.referrers = list(before.referrers)
    return state


def absent(mark: Mark | None) -> State:
    """What is known of someone who is no customer, and no more than that: no status, no profile, no deadline, no sequence."""
    return State(born_ms=NEVER, clock_ms=NEVER, low_ms=NEVER, mark=mark)


def is_customer(state: State | None) -> bool:
    """Whether this is the state of a customer: he has had an event of his own, and was not merged into another."""
    return state is not None and state.born_ms != NEVER and not state.merged_into


def as_it_is(time_ms: int) -> Any:
    """A time in a profile, as the rules tell it."""
    return time_ms


def describe(state: State, told: Callable[[int], Any] = as_it_is) -> dict[str, Any]:
    """The summary of the facts that a profile shows, times as `told` writes them."""
    latest = told(max(state.last_ms)) if state.counting else None
    groups: dict[str, Any] = {}
    for g, occasions in enumerate(state.occasions):
        if occasions:
            groups[state.groups[g]] = {"occasions": occasions, "last_order_at": told(state.last_ms[g])}
    return {
        "orders_counting": state.counting,
        "orders_open": len(state.order_ms),
        "first_order_at": told(state.first_ms) if state.counting else None,
        "last_order_at": latest,
        "product_groups": groups,
        "preferred_channel": state.preference[2] if state.preference else None,
        "events_waiting": len(state.waiting),
        "first_event_at": told(state.low_ms),
        "last_event_at": told(state.high_ms),
    }

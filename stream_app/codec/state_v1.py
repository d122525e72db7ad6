"""Layout 1 of a stored state, as it was released. Read by `codec.state`, never written again."""

from msgspec import Struct, field

from stream_app.domain.facts.notes import OrderNote, Waiting
from stream_app.domain.facts.state import NEVER


class StateV1(Struct, array_like=True, gc=False):
    """One customer as version 1 laid him out; the names mean what they mean in `State`."""

    born_ms: int
    clock_ms: int
    policy_version: int = 0
    policy_hash: str = ""
    sequence: int = 0
    deadline_ms: int | None = None
    values: list[str | None] = field(default_factory=lambda: [None] * 9)
    came_from: list[str | None] = field(default_factory=lambda: [None] * 9)
    changed_at: list[int] = field(default_factory=lambda: [0] * 9)
    class_hold_ms: int | None = None
    notice_ms: int | None = None
    notice_id: str = ""
    waiting: list[Waiting] = field(default_factory=list)
    low_ms: int = 0
    high_ms: int = NEVER
    seen_ms: list[int] = field(default_factory=list)
    seen_ids: list[str] = field(default_factory=list)
    related: bool = False
    lead: tuple[int, str, bool] | None = None
    preference: tuple[int, str, str | None, list[str]] | None = None
    answered: tuple[int, str, str] | None = None
    unsubscribed: dict[str, tuple[int, str]] = field(default_factory=dict)
    criteria: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    order_ms: list[int] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    order_totals: list[int] = field(default_factory=list)
    order_discounts: list[int] = field(default_factory=list)
    order_costs: list[int | None] = field(default_factory=list)
    order_groups: list[int] = field(default_factory=list)
    notes: dict[str, OrderNote] = field(default_factory=dict)
    counting: int = 0
    closed_counting: int = 0
    first_ms: int = NEVER
    groups: list[str] = field(default_factory=list)
    occasions: list[int] = field(default_factory=list)
    first_day: list[int] = field(default_factory=list)
    last_ms: list[int] = field(default_factory=list)
    closed_ms: list[int] = field(default_factory=list)
    until_ms: list[int] = field(default_factory=list)
    in_window: list[int] = field(default_factory=list)
    outside: int = 0
    sums: list[int] = field(default_factory=lambda: [0] * 12)
    bucket_day: list[int] = field(default_factory=list)
    bucket_kind: list[int] = field(default_factory=list)
    bucket_count: list[int] = field(default_factory=list)
    bucket_cost: list[int] = field(default_factory=list)
    bucket_unpriced: list[int] = field(default_factory=list)
    contacts: int = 0
    contact_cost: int = 0
    feedback: int = 0
    closed_days: list[tuple[int, list[int], dict[str, int]]] = field(default_factory=list)

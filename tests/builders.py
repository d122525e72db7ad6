"""Domain values for tests, every default named."""

from typing import Any

from stream_app.domain import evaluate
from stream_app.domain.calendar import Calendar
from stream_app.domain.changes import Outgoing
from stream_app.domain.events import EVENT_TYPES, Event, OrderPlaced
from stream_app.domain.facts.state import DIMENSIONS, State
from stream_app.domain.ids import STATUS_CHANGED, Who
from stream_app.domain.policy import Criterion, OwnRhythm, Policy, ScoreClasses, ServiceLevels
from stream_app.domain.settle import Outcome
from stream_app.domain.status import stand
from stream_app.domain.value import measure

DAY = 86_400_000
WHO = Who("acme", "c-1")
RAW: Any = ("orders", 0, 0, None, b"{}", [])


def policy(**changes: Any) -> Policy:
    """A policy with every dimension of this version switched on; keyword arguments replace its fields."""
    fields: dict[str, Any] = {
        "shop": "acme",
        "version": 1,
        "hash": "0" * 32,
        "calendar": Calendar(),
        "currency": "EUR",
        "margin_pct": 40,
        "category_groups": {"red wine": "wine", "sneakers": "shoes", "belts": "belts"},
        "rhythms": {"wine": OwnRhythm(10, 2, 300, 14, 120)},
        "default_rhythm": OwnRhythm(),
        "medium_pct": 50,
        "high_pct": 80,
        "live_since_ms": None,
        "clock": "events",
        "window_days": 365,
        "horizon_days": 365,
        "channel_costs": {"email": 5, "mailing": 150, "phone": 600, "visit": 12000, "chat": 200, "other": 100},
        "refund_cost": 500,
        "annual_rate_pct": 8,
        "referral_price": 2500,
        "feedback_price": 500,
        "criteria": (Criterion("value_now", 3, (0, 5000, 25000), (20, 50, 100)), Criterion("orders", 1, (2, 5), (60, 100))),
        "classes": ScoreClasses(70, 40),
        "downgrade_dwell_days": 30,
        "labels": {"A": "gold", "B": "silver", "C": "bronze"},
        "service_levels": ServiceLevels({}, {"A": "premium", "B": "standard", "C": "basic"}),
        "cooling_days": 90,
        "gone_days": 365,
        "dedup_days": 30,
        "pending_days": 30,
        "ledger_days": 730,
        "ledger_orders": 2000,
        "dedup_events": 4000,
    }
    return Policy(**{**fields, **changes})


def event(event_type: str, time_ms: int, event_id: str = "e-1", **data: Any) -> Event:
    """An event of customer c-1 of shop acme."""
    return Event(event_type, event_id, "acme", "c-1", time_ms, EVENT_TYPES[event_type](**data))


def order(time_ms: int, order_id: str = "o-1", total: int = 1000, categories: tuple[str | None, ...] = (), **data: Any) -> Event:
    """An `order.placed` with one line per category."""
    placed = OrderPlaced(order_id, "EUR", total, categories=categories, **data)
    return Event("order.placed", f"e-{order_id}", "acme", "c-1", time_ms, placed)


ZERO = 20_000 * DAY
"""2024-10-04T00:00:00Z, the day 0 of the tables."""


def at(days: float) -> int:
    """So many days after `ZERO`, in milliseconds."""
    return ZERO + round(days * DAY)


def cancel(time_ms: int, order_id: str = "o-1", event_id: str | None = None) -> Event:
    """An `order.cancelled`."""
    return event("order.cancelled", time_ms, event_id or f"x-{order_id}-{time_ms}", order_id=order_id)


def refund(time_ms: int, amount: int, order_id: str = "o-1", refund_id: str = "r-1", event_id: str | None = None) -> Event:
    """An `order.refunded`."""
    return event(
        "order.refunded",
        time_ms,
        event_id or f"{refund_id}-{order_id}-{time_ms}",
        order_id=order_id,
        refund_id=refund_id,
        amount_minor=amount,
    )


def payment(time_ms: int, due_ms: int, order_id: str = "o-1") -> Event:
    """A `payment.received`."""
    return event("payment.received", time_ms, f"p-{order_id}-{time_ms}", order_id=order_id, due_ms=due_ms, amount_minor=1)


def contact(time_ms: int, channel: str = "email", direction: str = "outbound", cost: int | None = None) -> Event:
    """A `contact.made`."""
    return event("contact.made", time_ms, f"c-{channel}-{time_ms}", channel=channel, direction=direction, cost_minor=cost)


def raw(name: str) -> Any:
    """The record of an event, told apart by its value."""
    return ("orders", 0, 0, None, name.encode(), [])


class Life:
    """One customer under one policy: what he does, and what comes of it."""

    def __init__(self, rules: Policy | None = None) -> None:
        self.rules = rules or policy()
        self.state: State | None = None
        self.outcome = Outcome()

    def take(self, *events: Event) -> "Life":
        """Apply events in this order."""
        for happened in events:
            self.state = evaluate.apply(WHO, self.state, happened, raw(happened.id), self.rules, self.outcome)
        assert not self.outcome.rule_error
        return self

    def until(self, time_ms: int) -> "Life":
        """Fire every deadline up to and including `time_ms`, and look at the measures then."""
        evaluate.advance(WHO, self.now, time_ms, self.rules, self.outcome)
        evaluate.reach(self.now, time_ms, self.rules)
        assert not self.outcome.rule_error
        return self

    @property
    def now(self) -> State:
        """The state, which must exist."""
        assert self.state is not None
        return self.state

    def status(self, dimension: str) -> str | None:
        """The current value of a dimension."""
        return self.now.values[DIMENSIONS.index(dimension)]

    def measure(self, name: str) -> int | None:
        """The current value of a measure."""
        return measure(name, self.now, self.rules, stand(self.now, self.rules))

    def published(self, *types: str) -> list[Outgoing]:
        """What was published of these types (default: changes)."""
        return [outgoing for outgoing in self.outcome.published if outgoing.type in (types or (STATUS_CHANGED,))]

    def changes(self, dimension: str) -> list[tuple[str | None, str | None, int, str]]:
        """(from, to, effective_at, kind of cause) of every change of a dimension."""
        found = [outgoing.data for outgoing in self.published() if outgoing.data["dimension"] == dimension]
        return [(data["from"], data["to"], data["effective_at"], data["cause"]["kind"]) for data in found]

    def rejected(self) -> list[tuple[str, str]]:
        """(code, event id) of every event that became a dead letter."""
        return [(rejected.code.value, (about[4] or b"").decode()) for rejected, about in self.outcome.rejected]

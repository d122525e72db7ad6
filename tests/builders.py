"""Domain values for tests, every default named."""

from typing import Any

from stream_app.domain.calendar import Calendar
from stream_app.domain.changes import Who
from stream_app.domain.events import EVENT_TYPES, Event, Line, OrderPlaced
from stream_app.domain.policy import Criterion, OwnRhythm, Policy, ScoreClasses, ServiceLevels

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
    lines = [Line("sku", 1, total, category) for category in categories]
    placed = OrderPlaced(order_id, "EUR", total, lines=lines, **data)
    return Event("order.placed", f"e-{order_id}", "acme", "c-1", time_ms, placed)

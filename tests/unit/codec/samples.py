"""One good event of each type, as a sender writes it."""

import json
from typing import Any

TIME = "2026-03-01T10:15:00+01:00"
TIME_MS = 1_772_356_500_000

ORDER: dict[str, Any] = {
    "order_id": "o-7",
    "currency": "EUR",
    "total_minor": 5990,
    "discount_minor": 100,
    "cost_minor": 2000,
    "lines": [
        {"sku": "s-1", "category": "red wine", "quantity": 2, "total_minor": 3990},
        {"sku": "s-2", "quantity": 1, "total_minor": 2000},
    ],
}

DATA: dict[str, dict[str, Any] | None] = {
    "order.placed": ORDER,
    "order.cancelled": {"order_id": "o-7"},
    "order.refunded": {"order_id": "o-7", "refund_id": "r-1", "amount_minor": 500},
    "payment.received": {"order_id": "o-7", "due_at": "2026-02-01T00:00:00Z", "amount_minor": 5990},
    "contact.made": {"channel": "mailing", "direction": "outbound", "cost_minor": 150, "campaign_id": "c-1"},
    "contact.responded": {"channel": "email", "outcome": "positive", "campaign_id": "c-1"},
    "interest.shown": {"kind": "brochure"},
    "preference.set": {"preferred_channel": "chat", "closed_channels": ["phone", "visit"]},
    "lead.identified": {"note": "met at the fair"},
    "lead.ruled_out": None,
    "referral.made": {"referred_customer_id": "customer/43"},
    "feedback.given": {"kind": "idea", "accepted": True},
    "profile.assessed": {"criteria": {"loyalty": 80, "vision": 0}},
    "customer.merged": {"into": "customer-44"},
    "customer.erased": None,
    "watermark": None,
}


def envelope(event_type: str, **changes: Any) -> dict[str, Any]:
    """A structured event as a mapping; a change to None leaves the attribute out."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shops/acme",
        "type": event_type,
        "subject": "customer-42",
        "time": TIME,
    }
    if event_type == "watermark":
        del event["subject"]
    event = event | {"data": DATA.get(event_type)} | changes
    return {name: value for name, value in event.items() if value is not None}


def structured(event_type: str, **changes: Any) -> bytes:
    """The bytes of a structured event."""
    return json.dumps(envelope(event_type, **changes), separators=(",", ":"), ensure_ascii=False).encode()


def binary(event_type: str, **changes: Any) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    """The value and the headers of the same event in binary mode."""
    event = envelope(event_type, **changes)
    data = event.pop("data", None)
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items()]
    return b"" if data is None else json.dumps(data).encode(), [*headers, ("content-type", b"application/json")]

"""A shop's year as JSONL, in time order, the same for the same seed: orders, contacts, answers, cancels, refunds, payments."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
YEAR_MS = 366 * 86_400_000
_COPIED = "customer-00"  # so many customers that two digits are free
CATEGORIES = ("red wine", "white wine", "sneakers", "boots", "leather belt", "handbag", "hat")


def write_history(path: Path, events: int, customers: int, seed: int = 1) -> None:
    """Write `events` events of `customers` customers to `path`."""
    with path.open("w", encoding="utf-8") as target:
        for event in make_history(events, customers, seed):
            target.write(json.dumps(event, separators=(",", ":")) + "\n")


def write_copies(paths: list[Path], events: int, customers: int) -> None:
    """Write a history of `events` events of `customers` customers, in files that each have customers of their own, and the whole year.

    All files tell the same of their customers: making each event anew would take longer than its replay. There are at most 100.
    """
    with paths[0].open("wb") as target:
        for event in make_history(events // len(paths), customers // len(paths), 1):
            name = event["subject"]
            assert name.startswith(_COPIED)
            target.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    for number, path in enumerate(paths[1:], 1):
        with paths[0].open("rb") as source, path.open("wb") as target:
            while block := source.read(1 << 20):
                block += source.readline()
                target.write(block.replace(f'"{_COPIED}'.encode(), f'"customer-{number:02}'.encode()))


def make_history(events: int, customers: int, seed: int) -> Iterator[dict[str, Any]]:
    """CloudEvents at even distances over a year; of 100 events 80 are orders, 12 contacts, 8 about an earlier order."""
    chance = random.Random(seed)
    recent: list[tuple[str, str]] = []
    for number in range(events):
        time_ms = START_MS + number * YEAR_MS // events
        kind = chance.random()
        customer = f"customer-{chance.randrange(customers):07}"
        if kind < 0.8 or not recent:
            data = _order(chance, number)
            recent.append((customer, data["order_id"]))
            event_type = "order.placed"
            if len(recent) > 5_000:
                recent.pop(0)
        elif kind < 0.92:
            event_type, data = "contact.made", {"channel": chance.choice(("email", "phone", "mailing")), "direction": "outbound"}
        else:
            customer, order_id = chance.choice(recent)
            event_type, data = _about_order(chance, number, order_id, time_ms)
        yield _envelope(number, event_type, customer, time_ms, data)


def _order(chance: random.Random, number: int) -> dict[str, Any]:
    lines = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        amount = chance.randrange(500, 9_000)
        lines.append({"sku": f"s-{amount}", "category": chance.choice(CATEGORIES), "quantity": 1, "total_minor": amount})
    return {"order_id": f"o-{number}", "currency": "EUR", "total_minor": sum(line["total_minor"] for line in lines), "lines": lines}


def _about_order(chance: random.Random, number: int, order_id: str, time_ms: int) -> tuple[str, dict[str, Any]]:
    kind = chance.random()
    if kind < 0.25:
        return "order.cancelled", {"order_id": order_id}
    if kind < 0.6:
        return "order.refunded", {"order_id": order_id, "refund_id": f"r-{number}", "amount_minor": chance.randrange(100, 5_000)}
    due = _rfc3339(time_ms - chance.randrange(0, 10) * 86_400_000)
    return "payment.received", {"order_id": order_id, "due_at": due, "amount_minor": 1_000}


def _envelope(number: int, event_type: str, customer: str, time_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/shops/bench",
        "type": event_type,
        "subject": customer,
        "time": _rfc3339(time_ms),
        "data": data,
    }


def _rfc3339(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

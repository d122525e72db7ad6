"""From a deadline to the change it makes, when nothing else happens: silence, by the wall clock."""

import asyncio
import time
from typing import Any

import msgspec

from benchmarks.place import Place, say
from benchmarks.product.inputs import silence_policy
from benchmarks.product.shop import Shop
from benchmarks.product.states import SHOP, rfc3339
from benchmarks.product.traffic import percentile, turned_inactive
from stream_app.domain.calendar import DAY_MS
from stream_app.worker.cluster import partitions_of, reader

_FIRST_S = 10.0
_EVERY_MS = 50


def measure(place: Place) -> dict[str, Any]:
    """`deadline_p99_ms` when idle: customers bought a day ago, less some seconds, and one falls silent every 50 ms."""
    deadlines = place.size(1_000, 150)
    shop = Shop(place, "deadline", silence_policy(place.folder))
    with shop.worker() as worker:
        worker.wait_for("ready")
        delays = sorted(asyncio.run(_delays(place, shop, deadlines)))
    p50, p99 = percentile(delays, 50), percentile(delays, 99)
    say(f"deadline to change, idle: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return {"deadline_p50_ms": {"idle": round(p50, 1)}, "deadline_p99_ms": {"idle": round(p99, 1)}}


async def _delays(place: Place, shop: Shop, deadlines: int) -> list[float]:
    """Milliseconds from each deadline to the moment when a reader sees the turn to inactive; the grace of 200 ms is in them."""
    first_ms = int((time.time() + _FIRST_S) * 1000)
    due_ms = {f"quiet-{number}": first_ms + number * _EVERY_MS for number in range(deadlines)}
    history = place.folder / "quiet.jsonl"
    with history.open("wb") as target:
        for name, due in due_ms.items():
            data = {"order_id": f"o-{name}", "currency": "EUR", "total_minor": 100, "lines": []}
            event = {"specversion": "1.0", "id": name, "source": f"/shops/{SHOP}", "type": "order.placed", "subject": name}
            target.write(msgspec.json.encode({**event, "time": rfc3339(due - DAY_MS), "data": data}) + b"\n")
    delays: dict[str, float] = {}
    async with reader(shop.settings, auto_offset_reset="earliest") as client:
        client.assign(await partitions_of(client, shop.settings, "status-changes"))
        await asyncio.to_thread(shop.run, "publish", str(history))
        until = time.monotonic() + _FIRST_S + deadlines * _EVERY_MS / 1000 + 20
        while len(delays) < deadlines and time.monotonic() < until:
            for records in (await client.getmany(timeout_ms=50)).values():
                at_ms = time.time() * 1000
                for record in records:
                    if turned_inactive(record.value):
                        name = record.key.decode().partition("/")[2]
                        delays[name] = at_ms - due_ms[name]
    assert len(delays) == deadlines, f"{deadlines - len(delays)} of {deadlines} deadlines made no change"
    assert min(delays.values()) >= 0, "a deadline fired before its time"
    return list(delays.values())

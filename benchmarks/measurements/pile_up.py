"""Very many deadlines due at one moment, while new customers buy: how long these wait, and how fast the pile goes.

A quarter as many come before, as a warm-up: a broker that has just started takes nearly twice as much for a record, until its
runtime has compiled what it does.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.place import CORES, PARTITIONS, Place, say
from benchmarks.product.inputs import silence_policy
from benchmarks.product.shop import Shop
from benchmarks.product.states import SHOP, fill, frames_of, rfc3339
from benchmarks.product.traffic import Traffic, percentile, turned_inactive
from stream_app.domain.calendar import DAY_MS

RATE = 1_000
_EARLY = 4  # of so many customers, one more for the warm-up
_BEFORE_S = 4.0
_FILL_PER_S, _RESTORE_PER_S, _START_S = 60_000, 40_000, 10.0
_SLOWEST_PER_S = 4_000


def measure(place: Place) -> dict[str, Any]:
    """`pile_up`: p99 of the live events that are published while the pile drains, and deadlines a second while it does."""
    customers = place.size(1_000_000, 200_000)
    early = customers // _EARLY
    policy = silence_policy(place.folder)
    shop = Shop(place, "pile-up", policy)
    rest_s = _START_S + (customers + early) * (1 / _FILL_PER_S + 1 / _RESTORE_PER_S) + early / _SLOWEST_PER_S
    due_ms = int((time.time() + rest_s) * 1000)
    early_ms = due_ms - int(early / _SLOWEST_PER_S * 1000)
    first, *_ = frames_of(policy, [_order(early_ms - DAY_MS)], early_ms - DAY_MS + 1)
    other, *_ = frames_of(policy, [_order(due_ms - DAY_MS)], due_ms - DAY_MS + 1)
    fill(shop, [first, *[other] * _EARLY], customers + early)
    fired: list[float] = []

    with shop.worker(PROCESSES=str(CORES)) as worker:
        worker.wait_ready(PARTITIONS, CORES)
        rest_s = early_ms / 1000 - time.time()
        assert rest_s > 0, f"the worker was ready {-rest_s:.0f} s after the deadlines"
        time.sleep(max(0.0, rest_s - _BEFORE_S))
        traffic = Traffic(shop, "live")
        seconds = due_ms / 1000 - time.time() + customers / _SLOWEST_PER_S

        def enough() -> bool:
            return len(fired) >= customers + early

        def each(records: Sequence[Any], at: float) -> None:
            fired.extend(at for record in records if turned_inactive(record.value) and record.key.find(b"/customer-") >= 0)

        asyncio.run(traffic.run(RATE, seconds, each, enough))
    return {"pile_up": _figures(traffic, [at for at in fired if at * 1000 >= due_ms], customers)}


def _figures(traffic: Traffic, fired: list[float], customers: int) -> dict[str, Any]:
    assert len(fired) == customers, f"{len(fired)} changes for {customers} deadlines"
    first, last = min(fired), max(fired)
    drain = customers / (last - first)
    delays = traffic.delays_between(first, last)
    p50, p99 = percentile(delays, 50), percentile(delays, 99)
    say(f"pile-up of {customers:,}: {drain:,.0f}/s, {len(delays)} live events with p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return {"deadlines": customers, "drain_per_s": round(drain), "live_p50_ms": round(p50, 1), "live_p99_ms": round(p99, 1)}


def _order(time_ms: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "e-1", "source": f"/shops/{SHOP}", "type": "order.placed", "subject": "customer-1"}
    return {**event, "time": rfc3339(time_ms), "data": {"order_id": "o-1", "currency": "EUR", "total_minor": 100, "lines": []}}

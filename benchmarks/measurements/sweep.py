"""A new policy version for very many silent customers, while others buy: how soon it reaches them all, and what those who buy notice.

The worker sweeps at the rate that it ships with, `STREAM_APP_SWEEP_RATE`.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.place import CORES, PARTITIONS, Place, say
from benchmarks.product.inputs import live_policy
from benchmarks.product.shop import Shop
from benchmarks.product.states import SHOP, fill, frames_of, rfc3339
from benchmarks.product.traffic import Traffic, percentile

RATE = 5_000
_WARM_UP_S = 4.0
_SLOWEST_PER_S = 1_000


def measure(place: Place) -> dict[str, Any]:
    """`policy_sweep`: customers, seconds until the last silent one is reached, customers a second, p50 and p99 of live events meanwhile."""
    customers = place.size(1_000_000, 50_000)
    policy = live_policy(place.folder)
    shop = Shop(place, "sweep", policy)
    now_ms = int(time.time() * 1000)
    fill(shop, frames_of(policy, [_order(now_ms - 60_000)], now_ms), customers)
    later = _with_other_labels(policy)
    reached: list[float] = []
    published: list[float] = []

    def publish() -> None:
        published.append(time.time())
        shop.run("policy", "publish", str(later))

    def each(records: Sequence[Any], at: float) -> None:
        values = [record.value for record in records if b'"dimension":"label"' in record.value and b"/customer-" in record.key]
        reached.extend(at for value in values if b'"kind":"policy"' in value)

    with shop.worker(PROCESSES=str(CORES)) as worker:
        worker.wait_ready(PARTITIONS, CORES)
        traffic = Traffic(shop, "live")
        timer = threading.Timer(_WARM_UP_S, publish)
        timer.start()
        asyncio.run(traffic.run(RATE, _WARM_UP_S + customers / _SLOWEST_PER_S, each, lambda: len(reached) >= customers))
        timer.join()
    return {"policy_sweep": _figures(traffic, published[0], reached, customers)}


def _figures(traffic: Traffic, began: float, reached: list[float], customers: int) -> dict[str, Any]:
    assert len(reached) == customers, f"{len(reached)} of {customers} customers were reached"
    seconds = max(reached) - began
    delays = traffic.delays_between(began, max(reached))
    p50, p99 = percentile(delays, 50), percentile(delays, 99)
    say(f"policy sweep of {customers:,}: {seconds:.1f} s, {len(delays)} live events with p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    figures = {"customers": customers, "seconds": round(seconds, 1), "per_s": round(customers / seconds)}
    return {**figures, "live_p50_ms": round(p50, 1), "live_p99_ms": round(p99, 1)}


def _with_other_labels(policy: Path) -> Path:
    text = policy.read_text(encoding="utf-8")
    assert "version: 1" in text
    assert "labels: {A: gold, B: silver, C: bronze}" in text
    text = (
        text.replace("version: 1", "version: 2")
        .replace("C: bronze}", "C: iron}")
        .replace("B: silver", "B: steel")
        .replace("A: gold", "A: platinum")
    )
    later = policy.with_name("live-2.yaml")
    later.write_text(text, encoding="utf-8")
    return later


def _order(time_ms: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "e-1", "source": f"/shops/{SHOP}", "type": "order.placed", "subject": "customer-1"}
    return {**event, "time": rfc3339(time_ms), "data": {"order_id": "o-1", "currency": "EUR", "total_minor": 4_000, "lines": []}}

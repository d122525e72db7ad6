"""From publishing an event to a change of status that a reader of committed records sees, at two steady rates."""

import asyncio
from typing import Any

from benchmarks.place import Place, say
from benchmarks.product.inputs import live_policy
from benchmarks.product.shop import Shop
from benchmarks.product.traffic import Traffic, percentile

RATES = (1_000, 5_000)
_WARM_UP_S = 3.0


def measure(place: Place) -> dict[str, Any]:
    """`latency_p99_ms` and `latency_p50_ms` by events a second; of a new customer's first order, one event in five."""
    seconds = place.size(60, 7)
    shop = Shop(place, "latency", live_policy(place.folder))
    found: dict[str, list[float]] = {}
    with shop.worker() as worker:
        worker.wait_for("ready")
        for rate in RATES:
            traffic = Traffic(shop, f"at-{rate}")
            asyncio.run(traffic.run(rate, _WARM_UP_S + seconds))
            found[str(rate)] = traffic.delays_ms(_WARM_UP_S)
            p50, p99 = percentile(found[str(rate)], 50), percentile(found[str(rate)], 99)
            say(f"latency at {rate:,} events/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return {f"latency_p{pct}_ms": {rate: round(percentile(delays, pct), 1) for rate, delays in found.items()} for pct in (50, 99)}

"""What a worker keeps in memory with very many customers, after a restore and some traffic."""

from typing import Any

from benchmarks.place import Place, say
from benchmarks.product.loaded import loaded

_EVENTS = 40_000


def measure(place: Place) -> dict[str, Any]:
    """`rss_mib` by number of customers: resident memory, RocksDB's caches included."""
    sizes = {"1m": 1_000_000} if place.quick else {"1m": 1_000_000, "5m": 5_000_000}
    rss: dict[str, int] = {}
    restored: dict[str, float] = {}
    for name, customers in sizes.items():
        with loaded(place, customers) as found:
            found.order(_EVENTS)
            rss[name], restored[name] = found.worker.usage()[1], found.restore_s
        say(f"memory with {customers:,} customers: {rss[name]} MiB (restored in {restored[name]:.1f} s)")
    return {"rss_mib": rss, "rss_restore_s": restored}

"""The restore of an empty store from the changelog, as after the loss of a machine."""

from typing import Any

from benchmarks.place import Place, say
from benchmarks.product.loaded import loaded


def measure(place: Place) -> dict[str, Any]:
    """`restore_customers_per_s`: customers over the seconds that the worker logs for its restore."""
    customers = place.size(1_000_000, 200_000)
    with loaded(place, customers) as found:
        seconds = found.restore_s
    say(f"restore of {customers:,} customers: {seconds:.1f} s")
    return {"restore_customers_per_s": round(customers / seconds), "restore": {"customers": customers, "seconds": seconds}}

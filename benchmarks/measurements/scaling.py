"""Two workers instead of one: what the partitions are for. On two cores, broker included, there is little room for it."""

from contextlib import ExitStack
from typing import Any

from benchmarks.place import PARTITIONS, Place, say
from benchmarks.product.inputs import synthetic
from benchmarks.product.shop import Shop, rate


def measure(place: Place) -> dict[str, Any]:
    """`scaling`: events a second by number of workers, and the ratio of two to one."""
    source = synthetic(place.folder, place.size(400_000, 60_000))
    rates: dict[str, int] = {}
    for workers in (1, 2):
        shop = Shop(place, f"by-{workers}", source.policy)
        with ExitStack() as running:
            if workers > 1:  # the group must be settled first: a rebalance in the middle would be measured, too
                started = [running.enter_context(shop.worker(f"w{number}")) for number in range(workers)]
                for worker in started:
                    worker.wait_for("ready")
                shop.publish(source.history)
            else:
                shop.publish(source.history)
                started = [running.enter_context(shop.worker("w0"))]
            steps = shop.wait_applied(source.events + PARTITIONS, *started)
        rates[str(workers)] = round(rate(steps))
        say(f"scaling, {workers} worker(s): {rates[str(workers)]:,} events/s")
    return {"scaling": {"events_per_s": rates, "ratio": round(rates["2"] / rates["1"], 2)}}

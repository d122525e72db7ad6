"""The full domain, exactly-once, one worker: every dimension that the product computes, on a real and on a synthetic year."""

from statistics import median
from typing import Any

from benchmarks.place import PARTITIONS, Place, say
from benchmarks.product.inputs import Input, complete_journey, synthetic
from benchmarks.product.shop import Shop, rate


def measure(place: Place) -> dict[str, Any]:
    """`full_domain` is The Complete Journey's rate; both inputs are in `full_domain_inputs`."""
    inputs = (complete_journey(), synthetic(place.folder, place.size(400_000, 60_000)))
    figures = {source.name: _measure(place, source) for source in inputs}
    return {"full_domain": figures["complete_journey"]["events_per_s"], "full_domain_inputs": figures}


def _measure(place: Place, source: Input) -> dict[str, Any]:
    rates, cpu_us, rss_mib, units = [], [], 0, 0
    for number in range(place.rounds):
        shop = Shop(place, f"{source.name.replace('_', '-')}-{number}", source.policy)
        shop.publish(source.history)
        with shop.worker() as worker:
            steps = shop.wait_applied(source.events + PARTITIONS, worker)
            cpu_s, rss = worker.usage()
        rates.append(rate(steps))
        cpu_us.append(cpu_s * 1e6 / source.events)
        rss_mib, units = max(rss_mib, rss), len(steps)
        say(f"full domain, {source.name}: {rates[-1]:,.0f} events/s, {cpu_us[-1]:.1f} us CPU an event")
    return {
        "what": source.what,
        "events": source.events,
        "events_per_s": round(median(rates)),
        "runs": [round(figure) for figure in rates],
        "cpu_us_per_event": round(median(cpu_us), 1),
        "rss_mib": rss_mib,
        "units": units,
    }

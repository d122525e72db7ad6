"""The full domain, exactly-once, one worker: every dimension that the product computes, on a real and on a synthetic year.

With one process, and with as many as Kafka Streams has threads in W1. Before that one run, not counted, lets the broker warm up, as
W1's broker is by the time most systems have their turn. The rate is that of the second half of the events, as W1's is: the processes of
a worker do not begin at one moment, and a whole year is over seconds after the last of them has.
"""

from statistics import median
from typing import Any

from benchmarks.place import CORES, PARTITIONS, Place, say
from benchmarks.product.inputs import Input, complete_journey, synthetic
from benchmarks.product.shop import Shop, Step, rate_once_warm


def measure(place: Place) -> dict[str, Any]:
    """The Complete Journey's rate: `full_domain` with `CORES` processes, `full_domain_one_process`; all else in `full_domain_inputs`."""
    inputs = (complete_journey(), synthetic(place.folder, place.size(400_000, 60_000)))
    _run(place, "warm-up", inputs[0], 1)
    figures = {source.name: _measure(place, source, 1) for source in inputs}
    figures |= {f"{source.name}_on_{CORES}": _measure(place, source, CORES) for source in inputs}
    rates = {"full_domain_one_process": "complete_journey", "full_domain": f"complete_journey_on_{CORES}"}
    return {name: figures[source]["events_per_s"] for name, source in rates.items()} | {"full_domain_inputs": figures}


def _measure(place: Place, source: Input, processes: int) -> dict[str, Any]:
    rates, cpu_us, rss_mib, units = [], [], 0, 0
    for number in range(place.rounds):
        steps, cpu_s, rss = _run(place, f"{source.name.replace('_', '-')}-on-{processes}-{number}", source, processes)
        rates.append(rate_once_warm(steps))
        cpu_us.append(cpu_s * 1e6 / source.events)
        rss_mib, units = max(rss_mib, rss), len(steps)
        say(f"full domain, {source.name}, {processes} process(es): {rates[-1]:,.0f} events/s, {cpu_us[-1]:.1f} us CPU an event")
    return {
        "what": f"{processes} process{'es' if processes > 1 else ''}; {source.what}",
        "events": source.events,
        "events_per_s": round(median(rates)),
        "runs": [round(figure) for figure in rates],
        "cpu_us_per_event": round(median(cpu_us), 1),
        "rss_mib": rss_mib,
        "units": units,
    }


def _run(place: Place, name: str, source: Input, processes: int) -> tuple[list[Step], float, int]:
    """The units of work, the CPU seconds and the MiB of one run."""
    shop = Shop(place, name, source.policy)
    shop.publish(source.history)
    with shop.worker(PROCESSES=str(processes)) as worker:
        steps = shop.wait_applied(source.events + PARTITIONS, worker)
        return steps, *worker.usage()

"""How the cost of an event grows with the customers that are known, and with the partitions.

Workers of all sizes are there at once, and take turns: a machine that is slower for a while is so for all of them. A turn lasts until
the worker is at rest again, since RocksDB goes on sorting for a while what was written. Of a million customers it takes many events
until the sorting that they cost has begun, and few customers would be given so many orders by as many events that they are no longer
alike: so there are the more events, the more customers.

Units of work are small, and customers come in turn, so that no unit holds two orders of one customer, however few there are:
what is decoded once for several orders would make few customers look cheaper than many.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import mean
from typing import Any

from benchmarks.place import PARTITIONS, Place, say
from benchmarks.product.loaded import Cost, Loaded, loaded

_CUSTOMERS = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000, "5m": 5_000_000}
_EVENTS = {"10k": 20_000, "100k": 50_000, "1m": 150_000, "5m": 150_000}
_QUICK_EVENTS = {"10k": 20_000, "100k": 20_000, "1m": 40_000}
_PARTITIONS = (1, 16, 64)
_UNIT_RECORDS = "1000"
_BASE = "100k"  # enough for 64 partitions to have units of work without a customer twice
_ROUNDS, _QUICK_ROUNDS = 6, 2


@dataclass(frozen=True)
class _Size:
    """Who has orders, and how many in one turn."""

    worker: Loaded
    events: int


def measure(place: Place) -> dict[str, Any]:
    """`growth`: events a second and CPU an event by customers and by partitions, and how much more an event costs at the most."""
    events = _QUICK_EVENTS if place.quick else _EVENTS
    widths = (16,) if place.quick else _PARTITIONS
    with ExitStack() as stack:
        sizes = {name: _Size(_worker(stack, place, name, PARTITIONS), count) for name, count in events.items()}
        sizes |= {f"on {width}": _Size(_worker(stack, place, _BASE, width), events[_BASE]) for width in widths}
        turns = _in_turns(place, sizes)
    return {
        "growth": {
            "customers": {name: _figures(turns[name]) for name in events},
            "partitions": {str(PARTITIONS): _figures(turns[_BASE])} | {str(width): _figures(turns[f"on {width}"]) for width in widths},
            "cost_10k_to_1m_pct": round(100 * (_cpu_us(turns["1m"]) / _cpu_us(turns["10k"]) - 1)),
        }
    }


def _worker(stack: ExitStack, place: Place, name: str, partitions: int) -> Loaded:
    return stack.enter_context(loaded(place, _CUSTOMERS[name], partitions, UNIT_RECORDS_MAX=_UNIT_RECORDS))


def _in_turns(place: Place, sizes: Mapping[str, _Size]) -> dict[str, list[Cost]]:
    """What the orders of each turn cost, by size; what only the first orders cost does not count."""
    for size in sizes.values():
        size.worker.settle()
        size.worker.order_and_rest(size.events)
    turns: dict[str, list[Cost]] = {name: [] for name in sizes}
    for number in range(place.size(_ROUNDS, _QUICK_ROUNDS)):
        names = list(sizes)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            turns[name].append(sizes[name].worker.order_and_rest(sizes[name].events))
    for name, costs in turns.items():
        worker = sizes[name].worker
        told = ", ".join(f"{cost.cpu_us_per_event:.1f}" for cost in costs)
        say(f"{worker.customers:,} customers on {worker.shop.partitions} partitions: {_cpu_us(costs):.1f} us CPU an event ({told})")
    return turns


def _cpu_us(turns: list[Cost]) -> float:
    return mean(cost.cpu_us_per_event for cost in turns)


def _figures(turns: list[Cost]) -> dict[str, Any]:
    return {
        "events_per_s": round(mean(cost.events_per_s for cost in turns)),
        "cpu_us_per_event": round(_cpu_us(turns), 1),
        "turns_us": [round(cost.cpu_us_per_event, 1) for cost in turns],
    }

"""How the cost of an event grows with the customers that are known, and with the partitions.

Units of work are small, and customers come in turn, so that no unit holds two orders of one customer, however few there are:
what is decoded once for several orders would make few customers look cheaper than many.
"""

from typing import Any

from benchmarks.place import PARTITIONS, Place, say
from benchmarks.product.loaded import Cost, loaded

_CUSTOMERS = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000, "5m": 5_000_000}
_PARTITIONS = (1, PARTITIONS, 16, 64)
_UNIT_RECORDS = "1000"
_BASE = "100k"  # enough for 64 partitions to have units of work without a customer twice


def measure(place: Place) -> dict[str, Any]:
    """`growth`: events a second and CPU an event by customers and by partitions, and how much more an event costs at the most."""
    events = place.size(200_000, 40_000)
    sizes = [name for name in _CUSTOMERS if not place.quick or name != "5m"]
    widths = (PARTITIONS, 16) if place.quick else _PARTITIONS
    customers = {name: _cost(place, _CUSTOMERS[name], PARTITIONS, events) for name in sizes}
    partitions = {
        str(width): customers[_BASE] if width == PARTITIONS else _cost(place, _CUSTOMERS[_BASE], width, events) for width in widths
    }
    return {
        "growth": {
            "customers": {name: _figures(cost) for name, cost in customers.items()},
            "partitions": {name: _figures(cost) for name, cost in partitions.items()},
            "cost_10k_to_1m_pct": round(100 * (customers["1m"].cpu_us_per_event / customers["10k"].cpu_us_per_event - 1)),
        }
    }


def _cost(place: Place, customers: int, partitions: int, events: int) -> Cost:
    with loaded(place, customers, partitions, UNIT_RECORDS_MAX=_UNIT_RECORDS) as found:
        found.order(events // 4)  # what only the first orders cost must not count
        found.settle()
        cost = found.order(events)
    figures = f"{cost.events_per_s:,.0f} events/s, {cost.cpu_us_per_event:.1f} us CPU an event"
    say(f"{customers:,} customers on {partitions} partitions: {figures}")
    return cost


def _figures(cost: Cost) -> dict[str, float]:
    return {"events_per_s": round(cost.events_per_s), "cpu_us_per_event": round(cost.cpu_us_per_event, 1)}

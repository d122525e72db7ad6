"""A worker that already knows very many customers, and what their next orders cost it."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.place import PARTITIONS, Place
from benchmarks.product.inputs import POLICY
from benchmarks.product.shop import Shop, Worker, rate
from benchmarks.product.states import END_MS, customer, fill, order_of, typical_frames

_SETTLE_S = 30.0
_AT_REST_S = 0.15


@dataclass(frozen=True)
class Cost:
    """What the next orders of known customers cost."""

    events_per_s: float
    cpu_us_per_event: float


@dataclass
class Loaded:
    """A running worker that has restored `customers`."""

    shop: Shop
    worker: Worker
    customers: int
    restore_s: float
    calls: int = 0

    def settle(self) -> float:
        """Wait until the worker rests: RocksDB goes on sorting for a while what a restore has written.

        Returns:
            The processor time that a worker at rest takes, in seconds a second.
        """
        until = time.monotonic() + _SETTLE_S
        used = self.worker.usage()[0]
        while True:
            time.sleep(1.0)
            before, used = used, self.worker.usage()[0]
            if used - before < _AT_REST_S or time.monotonic() > until:
                return used - before

    def order_and_rest(self, events: int) -> Cost:
        """The same as `order`, and what RocksDB does afterwards counts as well; what a worker takes at rest does not."""
        before = self.worker.usage()[0]
        cost = self.order(events)
        began = time.monotonic()
        at_rest = self.settle()
        used = self.worker.usage()[0] - before - at_rest * (time.monotonic() - began)
        return Cost(cost.events_per_s, used * 1e6 / events)

    def order(self, events: int) -> Cost:
        """Publish `events` orders, of customers in a shuffled turn, and wait until they are applied."""
        assert events >= self.shop.partitions * 20, "every partition must have some"
        history = self.shop.place.folder / f"{self.shop.name}-orders.jsonl"
        self.calls += 1
        _write_orders(history, events, self.customers, self.calls)
        before = self.worker.usage()[0]
        self.shop.run("publish", str(history))
        steps = self.shop.wait_applied(events, self.worker)
        return Cost(rate(steps), (self.worker.usage()[0] - before) * 1e6 / events)


@contextmanager
def loaded(place: Place, customers: int, partitions: int = PARTITIONS, **settings: str) -> Iterator[Loaded]:
    """Write the customers' changelog, then start a worker with an empty store and `settings`."""
    shop = Shop(place, f"of-{customers}-on-{partitions}", POLICY, partitions)
    fill(shop, typical_frames(POLICY), customers)
    shop.skip_changelog()
    with shop.worker("w1", **settings) as worker:
        worker.wait_for("ready")
        yield Loaded(shop, worker, customers, float(str(worker.wait_for("restored")["seconds"])))


def _write_orders(history: Path, events: int, customers: int, call: int) -> None:
    """Orders a second apart would move the time of the shop by days: these are all of one minute, after everything known."""
    turn = list(range(customers))
    random.Random(call).shuffle(turn)
    with history.open("wb") as target:
        for number in range(events):
            time_ms = END_MS + call * 60_000 + number * 60_000 // events
            event = order_of(customer(turn[number % customers]), f"next-{call}-{number}", time_ms)
            target.write(msgspec.json.encode(event) + b"\n")

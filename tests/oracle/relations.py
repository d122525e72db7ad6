"""Referrals: what one customer's events are for another. A pair is remembered by its referrer: (when he made it, first order told)."""

from collections.abc import Callable

from tests.oracle.customer import Customer
from tests.oracle.erasure import suppresses
from tests.oracle.measures import voided

DERIVED = "derived"
"""Stands for the id of an event that another customer's event gave rise to."""


def first_order(customer: Customer) -> int | None:
    """The time of the earliest counting order."""
    return min((int(order["time"]) for order in customer.orders if not voided(order)), default=None)


def hear(customer: Customer, time: int, referred: dict[str, tuple[int, int | None]] | None = None) -> None:
    """An event of his own that comes from another customer, with what it says of those he has referred."""
    customer.advance(time)
    kind = "late" if time < customer.clock else "event"
    customer.clock = max(customer.clock, time)
    customer.referred |= referred or {}
    customer.evaluate({"kind": kind, "event_id": DERIVED}, customer.clock)


class Relations:
    """All pairs of a file, and what is told along them right after each event."""

    def __init__(self, customers: dict[tuple[str, str], Customer]) -> None:
        """Begin without pairs."""
        self.customers = customers
        self.pairs: set[tuple[str, str, str]] = set()
        self.whose: Callable[[tuple[str, str], int], tuple[str, str]] = lambda name, _: name

    def after(self, shop: str, name: str, time: int) -> None:
        """An event of this customer was folded."""
        customer = self.customers[shop, name]
        for referred in sorted(customer.referred):
            if referred in customer.absorbed:
                del customer.referred[referred]
            elif (shop, name, referred) not in self.pairs:
                now = self.whose((shop, referred), time)[1]
                other = self.customers.get((shop, now))
                if other is not None and suppresses(other, {"time": time}):
                    continue
                if now != referred:
                    self.pairs.add((shop, name, now))
                    if other is not None:
                        hear(other, time)
                    self._rename(shop, name, referred, now, time)
                    continue
                self.pairs.add((shop, name, referred))
                if other is not None and other.exists:
                    hear(other, time)
                    self._tell(shop, name, referred, time)
        for _, referrer, referred in sorted(pair for pair in self.pairs if (pair[0], pair[2]) == (shop, name)):
            self._tell(shop, referrer, referred, time)

    def merged(self, name: tuple[str, str], into: str, time: int, first: int | None) -> None:
        """A customer is another from now on: who has referred him learns it, and when the earliest order is, if `first` is it no more."""
        shop, old = name
        target = self.customers[shop, into]
        theirs = sorted(a for s, a, b in self.pairs if (s, b) == (shop, old) and a != into)
        mine = sorted(a for s, a, b in self.pairs if (s, b) == (shop, into) and a not in (*theirs, old))
        names = {(shop, old): into}
        self.pairs = {(s, names.get((s, a), a), names.get((s, b), b)) for s, a, b in self.pairs}
        self.pairs = {pair for pair in self.pairs if pair[1] != pair[2]}
        for referrer in theirs:
            self._rename(shop, referrer, old, into, time)
        for referrer in mine if first_order(target) != first else []:
            self._tell(shop, referrer, into, time)

    def _rename(self, shop: str, referrer: str, old: str, into: str, time: int) -> None:
        customer = self.customers[shop, referrer]
        made, _ = customer.referred.pop(old)
        known = customer.referred.get(into, (made, None))
        hear(customer, time, {into: (min(made, known[0]), first_order(self.customers[shop, into]))})

    def erased(self, shop: str, name: str, time: int) -> None:
        """A customer was erased: who knows him forgets his name, and keeps what he brought."""
        mine = {pair for pair in self.pairs if pair[0] == shop and name in pair[1:]}
        self.pairs -= mine
        for receiver in sorted({other for _, *both in mine for other in both if other != name}):
            customer = self.customers.get((shop, receiver))
            if customer is None or not customer.exists or suppresses(customer, {"time": time}):
                continue
            made, first = customer.referred.pop(name, (0, None))
            if first is not None and first >= made:
                customer.referred[f"nameless {len(customer.referred)} {time} {made}"] = (made, first)
            hear(customer, time)

    def _tell(self, shop: str, referrer: str, referred: str, time: int) -> None:
        customer, first = self.customers[shop, referrer], first_order(self.customers[shop, referred])
        made, told = customer.referred[referred]
        if first != told:
            hear(customer, time, {referred: (made, first)})

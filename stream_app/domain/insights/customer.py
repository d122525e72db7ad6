"""What one customer adds to his shop's sums: his statuses, what he bought, what he spent, and when he came and went.

What he adds is a function of the set of his orders and of the sequence of his changes, whichever of the two is read first.
"""

from typing import Final

from msgspec import Struct, field

from stream_app.domain.insights.figures import bucket_of
from stream_app.domain.insights.tally import NOW, Tally
from stream_app.domain.insights.turns import Turn, Turns, kind_of

_SIDES: Final = {"inactive": "lost", "active": "kept"}
_ORDERS_MAX: Final = 2_000
_EARLY_MAX: Final = 200
"""So many orders of which only a cancel or a refund has come."""


class Purchase(Struct, array_like=True, gc=False):
    """One order: bits of `categories` and `groups` are indexes into those of the customer. Without a time it has not come yet."""

    at_ms: int | None = None
    total_minor: int = 0
    categories: int = 0
    groups: int = 0
    cancelled: bool = False
    refunds: dict[str, int] = field(default_factory=dict)

    def net_minor(self) -> int | None:
        """What it yields after refunds; None when it does not count (domain.md, section 2)."""
        refunded = sum(self.refunds.values())
        if self.at_ms is None or self.cancelled or (self.refunds and refunded >= self.total_minor):
            return None
        return self.total_minor - refunded


class Shelf(Struct, array_like=True, gc=False):
    """Names of one kind that a customer has bought, and how many of his counting orders hold each."""

    names: list[str] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)

    def mask(self, names: set[str]) -> int:
        """The bits of these names; new ones get a place."""
        mask = 0
        for name in sorted(names):
            if name not in self.names:
                self.names.append(name)
                self.orders.append(0)
            mask |= 1 << self.names.index(name)
        return mask

    def named(self, mask: int) -> list[str]:
        """The names of these bits."""
        return [name for i, name in enumerate(self.names) if mask >> i & 1]


class CustomerSums(Struct, array_like=True, gc=False):
    """One customer, as far as insights need him. Of an earlier life, up to `erased_ms`, nothing is taken in."""

    values: dict[str, str] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    categories: Shelf = field(default_factory=Shelf)
    groups: Shelf = field(default_factory=Shelf)
    orders: dict[str, Purchase] = field(default_factory=dict)
    revenue_minor: int = 0
    erased_ms: int | None = None

    # -- what the status fold has published

    def change(self, dimension: str, to: str | None, turn: Turn | None, tally: Tally) -> None:
        """A `status.changed`. `turn` is given for a change of lifecycle that revokes nothing; it gets its kind here."""
        before = self.values.get(dimension)
        if dimension == "lifecycle":
            self._stand(tally, -1)
        if before is not None:
            tally.add(NOW, ("count", dimension, before), -1)
        if to is None:
            self.values.pop(dimension, None)
        else:
            self.values[dimension] = to
            tally.add(NOW, ("count", dimension, to), 1)
        if dimension == "lifecycle":
            self._stand(tally, 1)
        if turn is not None:
            turn.kind = kind_of(before, to)
            turn.by_order = turn.by_order and turn.kind == "won_back"
            if turn.by_order:
                bought = [order for order in self.orders.values() if order.at_ms == turn.at_ms]
                turn.categories = sorted({name for order in bought for name in self.categories.named(order.categories)})
                turn.groups = sorted({name for order in bought for name in self.groups.named(order.groups)})
            self.turns.take(turn, tally)

    def revoke(self, time_ms: int, tally: Tally) -> None:
        """The change of lifecycle that was just taken in revokes the one before it."""
        self.turns.revoke(time_ms, tally)

    def erase(self, erased_ms: int, clock_ms: int, tally: Tally) -> "CustomerSums":
        """Forget him by an erasure of this time: what he has added stays, and is told apart.

        Args:
            erased_ms: events up to then are dropped from now on.
            clock_ms: how far he had come by then; what he bought later is of the life that begins.
            tally: takes what changes.

        Returns:
            Who is left: somebody without a name for anything up to then.
        """
        later = {name: order for name, order in self.orders.items() if order.at_ms is not None and order.at_ms > clock_ms}
        reborn = CustomerSums(erased_ms=erased_ms)
        for name, order in later.items():
            self._void(name, tally)
            assert order.at_ms is not None
            bought = {*self.categories.named(order.categories)}, {*self.groups.named(order.groups)}
            reborn.place(name, order.at_ms, order.total_minor, *bought, tally)
        for dimension, value in self.values.items():
            tally.add(NOW, ("erased", dimension, value), 1)
        return reborn

    # -- what the shop has published

    def place(self, order: str, at_ms: int, total_minor: int, categories: set[str], groups: set[str], tally: Tally) -> None:
        """An order; one that is known already is a duplicate, or refused."""
        purchase = self.orders.get(order)
        if (self.erased_ms is not None and at_ms <= self.erased_ms) or (purchase is not None and purchase.at_ms is not None):
            return
        if purchase is None:
            purchase = self.orders[order] = Purchase()
        purchase.at_ms, purchase.total_minor = at_ms, total_minor
        purchase.categories, purchase.groups = self.categories.mask(categories), self.groups.mask(groups)
        self._count(None, purchase, tally)
        self.turns.bought(at_ms, sorted(categories), sorted(groups), tally)
        self._forget_oldest()

    def cancel(self, order: str, tally: Tally) -> None:
        """A cancel, whether the order has come or not."""
        purchase = self._known(order)
        before = purchase.net_minor()
        purchase.cancelled = True
        self._count(before, purchase, tally)

    def refund(self, order: str, refund: str, amount_minor: int, tally: Tally) -> None:
        """A refund, counted once."""
        purchase = self._known(order)
        before = purchase.net_minor()
        purchase.refunds.setdefault(refund, amount_minor)
        self._count(before, purchase, tally)

    def is_empty(self) -> bool:
        """Whether nothing is known of him that could still count."""
        return not (self.values or self.orders or self.turns.latest)

    # -- within

    def _known(self, order: str) -> Purchase:
        """The order, or a place for it; of those that do not come the oldest are forgotten."""
        purchase = self.orders.get(order)
        if purchase is None:
            early = [name for name, known in self.orders.items() if known.at_ms is None]
            if len(early) >= _EARLY_MAX:
                del self.orders[early[0]]
            purchase = self.orders[order] = Purchase()
        return purchase

    def _void(self, name: str, tally: Tally) -> None:
        order = self.orders.pop(name)
        before = order.net_minor()
        order.cancelled = True
        self._count(before, order, tally)

    def _forget_oldest(self) -> None:
        """Beyond the bound the oldest order can no longer be cancelled or refunded; what it has added stays."""
        if len(self.orders) > _ORDERS_MAX:
            placed = [(order.at_ms, name) for name, order in self.orders.items() if order.at_ms is not None]
            del self.orders[min(placed)[1]]

    def _count(self, before: int | None, order: Purchase, tally: Tally) -> None:
        """An order has changed: add what it is worth now, less what it was worth before, None being an order that does not count."""
        after = order.net_minor()
        self._spend((after or 0) - (before or 0), tally)
        if (before is None) == (after is None):
            return
        step = 1 if before is None else -1
        side = self._side()
        for what, shelf, mask in (("category", self.categories, order.categories), ("group", self.groups, order.groups)):
            for i, name in enumerate(shelf.names):
                if mask >> i & 1:
                    shelf.orders[i] += step
                    if side is not None and shelf.orders[i] == max(step, 0):
                        tally.add(NOW, (what, name, side), step)

    def _side(self) -> str | None:
        return _SIDES.get(self.values.get("lifecycle", ""))

    def _spend(self, amount_minor: int, tally: Tally) -> None:
        if amount_minor:
            self._revenue(tally, -1)
            self.revenue_minor += amount_minor
            self._revenue(tally, 1)

    def _revenue(self, tally: Tally, sign: int) -> None:
        """Stand in the histogram of revenues, or leave it; only a customer does, somebody with a lifecycle."""
        if self.revenue_minor > 0 and "lifecycle" in self.values:
            bucket = str(bucket_of(self.revenue_minor))
            tally.add(NOW, ("revenue", bucket, "customers"), sign)
            tally.add(NOW, ("revenue", bucket, "minor"), sign * self.revenue_minor)

    def _stand(self, tally: Tally, sign: int) -> None:
        """Stand with what he bought on the side that his lifecycle puts him, or leave it."""
        self._revenue(tally, sign)
        side = self._side()
        if side is None:
            return
        for what, shelf in (("category", self.categories), ("group", self.groups)):
            for name, orders in zip(shelf.names, shelf.orders, strict=True):
                if orders:
                    tally.add(NOW, (what, name, side), sign)

"""The history as purchases: who bought what, when, for how much, once voids and refunds are taken out (domain.md, section 2)."""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stream_app.codec.events import check_time, decode_record
from stream_app.domain.calendar import Calendar
from stream_app.domain.events import Event, OrderCancelled, OrderPlaced, OrderRefunded, Rejected
from stream_app.domain.facts.window import margin_of
from stream_app.domain.policy import Policy
from stream_app.errors import Failure

Customer = tuple[str, str]
"""A shop and a customer of it."""

DEFAULT_GROUP = "default"


@dataclass(slots=True)
class Order:
    """What is kept of an order: UTC milliseconds, minor units, sorted names of its product groups."""

    time_ms: int
    order_id: str
    total_minor: int
    cost_minor: int | None
    groups: tuple[str, ...]


@dataclass(slots=True)
class Purchase:
    """A counting order in one product group; `net_minor` and `margin_minor` are those of the whole order."""

    time_ms: int
    day: int
    net_minor: int
    margin_minor: int


@dataclass
class History:
    """Counting orders per product group and customer, in time order."""

    groups: dict[str, dict[Customer, list[Purchase]]]
    calendar: Calendar
    currency: str
    start_day: int
    """Local day of the first counting order."""
    end_day: int
    """The last local day that was observed."""
    end_ms: int
    """The latest event: deadlines fire up to and including it."""
    events: int
    orders: int
    left_out: dict[str, int] = field(default_factory=dict)
    """Lines that count for nothing, by reason."""


class _Book:
    """What the events of all customers leave behind."""

    def __init__(self, policy: Policy | None, wall_ms: int, until_ms: int | None) -> None:
        self.policy = policy
        self.wall_ms = wall_ms
        self.until_ms = until_ms
        self.orders: dict[Customer, dict[str, Order]] = {}
        self.cancelled: set[tuple[Customer, str]] = set()
        self.refunds: dict[tuple[Customer, str], dict[str, int]] = {}
        self.seen: set[tuple[str, str]] = set()
        self.currencies: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.events = 0
        self.end_ms: int | None = None

    def take(self, text: bytes) -> None:
        event = decode_record(None, text, (), 0)
        if isinstance(event, Event):
            rejected = check_time(event, self.wall_ms)
            if rejected is None and self.policy is not None and self.policy.shop not in (None, event.shop_id):
                self.left_out["another shop"] += 1
                return
        else:
            rejected = event
        if isinstance(rejected, Rejected):
            self.left_out[str(rejected.code)] += 1
            return
        assert isinstance(event, Event)
        if self.until_ms is not None and event.time_ms >= self.until_ms:
            self.left_out["after --until"] += 1
            return
        identity = (event.shop_id, event.id)
        if event.customer_id and identity in self.seen:
            self.left_out["duplicate"] += 1
            return
        self.seen.add(identity)
        self.events += 1
        if self.end_ms is None or event.time_ms > self.end_ms:
            self.end_ms = event.time_ms
        self._enter(event)

    def _enter(self, event: Event) -> None:
        who, data = (event.shop_id, event.customer_id), event.data
        if isinstance(data, OrderPlaced):
            if self.policy is not None and data.currency != self.policy.currency:
                self.left_out["another currency"] += 1
                return
            known = self.orders.setdefault(who, {})
            if data.order_id in known and (known[data.order_id].time_ms, event.id) <= (event.time_ms, event.id):
                self.left_out["order_exists"] += 1
                return
            self.currencies[data.currency] += 1
            known[data.order_id] = Order(event.time_ms, data.order_id, data.total_minor, data.cost_minor, self._groups_of(data))
        elif isinstance(data, OrderCancelled):
            self.cancelled.add((who, data.order_id))
        elif isinstance(data, OrderRefunded):
            self.refunds.setdefault((who, data.order_id), {}).setdefault(data.refund_id, data.amount_minor)

    def _groups_of(self, data: OrderPlaced) -> tuple[str, ...]:
        if self.policy is None:
            return (DEFAULT_GROUP,)
        mapping = self.policy.category_groups
        return tuple(sorted({mapping.get(category or "", DEFAULT_GROUP) for category in data.categories or ("",)}))

    def counting(self) -> Iterator[tuple[Customer, Order, int]]:
        """Every counting order with its net, customer by customer, each in time order."""
        for who in sorted(self.orders):
            for order in sorted(self.orders[who].values(), key=lambda order: (order.time_ms, order.order_id)):
                refunds = self.refunds.get((who, order.order_id))
                refunded = sum(refunds.values()) if refunds else 0
                if (who, order.order_id) not in self.cancelled and not (refunds and refunded >= order.total_minor):
                    yield who, order, order.total_minor - refunded


def read_purchases(files: Iterable[Path], policy: Policy | None, calendar: Calendar, until_day: int | None, wall_ms: int) -> History:
    """Read the events of `files` (JSONL, one CloudEvent a line).

    Args:
        files: in any order, and in any order inside; what comes twice counts once.
        policy: whose product groups, currency and shop count; without one everything is one group.
        calendar: the local days.
        until_day: only events before its start count, and the observation ends the day before; None: at the latest event.
        wall_ms: events from after it are left out.

    Raises:
        Failure: a file is missing; nobody has bought anything; without a policy, amounts are in several currencies.
    """
    book = _Book(policy, wall_ms, None if until_day is None else calendar.start(until_day))
    for file in files:
        if not file.is_file():
            message = f"{file}: no such file; give JSONL files with one CloudEvent per line"
            raise Failure(message)
        with file.open("rb") as lines:
            if lines.read(len(BOM_UTF8)) != BOM_UTF8:
                lines.seek(0)
            for line in lines:
                if text := line.strip():
                    book.take(text)
    if len(book.currencies) > 1:
        found = ", ".join(sorted(book.currencies))
        message = f"orders are in several currencies ({found}); give the shop's policy with --policy, and only its currency counts"
        raise Failure(message)
    return _arrange(book, calendar, until_day)


def _arrange(book: _Book, calendar: Calendar, until_day: int | None) -> History:
    groups: dict[str, dict[Customer, list[Purchase]]] = {}
    orders = 0
    start_day: int | None = None
    for who, order, net in book.counting():
        orders += 1
        day = calendar.day(order.time_ms)
        start_day = day if start_day is None else min(start_day, day)
        # Without a policy the model is one of revenue.
        margin = net if book.policy is None else margin_of(net, order.total_minor, order.cost_minor, book.policy)
        purchase = Purchase(order.time_ms, day, net, margin)
        for group in order.groups:
            groups.setdefault(group, {}).setdefault(who, []).append(purchase)
    if start_day is None or book.end_ms is None:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(book.left_out.items())) or "no line"
        message = f"no order counts in these files ({why}); give files that hold order.placed events"
        raise Failure(message)
    end_day = calendar.day(book.end_ms) if until_day is None else until_day - 1
    currency = book.policy.currency if book.policy is not None else next(iter(book.currencies))
    return History(
        dict(sorted(groups.items())),
        calendar,
        currency,
        start_day,
        end_day,
        book.end_ms,
        book.events,
        orders,
        dict(sorted(book.left_out.items())),
    )

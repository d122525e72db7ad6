"""The insights fold of one partition: orders and changes of its customers, and the sums of the shops that are at home in it.

It reads what the status fold publishes, and the orders themselves, since a change does not say what was bought. Which of the two
comes first does not matter: a customer adds the same either way.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stream_app.codec.changes import record_key
from stream_app.codec.events import check_time, decode_record
from stream_app.codec.insights.published import Change, Receipt, read_published
from stream_app.codec.insights.stored import decode_customer, decode_tally, encode_customer
from stream_app.domain.calendar import DAY_MS
from stream_app.domain.changes import origin_of
from stream_app.domain.events import Event, OrderCancelled, OrderPlaced, OrderRefunded, compact
from stream_app.domain.facts.state import NEVER
from stream_app.domain.ids import Who
from stream_app.domain.insights.customer import CustomerSums
from stream_app.domain.insights.tally import NOW, Tally, month_of
from stream_app.domain.insights.turns import Turn
from stream_app.domain.policy import Policy
from stream_app.engine.fold import Decoded, Record, Unit
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.insights.sums import TIMELINE, Sums
from stream_app.processor.marks import Erasing, Marks
from stream_app.processor.policies import PolicyBook

_TURN: Final = 100
_FIRE_MAX: Final = 100
_ORDERS: Final = (OrderPlaced, OrderCancelled, OrderRefunded)
_VERSION: Final = 1


class InsightsTopics:
    """The inputs by their names on the broker."""

    def __init__(self, changes: str, rekeyed: str, sums: str, sums_name: str) -> None:
        self.changes = changes
        self.rekeyed = rekeyed
        self.sums = sums
        self.sums_name = sums_name  # without the prefix


class InsightsProcessor:
    """One partition's fold (`engine.fold.Processor`)."""

    def __init__(
        self, policies: PolicyBook, partition: int, partitions: int, topics: InsightsTopics, every_ms: int, erasing: Erasing | None
    ) -> None:
        self._policies = policies
        self._partition = partition
        self._partitions = partitions
        self._topics = topics
        self._marks = Marks(erasing)
        self._sums = Sums(topics.sums_name, partitions, every_ms, self._policy_of)
        self._reached: dict[str, int] = {}  # by shop: how far the changes of this partition have come
        self._wall_ms = 0

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back what `memo` gave.

        Raises:
            ErasureKeyError: customers were erased under another erasure key.
        """
        self._marks.resume(memo.get("marks"))
        self._reached = dict(memo.get("reached", {}))

    def memo(self) -> dict[str, Any]:
        """{"reached": {shop: ms}, "insights": the layout's version}, and the marks of erased customers, if there are any."""
        marks = self._marks.memo()
        found = {"reached": self._reached, "insights": _VERSION}
        return found if marks is None else {**found, "marks": marks}

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one record; what insights do not count has no content, and no time that could hold others up."""
        self._wall_ms = max(self._wall_ms, wall_ms)
        if record.topic == self._topics.sums:
            assert record.value is not None
            return Decoded(NEVER, None, record, decode_tally(record.value))
        if record.topic == self._topics.changes:
            told = read_published(record.value)
            if told is None:
                return Decoded(NEVER, None, record, None)
            return Decoded(told.at_ms, record_key(told.shop, told.customer), record, told)
        return self._decode_order(record, wall_ms)

    def _decode_order(self, record: Record, wall_ms: int) -> Decoded:
        is_rekeyed = record.topic == self._topics.rekeyed
        event = decode_record(record.key, record.value, record.headers, record.timestamp, derived=is_rekeyed)
        if not isinstance(event, Event) or (not is_rekeyed and check_time(event, wall_ms) is not None):
            return Decoded(NEVER, None, record, None)
        if type(event.data) not in _ORDERS:
            return Decoded(event.time_ms, None, record, None)
        key = record_key(event.shop_id, event.customer_id)
        if not is_rekeyed and partition_of(key, self._partitions) != self._partition:
            return Decoded(event.time_ms, None, record, None)  # it comes again, rekeyed
        return Decoded(event.time_ms, key, record, event)

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Apply `batch`, one customer after another, each customer's records in the given order."""
        queues: dict[bytes, list[Event | Change | Receipt]] = {}
        for decoded in batch:
            if decoded.key is not None:
                queues.setdefault(decoded.key, []).append(decoded.content)
            elif decoded.content is not None:
                self._sums.take(*decoded.content)
        for number, (key, queue) in enumerate(queues.items()):
            if number % _TURN == 0:
                yield
            self._fold_customer(key, queue, unit)

    def _fold_customer(self, key: bytes, queue: list[Event | Change | Receipt], unit: Unit) -> None:
        encoded = unit.read(key)
        shop, _, customer_id = key.decode().partition("/")
        who, tally = Who(shop, customer_id), self._sums.tally(shop)
        customer = CustomerSums(erased_ms=self._erased_ms(who, unit)) if encoded is None else decode_customer(encoded)
        is_erased = False
        for told in queue:
            if type(told) is Receipt:
                customer, is_erased = self._erase(who, customer, told, tally, unit), True
            elif type(told) is Change:
                self._change(customer, told, tally, unit)
            else:
                assert isinstance(told, Event)
                self._order(customer, told, tally)
        if is_erased and encoded is not None:
            unit.erase(key)
        if not customer.is_empty():
            unit.write(key, encode_customer(customer), None)
        elif encoded is not None and not is_erased:
            unit.write(key, None, None)

    def _change(self, customer: CustomerSums, told: Change, tally: Tally, unit: Unit) -> None:
        self._reached[told.shop] = max(told.at_ms, self._reached.get(told.shop, NEVER))
        tally.touch(NOW, told.at_ms)
        turn = None
        if told.dimension == "lifecycle" and not told.is_revoking:
            turn = self._turn(told)
        customer.change(told.dimension, told.to, turn, tally)
        if turn is not None and turn.kind and self._is_live(told):
            unit.count("turns", turn.kind)
            if turn.alarm:
                unit.count("false_alarms")
        if told.dimension == "lifecycle" and told.is_revoking:
            customer.revoke(told.at_ms, tally)

    def _policy_for(self, told: Change) -> Policy:
        """The policy that has decided a change."""
        policy = self._policies.by_hash(told.policy_hash) or self._policy_of(told.shop)
        assert policy is not None  # the topic keeps every version
        return policy

    def _is_live(self, told: Change) -> bool:
        """Whether a change is of the present: a history that is published at once says nothing about today's alarms."""
        return origin_of(self._policy_for(told), told.at_ms) == "live"

    def _turn(self, told: Change) -> Turn:
        """The change as a turn, by the policy that has decided it."""
        policy = self._policy_for(told)
        lag_days = 0 if told.last_order_ms is None else (told.at_ms - told.last_order_ms) // DAY_MS
        month = month_of(policy.calendar, told.at_ms)
        return Turn("", month, told.at_ms, policy.horizon_days * DAY_MS, lag_days, told.cause == "event")

    def _order(self, customer: CustomerSums, event: Event, tally: Tally) -> None:
        data = event.data
        policy = self._policies.at(event.shop_id, event.time_ms)
        if policy is None or (customer.erased_ms is not None and event.time_ms <= customer.erased_ms):
            return
        if type(data) is OrderPlaced:
            if data.currency != policy.currency:
                return
            named = {name for name in data.categories if name is not None}
            groups = {policy.category_groups.get(name or "", "default") for name in data.categories} or {"default"}
            customer.place(compact(data.order_id), event.time_ms, data.total_minor, named, groups, tally)
            tally.touch(NOW, event.time_ms)
        elif type(data) is OrderCancelled:
            customer.cancel(compact(data.order_id), tally)
        elif type(data) is OrderRefunded:
            customer.refund(compact(data.order_id), compact(data.refund_id), data.amount_minor, tally)

    def _erase(self, who: Who, customer: CustomerSums, told: Receipt, tally: Tally, unit: Unit) -> CustomerSums:
        """Forget a customer, and remember of him what the status fold does: times, under a hash."""
        policy = self._policy_of(told.shop)
        held_ms = told.at_ms if policy is None else told.suppressed_until_ms - policy.suppress_days * DAY_MS
        self._reached[told.shop] = max(told.at_ms, self._reached.get(told.shop, NEVER))
        if self._marks.erasing is not None:
            self._marks.write(self._marks.key_of(who), (told.at_ms, told.suppressed_until_ms, []), unit)
        return customer.erase(told.at_ms, max(told.at_ms, held_ms), tally)

    def _erased_ms(self, who: Who, unit: Unit) -> int | None:
        """Up to when he was erased, if he was."""
        if not self._marks.count:
            return None
        mark = self._marks.read(self._marks.key_of(who), unit)
        return None if mark is None else mark[0]

    def _policy_of(self, shop: str) -> Policy | None:
        held = self._policies.current(shop)
        return None if held is None else held[1]

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:  # noqa: ARG002 - the protocol's
        """See which shops may be published by now, and end the marks whose time is over."""
        self._wall_ms = max(self._wall_ms, wall_ms or 0)
        self._sums.fire(unit, self._wall_ms)
        for shop in unit.timelines():
            due = unit.next_due(shop)
            if shop == TIMELINE or due is None or due > self._reached.get(shop, NEVER):
                continue
            for _, key in unit.due(shop, self._reached[shop], _FIRE_MAX):
                self._marks.write(key, None, unit)
        return 0

    def sweep(self, unit: Unit, limit: int) -> int:  # noqa: ARG002 - the protocol's
        """There is none."""
        return 0

    def sweeping(self) -> int | None:
        """There is none."""
        return None

    def finish(self, unit: Unit) -> None:
        """Send what this unit adds to the sums, and publish."""
        self._sums.finish(unit, self._wall_ms)

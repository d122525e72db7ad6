"""The customers whose states are open in the unit of work at hand.

A state is decoded when it is touched and encoded as soon as the next customer's turn comes. Decoded states are not kept:
that was measured to be slower than decoding them again, because they fall out of the processor's caches.
"""

from collections.abc import Mapping
from typing import Final

from stream_app.codec.changes import HEADERS, encode_outgoing, encode_profile
from stream_app.codec.dead_letters import dead_letter_headers
from stream_app.codec.marks import decode_mark, is_mark
from stream_app.codec.rekeyed import Forward, original, read_forward
from stream_app.codec.state import decode_state, encode_state
from stream_app.domain import evaluate, merge
from stream_app.domain.erasure import erase, erase_along
from stream_app.domain.events import KEPT_AS_READ, CustomerErased, CustomerFacts, Event, ReferralKnown, Rejected, RelationErased
from stream_app.domain.facts.derived import answer_erased
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.facts.state import State, is_customer
from stream_app.domain.ids import STATUS_CHANGED, Who
from stream_app.domain.policy import Policy
from stream_app.domain.settle import Outcome
from stream_app.engine.fold import Record, Unit
from stream_app.processor.evaluations import Evaluations
from stream_app.processor.hop import Hop, next_hop, raw_of
from stream_app.processor.marks import Marks
from stream_app.processor.policies import PolicyBook, catch_up
from stream_app.telemetry.rule_errors import report_rule_error

_LATER: Final[Raw] = ("", 0, -1, None, None, [])
"""Stands for a record that is looked at again only when it is refused."""


class Customer:
    """An open customer: without a `state`, or with one that says so, he does not exist (yet); `changed`: a change was published.

    `mark` is what an erasure has left of one who does not exist, under `mark_key`, and `marked` says that it must be written;
    `erased`: what was stored of him must go. The mark that time brings up stands alone, under its own key.
    """

    def __init__(self, key: bytes, who: Who, state: State | None, changed: bool = False) -> None:
        self.key = key
        self.who = who
        self.state = state
        self.changed = changed
        self.mark: Mark | None = None
        self.mark_key = b""
        self.marked = False
        self.erased = False

    def deadline_ms(self) -> int | None:
        """His next deadline, or the end of his mark."""
        if self.state is None:
            return None if self.mark is None else self.mark[1]
        return self.state.deadline_ms

    def stands_at(self) -> bytes:
        """The key that his deadline stands at."""
        return self.key if self.state is not None or self.mark is None else self.mark_key


class Customers:
    """Reads, changes and writes back the customers of one unit."""

    def __init__(self, policies: PolicyBook, rekeyed_topic: str, marks: Marks, hop: Hop, evaluations: Evaluations) -> None:
        self._policies = policies
        self._marks = marks
        self._hop = hop
        self._evaluations = evaluations
        self._rekeyed_topic = rekeyed_topic
        self._open: dict[bytes, Customer] = {}
        self._profiles: dict[bytes, bytes | None] = {}
        self._outcome = Outcome()
        self._changes: dict[tuple[str, str], int] = {}  # by dimension and cause; counted here, as the deadlines, since they are many
        self._deadlines = 0

    def open(self, key: bytes, encoded: bytes | None) -> Customer:
        """The customer under `key`, decoded from `encoded` unless he is open already."""
        customer = self._open.get(key)
        if customer is None:
            shop_id, _, customer_id = key.decode().partition("/")
            if is_mark(customer_id):
                return self._open_mark(key, Who(shop_id, customer_id), encoded)
            state = None if encoded is None else decode_state(encoded)
            customer = self._open[key] = Customer(key, Who(shop_id, customer_id), state)
        return customer

    def _open_mark(self, key: bytes, who: Who, encoded: bytes | None) -> Customer:
        customer = self._open[key] = Customer(key, who, None)
        customer.mark = None if encoded is None else decode_mark(encoded)
        customer.mark_key, customer.marked = key, True
        return customer

    def recall(self, customer: Customer, unit: Unit) -> None:
        """See whether one who does not exist was erased."""
        if customer.state is None and self._marks.count:
            customer.mark_key = self._marks.key_of(customer.who)
            customer.mark = self._marks.read(customer.mark_key, unit)

    def apply(self, customer: Customer, event: Event, record: Record, place: int, unit: Unit) -> bool:
        """Apply one event, at `place` in its batch, under the policy that holds then; False if it moves no clock, as a duplicate."""
        if record.topic == self._rekeyed_topic or (customer.state is not None and customer.state.merged_into):
            forward = read_forward(record.headers) if record.topic == self._rekeyed_topic else None
            if self._is_elsewhere(customer, event, forward, record, place):
                return True
        policy = self._policy_for(customer, event)
        if customer.mark is not None and customer.mark[1] <= event.time_ms:
            self._end_mark(customer)
        if type(event.data) is CustomerErased and self._marks.erasing is not None:
            self._erase(customer, event, policy, unit)
        elif type(event.data) is RelationErased and event.data.until_ms is not None:
            self._erase_along(customer, event, event.data, policy)
        else:
            if type(event.data) is RelationErased:
                event = self._marks.name(event, customer.state)
            raw = raw_of(record) if type(event.data) in KEPT_AS_READ else _LATER
            customer.state = merge.apply(customer.who, customer.state, event, raw, policy, self._outcome, customer.mark)
            if customer.mark is not None and customer.state is not None:
                customer.mark, customer.marked = None, True  # from here on his state knows it
            if self._outcome.suppressed and type(event.data) is ReferralKnown and self._marks.erasing is not None:
                digests = self._marks.digests_of(customer.who, None)
                self._outcome.derived.append(answer_erased(customer.who, event.time_ms, event.data.referrer_id, digests[0]))
        moves_time = not self._outcome.timeless
        if self._outcome.derived:
            self._hop.tell(place, self._outcome.derived)
            self._outcome.derived = []
        if self._outcome.rejected:
            self._outcome.rejected = [(one, raw_of(record) if raw[2] < 0 else raw) for one, raw in self._outcome.rejected]
        self._deliver(customer, unit)
        return moves_time

    def _is_elsewhere(self, customer: Customer, event: Event, forward: Forward | None, record: Record, place: int) -> bool:
        """Whether this is an event of somebody who was merged, and is sent where it belongs."""
        state = customer.state
        if state is not None and state.merged_into and forward is not None and forward.back == state.merged_into:
            # He was merged into one who does not know of it (his facts met no policy and are a dead letter): he begins anew.
            customer.state, customer.erased = None, True
            return False
        onward = next_hop(customer.who.customer_id, state, event, forward)
        if onward is None:
            return False
        self._hop.forward(place, customer.who.shop_id, onward, raw_of(record))
        return True

    def fire(self, customer: Customer, deadline_ms: int, unit: Unit) -> None:
        """Fire the customer's deadline `deadline_ms`, his next one; if a policy came into effect by then, adopt that first."""
        state = customer.state
        if state is None:
            self._end_mark(customer)
            self._deliver(customer, unit)
            return
        policy = self._settle_policy(customer, deadline_ms)
        if state.deadline_ms is not None and state.deadline_ms <= deadline_ms:
            evaluate.fire(customer.who, state, policy, self._outcome)
        self._deliver(customer, unit)

    def catch_up(self, customer: Customer, until_ms: int, unit: Unit) -> None:
        """Adopt the policy versions that have come into effect by `until_ms`; deadlines before one of them fire first."""
        self._settle_policy(customer, until_ms)
        self._deliver(customer, unit)

    def deadlines(self, places: Mapping[bytes, int], unit: Unit) -> list[tuple[str, int, bytes, int]]:
        """Shop, next deadline, key and place of those of these customers who have a deadline."""
        found = []
        for key, place in places.items():
            customer = self.open(key, unit.read(key))
            deadline = customer.deadline_ms()
            if deadline is not None:
                found.append((customer.who.shop_id, deadline, key, place))
        return found

    def close(self, unit: Unit) -> None:
        """Write back every open state, and note the profile of a customer whose status changed."""
        for customer in self._open.values():
            self._write(customer, unit)
        self._open.clear()

    def close_one(self, customer: Customer, unit: Unit) -> None:
        """The same for one of them."""
        self._write(customer, unit)
        del self._open[customer.key]

    def _write(self, customer: Customer, unit: Unit) -> None:
        key, state = customer.key, customer.state
        if customer.marked:
            self._marks.write(customer.mark_key, customer.mark, unit)
        if customer.erased:
            unit.erase(key)
        if state is None:
            return
        unit.write(key, encode_state(state), state.deadline_ms)
        if customer.changed and not is_customer(state):
            self._profiles[key] = None  # merged into another: nobody must count him twice
        elif customer.changed:
            policy = self._policies.quiet(customer.who.shop_id, state.policy_hash)
            assert policy is not None  # it has just been evaluated under it
            self._profiles[key] = encode_profile(customer.who, state, policy, self._outcome)
            if self._outcome.rule_errors:
                self._deliver(customer, unit)

    def finish(self, unit: Unit) -> None:
        """The unit of work ends: close, and publish the latest profile of each customer whose status changed in it."""
        self.close(unit)
        for key, encoded in self._profiles.items():
            unit.emit("customer-profiles", key, encoded, HEADERS if encoded is not None else ())
        self._profiles.clear()
        for (dimension, cause), count in self._changes.items():
            unit.count("changes", dimension, cause, by=count)
        if self._deadlines:
            unit.count("deadlines", by=self._deadlines)
        self._changes.clear()
        self._deadlines = 0

    def reject(self, rejected: Rejected, raw: Raw, unit: Unit) -> None:
        """Put a rejected record, as it was read at first, among the unit's outputs."""
        if raw[0] == self._rekeyed_topic:
            raw = original(raw)
        topic, partition, offset, key, value, headers = raw
        unit.emit("dead-letters", key, value, dead_letter_headers(rejected, topic, partition, offset, headers))
        unit.count("rejections", rejected.code.value)

    def _erase(self, customer: Customer, event: Event, policy: Policy, unit: Unit) -> None:
        """Forget a customer; what he had waiting is dropped with him, since its dead letter would name him."""
        erasing = self._marks.erasing
        assert erasing is not None
        digests = self._marks.digests_of(customer.who, customer.state)
        mark = erase(customer.who, customer.state, event, policy, customer.mark, erasing.kept, digests, self._outcome)
        if mark is None:
            return
        unit.count("erasures")
        if is_customer(customer.state):
            self._profiles[customer.key] = None
        self._leave_mark(customer, mark)

    def _erase_along(self, customer: Customer, event: Event, data: RelationErased, policy: Policy) -> None:
        """Forget one who was merged into a customer who is erased."""
        mark = erase_along(customer.who, customer.state, event, data, policy, customer.mark, self._outcome)
        if mark is not None and self._marks.erasing is not None:
            self._leave_mark(customer, mark)

    def _leave_mark(self, customer: Customer, mark: Mark) -> None:
        if customer.state is not None:
            customer.state, customer.erased = None, True
        customer.mark, customer.mark_key, customer.marked = mark, self._marks.key_of(customer.who), True

    def _end_mark(self, customer: Customer) -> None:
        customer.mark, customer.marked = None, True
        self._outcome.deadlines += 1

    def _policy_for(self, customer: Customer, event: Event) -> Policy:
        """The policy to judge an event under; whose merge is refused after all comes home as he has left."""
        state, data, shop = customer.state, event.data, customer.who.shop_id
        held = self._policies.current(shop)
        if held is not None and state is not None and state.policy_hash != held[1].hash and is_customer(state):
            coming = self._policies.reached(shop, state.policy_hash, max(state.clock_ms, event.time_ms))
            if evaluate.is_timeless(state, event, coming):
                # What moves no clock, such as a copy with a later time, brings no version: nor does it in a replay.
                self._settle_policy(customer, state.clock_ms)
                return coming
        policy = self._settle_policy(customer, event.time_ms)
        if type(data) is CustomerFacts and data.customer_id == event.customer_id:
            return self._policies.by_hash(data.state.policy_hash) or policy
        return policy

    def _settle_policy(self, customer: Customer, until_ms: int) -> Policy:
        """The policy to evaluate under up to `until_ms`; versions that have come into effect by then are adopted first."""
        held = self._policies.current(customer.who.shop_id)
        state = customer.state
        if held is not None and (state is None or state.policy_hash == held[1].hash or not is_customer(state)):
            return held[1]
        assert state is not None  # an unknown shop's event is rejected before
        return catch_up(self._policies, customer.who, state, until_ms, self._outcome)

    def _deliver(self, customer: Customer, unit: Unit) -> None:
        """Hand what came of the last step to the unit."""
        outcome = self._outcome
        if outcome.is_empty():
            return
        for outgoing in outcome.published:
            unit.emit(outgoing.topic, customer.key, encode_outgoing(outgoing), HEADERS)
            if outgoing.type == STATUS_CHANGED:
                customer.changed = True
                counted = outgoing.data["dimension"], outgoing.data["cause"]["kind"]
                self._changes[counted] = self._changes.get(counted, 0) + 1
        for rejected, raw in outcome.rejected:
            self.reject(rejected, raw, unit)
        for what in outcome.forgotten:
            unit.count("forgotten", what)
        if outcome.duplicates:
            unit.count("duplicates", by=outcome.duplicates)
        if outcome.suppressed:
            unit.count("suppressed", by=outcome.suppressed)
        self._deadlines += outcome.deadlines
        if outcome.rule_errors:
            unit.count("rule_errors", by=outcome.rule_errors)
            report_rule_error(customer.who.shop_id, outcome.rule_error)
        if outcome.valued:
            self._evaluations.take(customer.who.shop_id, outcome.valued, unit)
        self._outcome = Outcome()

"""The customers whose states are open in the unit of work at hand.

A state is decoded when it is touched and encoded as soon as the next customer's turn comes. Decoded states are not kept:
that was measured to be slower than decoding them again, because they fall out of the processor's caches.
"""

from stream_app.codec.changes import HEADERS, encode_outgoing
from stream_app.codec.dead_letters import dead_letter_headers
from stream_app.codec.rekeyed import original
from stream_app.codec.state import decode_state, encode_state
from stream_app.domain import evaluate
from stream_app.domain.changes import STATUS_CHANGED, Who
from stream_app.domain.evaluate import Outcome
from stream_app.domain.events import Event, Rejected
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State
from stream_app.domain.policy import Policy
from stream_app.domain.profile import profile
from stream_app.engine.fold import Unit
from stream_app.processor.policies import PolicyBook


class Customer:
    """An open customer: `state` None means he does not exist (yet); `changed`: a status change was published."""

    def __init__(self, key: bytes, who: Who, state: State | None, changed: bool = False) -> None:
        self.key = key
        self.who = who
        self.state = state
        self.changed = changed

    def deadline_ms(self) -> int | None:
        """His next deadline."""
        return None if self.state is None else self.state.deadline_ms


class Customers:
    """Reads, changes and writes back the customers of one unit."""

    def __init__(self, policies: PolicyBook, rekeyed_topic: str) -> None:
        self._policies = policies
        self._rekeyed_topic = rekeyed_topic
        self._open: dict[bytes, Customer] = {}
        self._profiles: dict[bytes, bytes] = {}
        self._outcome = Outcome()

    def open(self, key: bytes, encoded: bytes | None) -> Customer:
        """The customer under `key`, decoded from `encoded` unless he is open already."""
        customer = self._open.get(key)
        if customer is None:
            shop_id, _, customer_id = key.decode().partition("/")
            state = None if encoded is None else decode_state(encoded)
            customer = self._open[key] = Customer(key, Who(shop_id, customer_id), state)
        return customer

    def apply(self, customer: Customer, event: Event, raw: Raw, unit: Unit) -> bool:
        """Apply one event under the policy that holds at its time; False if it moves no clock, as a duplicate."""
        policy = self._settle_policy(customer, event.time_ms)
        customer.state = evaluate.apply(customer.who, customer.state, event, raw, policy, self._outcome)
        moves_time = not self._outcome.timeless
        self._deliver(customer, unit)
        return moves_time

    def fire(self, customer: Customer, deadline_ms: int, unit: Unit) -> None:
        """Fire the customer's deadline `deadline_ms`, his next one; if a policy came into effect by then, adopt that first."""
        state = customer.state
        assert state is not None
        policy = self._settle_policy(customer, deadline_ms)
        if state.deadline_ms is not None and state.deadline_ms <= deadline_ms:
            evaluate.fire(customer.who, state, policy, self._outcome)
        self._deliver(customer, unit)

    def close(self, unit: Unit) -> None:
        """Write back every open state, and note the profile of a customer whose status changed."""
        for key, customer in self._open.items():
            state = customer.state
            if state is None:
                continue
            unit.write(key, encode_state(state), state.deadline_ms)
            if customer.changed:
                policy = self._policies.by_hash(state.policy_hash)
                assert policy is not None  # it has just been evaluated under it
                self._profiles[key] = encode_outgoing(profile(customer.who, state, policy))
        self._open.clear()

    def finish(self, unit: Unit) -> None:
        """The unit of work ends: close, and publish the latest profile of each customer whose status changed in it."""
        self.close(unit)
        for key, encoded in self._profiles.items():
            unit.emit("customer-profiles", key, encoded, HEADERS)
        self._profiles.clear()

    def reject(self, rejected: Rejected, raw: Raw, unit: Unit) -> None:
        """Put a rejected record, as it was read at first, among the unit's outputs."""
        if raw[0] == self._rekeyed_topic:
            raw = original(raw)
        topic, partition, offset, key, value, headers = raw
        unit.emit("dead-letters", key, value, dead_letter_headers(rejected, topic, partition, offset, headers))
        unit.count("rejections", rejected.code.value)

    def _settle_policy(self, customer: Customer, until_ms: int) -> Policy:
        """The policy to evaluate under up to `until_ms`; a newer version that has come into effect by then is adopted first."""
        held = self._policies.current(customer.who.shop_id)
        state = customer.state
        if state is None:
            assert held is not None  # an unknown shop's event is rejected before
            return held[1]
        old = self._policies.by_hash(state.policy_hash)
        if held is None or (old is not None and held[1].hash == old.hash):
            assert old is not None
            return old
        from_ms, policy = held
        if old is None:
            # The version he was evaluated under is gone from the topic: the new one takes effect where he stands.
            evaluate.adopt(customer.who, state, policy, policy, state.clock_ms, self._outcome)
            return policy
        if max(state.clock_ms, until_ms) < from_ms:
            return old
        evaluate.adopt(customer.who, state, old, policy, from_ms, self._outcome)
        return policy

    def _deliver(self, customer: Customer, unit: Unit) -> None:
        """Hand what came of the last step to the unit."""
        outcome = self._outcome
        if not (outcome.published or outcome.rejected or outcome.forgotten or outcome.duplicates or outcome.deadlines):
            return
        for outgoing in outcome.published:
            unit.emit(outgoing.topic, customer.key, encode_outgoing(outgoing), HEADERS)
            if outgoing.type == STATUS_CHANGED:
                customer.changed = True
                unit.count("changes", outgoing.data["dimension"], outgoing.data["cause"]["kind"])
        for rejected, raw in outcome.rejected:
            self.reject(rejected, raw, unit)
        for what in outcome.forgotten:
            unit.count("forgotten", what)
        if outcome.duplicates:
            unit.count("duplicates", by=outcome.duplicates)
        if outcome.deadlines:
            unit.count("deadlines", by=outcome.deadlines)
        self._outcome = Outcome()

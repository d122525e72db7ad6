"""What goes from one customer's partition to another's over the rekeyed topic, in the unit of work of what caused it.

Customers are folded one after another, so what they tell others is held back until the batch is folded and then sent in the order
of the causing records: the order in the rekeyed topic does not depend on where a batch was cut.
"""

from stream_app.codec.changes import HEADERS, record_key
from stream_app.codec.derived import encode_derived
from stream_app.codec.rekeyed import Forward, forward_headers
from stream_app.domain.events import CustomerFacts, Event, RelationErased
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State
from stream_app.engine.fold import Headers, Record, Unit
from stream_app.engine.transactions.partitioner import partition_of

REKEYED = "customer-events-rekeyed"


def raw_of(record: Record) -> Raw:
    """A record as it came."""
    return (record.topic, record.partition, record.offset, record.key, record.value, list(record.headers))


def next_hop(name: str, state: State | None, event: Event, forward: Forward | None) -> Forward | None:
    """Where an event that came to `name` travels from here, because somebody was merged; None when it is his, or is dropped by him.

    An event that its sender's new name does not know goes back to its sender: an erasure came between, or the merge was refused.
    """
    data = event.data
    if type(data) is CustomerFacts or (type(data) is RelationErased and data.until_ms is not None):
        return None  # it is for him, wherever he has gone
    if state is None or not state.merged_into:
        if forward is None or forward.back or forward.sender == name or (state is not None and forward.sender in state.absorbed):
            return None
        return Forward(forward.sender, forward.sender, name)
    if state.mark is not None and event.time_ms <= state.mark[0]:
        return None
    return Forward(name if forward is None else forward.sender, state.merged_into)


class Hop:
    """What the batch at hand sends to other customers."""

    def __init__(self, partitions: int, rekeyed_topic: str) -> None:
        self._partitions = partitions
        self._rekeyed_topic = rekeyed_topic
        self._sent: list[tuple[int, int, str, bytes, bytes | None, Headers]] = []

    def tell(self, place: int, events: list[Event]) -> None:
        """Take in what the record at `place` of the batch gave rise to, in order."""
        for event in events:
            self._put(place, event.type, record_key(event.shop_id, event.customer_id), encode_derived(event), HEADERS)

    def forward(self, place: int, shop_id: str, forward: Forward, raw: Raw) -> None:
        """Send the record at `place` on to the one its customer was merged into, or back to him."""
        headers = forward_headers(raw, self._rekeyed_topic, forward)
        self._put(place, "forwarded", record_key(shop_id, forward.into), raw[4], headers)

    def _put(self, place: int, what: str, key: bytes, value: bytes | None, headers: Headers) -> None:
        self._sent.append((place, len(self._sent), what, key, value, headers))

    def send(self, unit: Unit) -> None:
        """The batch is folded: put everything among the unit's outputs, each record for the partition of its receiver."""
        if not self._sent:
            return
        self._sent.sort(key=lambda entry: entry[:2])
        for _, _, what, key, value, headers in self._sent:
            unit.emit(REKEYED, key, value, headers, partition_of(key, self._partitions))
            unit.count("derived", what)
        self._sent.clear()

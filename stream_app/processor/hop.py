"""What goes from one customer's partition to another's over the rekeyed topic, in the unit of work of what caused it.

Customers are folded one after another, so what they tell others is held back until the batch is folded and then sent in the order
of the causing records: the order in the rekeyed topic does not depend on where a batch was cut.
"""

from stream_app.codec.changes import HEADERS, record_key
from stream_app.codec.derived import encode_derived
from stream_app.domain.events import Event
from stream_app.engine.fold import Unit
from stream_app.engine.transactions.partitioner import partition_of

REKEYED = "customer-events-rekeyed"


class Hop:
    """The derived events of the batch at hand."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._told: list[tuple[int, int, Event]] = []

    def tell(self, place: int, events: list[Event]) -> None:
        """Take in what the record at `place` of the batch gave rise to, in order."""
        self._told.extend((place, len(self._told) + n, event) for n, event in enumerate(events))

    def send(self, unit: Unit) -> None:
        """The batch is folded: put everything among the unit's outputs, each event for the partition of its receiver."""
        if not self._told:
            return
        self._told.sort(key=lambda entry: entry[:2])
        for _, _, event in self._told:
            key = record_key(event.shop_id, event.customer_id)
            unit.emit(REKEYED, key, encode_derived(event), HEADERS, partition_of(key, self._partitions))
            unit.count("derived", event.type)
        self._told.clear()

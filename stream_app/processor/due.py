"""Which timers of a partition are due, over all its shops, in the order in which deadlines fire."""

from heapq import heapify, heappop, heappush

from stream_app.engine.fold import Unit
from stream_app.processor.policies import PolicyBook
from stream_app.processor.streams import Streams

Due = tuple[int, str, bytes]
"""A deadline, whose shop, whose key: the order in which deadlines fire."""


def fetch_due(unit: Unit, streams: Streams, policies: PolicyBook, limit: int) -> tuple[list[Due], bool]:
    """The first `limit` due timers of the store, in the order of firing, and whether these are all."""
    heads: list[tuple[int, str]] = []
    for shop in unit.timelines():
        stream, head = streams.get(shop), unit.next_due(shop)
        if stream is not None and head is not None and head <= stream.all_ms and policies.current(shop) is not None:
            heads.append((head, shop))
    heapify(heads)
    found: list[Due] = []
    while heads and len(found) < limit:
        _, shop = heappop(heads)
        stream = streams.get(shop)
        assert stream is not None
        until = stream.all_ms
        if heads:
            rival, other = heads[0]
            until = min(until, rival if shop < other else rival - 1)
        found.extend((deadline, shop, key) for deadline, key in unit.due(shop, until, limit - len(found)))
        head = unit.next_due(shop)
        if head is not None and head <= stream.all_ms:
            if head <= until:
                return found, False  # the limit, or more stale timers than one unit of work looks at
            heappush(heads, (head, shop))
    return found, not heads

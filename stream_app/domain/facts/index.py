"""Ids looked up in the columns of a state: by a scan in a small one, by a map in a large one, so that an event costs O(log n).

A map is made at the first look into a large column, and of a small one when it has been looked into so often that the scans
have cost as much. It is kept for as long as the state is open, and not stored.
"""

from bisect import bisect_left
from typing import Final

from stream_app.domain.facts.state import State

_SCANNED_MAX: Final = 256
"""Up to so many ids a scan is faster than making the map."""

_SCANS: Final = 24
"""So many scans, of both columns together, cost as much as their maps."""


def seen_ms(state: State, name: str) -> int | None:
    """The time of the remembered event `name`, or None."""
    at = state.seen_at
    if at is None:
        ids = state.seen_ids
        if _is_small(state, len(ids)):
            return state.seen_ms[ids.index(name)] if name in ids else None
        at = state.seen_at = dict(zip(ids, state.seen_ms, strict=True))
    return at.get(name)


def _is_small(state: State, count: int) -> bool:
    """Whether `count` ids are better scanned than mapped; counts the scan."""
    state.scanned += count
    return count <= _SCANNED_MAX and state.scanned <= _SCANS * count


def see(state: State, name: str, time_ms: int) -> None:
    """Enter an event's name at its place among those remembered: ascending by time, then by name."""
    times, ids = state.seen_ms, state.seen_ids
    if not times or time_ms > times[-1]:
        times.append(time_ms)
        ids.append(name)
    else:
        k = bisect_left(times, time_ms)
        while k < len(times) and times[k] == time_ms and ids[k] < name:
            k += 1
        times.insert(k, time_ms)
        ids.insert(k, name)
    if state.seen_at is not None:
        state.seen_at[name] = time_ms


def forget_seen(state: State, count: int) -> None:
    """Forget the `count` oldest events."""
    at = state.seen_at
    if at is not None:
        for k in range(count):
            name = state.seen_ids[k]
            if at.get(name) == state.seen_ms[k]:  # else the name was remembered anew, at another time
                del at[name]
    del state.seen_ms[:count], state.seen_ids[:count]


def find_order(state: State, order_id: str) -> int:
    """The row of an open order, -1 when there is none. `order_id` is compact."""
    ids = state.order_ids
    at = state.ordered_at
    if at is None:
        if _is_small(state, len(ids)):
            return ids.index(order_id) if order_id in ids else -1
        at = state.ordered_at = dict(zip(ids, state.order_ms, strict=True))
    time_ms = at.get(order_id)
    if time_ms is None:
        return -1
    i = bisect_left(state.order_ms, time_ms)
    while ids[i] != order_id:
        i += 1
    return i


def count_refund_ids(state: State) -> int:
    """How many refund ids the notes of all open orders hold."""
    if state.refund_ids < 0:
        count = 0
        for note in state.notes.values():
            count += len(note.refund_ids)
        state.refund_ids = count
    return state.refund_ids

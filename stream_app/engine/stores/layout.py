"""Where states and timers lie among the store's keys: states by key, timers by timeline, deadline and key."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stream_app.engine.stores.store import Timer

STATE: Final = b"s"
TIMER: Final = b"t"
META: Final = b"m"
END_OF_NAME: Final = b"\x00"
AFTER_NAME: Final = b"\x01"
DEADLINE_BYTES: Final = 8


def timers_of(timeline: str) -> bytes:
    """What the entries of all timers of `timeline` begin with."""
    return TIMER + timeline.encode("utf-8", "surrogateescape") + END_OF_NAME


def timer_key(timer: Timer) -> bytes:
    """The entry of a timer; its timeline is what stands before the first slash of the key (`frame.timeline_of`)."""
    deadline_ms, key = timer
    end = key.find(b"/")
    name = key if end < 0 else key[:end]
    return TIMER + name + END_OF_NAME + deadline_ms.to_bytes(DEADLINE_BYTES, "big") + key


def read_timer(entry: bytes, cut: int) -> Timer:
    """The timer whose entry this is; `cut` is the length of what all of its timeline begin with."""
    return int.from_bytes(entry[cut : cut + DEADLINE_BYTES], "big"), entry[cut + DEADLINE_BYTES :]


def fill(batch: Any, states: Mapping[bytes, bytes | None], disarm: Sequence[Timer], arm: Sequence[Timer]) -> None:
    """Put these changes into a write batch; of a timer that is taken away and added, the latter holds."""
    put, delete = batch.put, batch.delete
    for key, framed in states.items():
        if framed is None:
            delete(STATE + key)
        else:
            put(STATE + key, framed)
    for timer in disarm:
        delete(timer_key(timer))
    for timer in arm:
        put(timer_key(timer), b"")

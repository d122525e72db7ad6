"""What the engine wraps around a state.

A frame is the state's deadline (8 bytes, milliseconds, big endian, 0 for none) and then the state itself. The changelog and
the store hold the same frame, so a restore rebuilds the timers without knowing what a state is.
"""

from typing import Final

_DEADLINE_BYTES: Final = 8
_TIMELINES_MAX: Final = 10_000
_timelines: Final[dict[bytes, str]] = {}


def frame(state: bytes, deadline_ms: int | None) -> bytes:
    """Put the deadline before the state."""
    return (deadline_ms or 0).to_bytes(_DEADLINE_BYTES, "big") + state


def state_of(framed: bytes) -> bytes:
    """The state inside a frame."""
    return framed[_DEADLINE_BYTES:]


def deadline_of(framed: bytes | None) -> int:
    """The deadline inside a frame in milliseconds; 0 when there is none, or no frame."""
    return int.from_bytes(framed[:_DEADLINE_BYTES], "big") if framed else 0


def timeline_of(key: bytes) -> str:
    """The timeline a key's timer stands on: the part of the key before the first slash."""
    end = key.find(b"/")  # not `in`: of bytes in bytes that asks first whether it is a number, by an exception
    name = key if end < 0 else key[:end]
    known = _timelines.get(name)
    if known is None:
        if len(_timelines) >= _TIMELINES_MAX:
            _timelines.clear()
        known = _timelines[name] = name.decode("utf-8", "surrogateescape")
    return known

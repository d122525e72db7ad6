"""The states that a partition has used last, in memory, so that who comes again soon is not read from the store."""

from collections import OrderedDict
from typing import Final

from stream_app.engine.stores.store import Store

_ALL_BYTES: Final = 64 << 20
"""What the caches of all partitions may take together, unless there are so many partitions that the least of each is more."""

_LEAST_BYTES: Final = 1 << 20


def share_of(partitions: int) -> int:
    """How many bytes the cache of one of `partitions` may take."""
    return max(_LEAST_BYTES, _ALL_BYTES // partitions)


class StateCache:
    """The frames used last, by key, up to a number of bytes; a frame of None is a key known to have no state.

    Attributes:
        used_bytes: about how many bytes of memory it takes.
    """

    def __init__(self, bytes_max: int) -> None:
        self._frames: OrderedDict[bytes, bytes | None] = OrderedDict()
        self.used_bytes = 0
        self._bytes_max = bytes_max

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, key: bytes) -> bool:
        return key in self._frames

    def get(self, key: bytes, store: Store) -> bytes | None:
        """The frame of `key`, from here or from `store`."""
        frames = self._frames
        if key in frames:
            frames.move_to_end(key)
            return frames[key]
        framed = store.get(key)
        self.put(key, framed)
        return framed

    def drop(self, key: bytes) -> None:
        """Forget everything about `key`, that it has no state included."""
        if key in self._frames:
            self.used_bytes -= _cost(key, self._frames.pop(key))

    def put(self, key: bytes, framed: bytes | None) -> None:
        """Remember `framed` as the newest, and forget the oldest beyond the limit."""
        frames = self._frames
        if key in frames:
            self.used_bytes -= _cost(key, frames[key])
        frames[key] = framed
        frames.move_to_end(key)
        self.used_bytes += _cost(key, framed)
        while self.used_bytes > self._bytes_max:
            self.used_bytes -= _cost(*frames.popitem(last=False))


def _cost(key: bytes, framed: bytes | None) -> int:
    return len(key) + len(framed or b"") + 160  # the objects and the table entry weigh about 160 bytes

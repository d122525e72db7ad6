"""How fast background work may go, over all partitions of a process."""

import time

_SAVED_S = 0.25
"""Of the time in which nothing was taken so much counts, so that a pause is not followed by a rush."""


class Pace:
    """Hands out `rate` permits a second; a rate of 0 hands out none."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._permits = 0.0
        self._seen = time.monotonic()

    def take(self, limit: int) -> int:
        """At most `limit` permits, as many as there are."""
        now = time.monotonic()
        self._permits = min(self._permits + (now - self._seen) * self._rate, max(1.0, self._rate * _SAVED_S))
        self._seen = now
        taken = min(limit, int(self._permits))
        self._permits -= taken
        return taken

    def give_back(self, permits: int) -> None:
        """Some of those taken were not needed."""
        self._permits += permits

"""How fast the year goes by, as whoever watches the page chooses."""

import asyncio
import time
from typing import Final

DAY_MS: Final = 86_400_000
SPEEDS: Final[tuple[int | None, ...]] = (1, 3, 7, 30, None)
"""Days of event time a second; None is as fast as it goes."""
FIRST_SPEED: Final = 3
_QUIET_MS: Final = 2 * DAY_MS
_UNHINDERED_MS: Final = DAY_MS // 2
_LOOK_S: Final = 0.04


class Pace:
    """A clock of event time that runs at a speed, stands still, or does not hinder."""

    def __init__(self) -> None:
        self.speed: int | None = FIRST_SPEED
        self.paused = False
        self.at_ms: int | None = None
        self._looked = 0.0

    async def allow(self, time_ms: int) -> int:
        """Wait until an event of this time may be published; the time up to which others may follow at once."""
        if self.at_ms is None:
            self.at_ms, self._looked = time_ms, time.monotonic()
        while True:
            self._advance(time_ms)
            if not self.paused:
                if self.speed is None:
                    self.at_ms = max(self.at_ms, time_ms)
                    return time_ms + _UNHINDERED_MS  # so that a choice made meanwhile is soon heard
                if self.at_ms >= time_ms:
                    return self.at_ms
            await asyncio.sleep(_LOOK_S)

    def _advance(self, next_ms: int) -> None:
        now = time.monotonic()
        passed_s, self._looked = now - self._looked, now
        assert self.at_ms is not None, "allow() sets it first"
        if not self.paused and self.speed is not None:
            # Nobody wants to watch a time in which nothing happens: weeks without an event are skipped.
            self.at_ms = max(self.at_ms + int(passed_s * self.speed * DAY_MS), next_ms - _QUIET_MS)

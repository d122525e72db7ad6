"""When to try again: an event by the schedule of Standard Webhooks, an endpoint that is down at least every five minutes."""

from typing import Final

_S: Final = 1_000
_MIN: Final = 60 * _S
_H: Final = 60 * _MIN

EVENT_DELAYS_MS: Final = (5 * _S, 5 * _MIN, 30 * _MIN, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
"""After each failed attempt of an event; after one more it is given up, some three days after the first."""

PROBE_DELAYS_MS: Final = (5 * _S, 30 * _S, 2 * _MIN, 5 * _MIN)
"""After each failed attempt of an endpoint that is down; the last goes on for ever, and nothing is given up meanwhile."""

ASKED_MAX_MS: Final = 24 * _H


def event_delay_ms(attempts: int, asked_ms: int = 0) -> int | None:
    """How long an event waits after so many failed attempts; None when it is given up.

    Args:
        attempts: how many have failed, 1 or more.
        asked_ms: what the endpoint asked for (`retry-after`): at least so long, a day at most.
    """
    if attempts > len(EVENT_DELAYS_MS):
        return None
    return max(EVENT_DELAYS_MS[attempts - 1], min(asked_ms, ASKED_MAX_MS))


def probe_delay_ms(probes: int, asked_ms: int = 0) -> int:
    """How long an endpoint that is down is left alone after so many failed attempts, 1 or more."""
    return max(PROBE_DELAYS_MS[min(probes, len(PROBE_DELAYS_MS)) - 1], min(asked_ms, ASKED_MAX_MS))

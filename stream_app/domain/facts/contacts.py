"""Contacts and accepted feedback, counted per local day and kind (domain.md, 3.4 and 3.9).

A row lives as long as a cap of the policy can ask for it, which may be longer than the window of the measures: the rows that
have left the window are a prefix of the columns.
"""

from bisect import bisect_left
from typing import Final

from stream_app.domain.events import CHANNELS
from stream_app.domain.facts.state import State
from stream_app.domain.policy import Policy

FEEDBACK_KIND: Final = 12
"""Bucket kinds 0..11 are contacts: 2 * channel + (1 if inbound)."""


def put(state: State, policy: Policy, time_ms: int, kind: int, cost: int | None) -> None:
    """Count one contact or accepted feedback on its local day, if that day can still matter."""
    calendar = policy.calendar
    day, today = calendar.day(time_ms), calendar.day(state.clock_ms)
    if day <= today - policy.bucket_days:
        return
    inside = day > today - policy.window_days
    lo = bisect_left(state.bucket_day, day)
    hi = bisect_left(state.bucket_day, day + 1)
    k = bisect_left(state.bucket_kind, kind, lo, hi)
    if k == hi or state.bucket_kind[k] != kind:
        state.bucket_day.insert(k, day)
        state.bucket_kind.insert(k, kind)
        for column in (state.bucket_count, state.bucket_cost, state.bucket_unpriced):
            column.insert(k, 0)
        if not inside:
            state.bucket_outside += 1
    state.bucket_count[k] += 1
    if kind == FEEDBACK_KIND:
        if inside:
            state.feedback += 1
        return
    if cost is None:
        state.bucket_unpriced[k] += 1
        cost = policy.channel_costs[CHANNELS[kind // 2]]
    else:
        state.bucket_cost[k] += cost
    if inside:
        state.contacts += 1
        state.contact_cost += cost


def add_row(state: State, policy: Policy, k: int, sign: int) -> None:
    """Add (`sign` 1) or take out (-1) row `k` of the measures."""
    kind = state.bucket_kind[k]
    if kind == FEEDBACK_KIND:
        state.feedback += sign * state.bucket_count[k]
        return
    state.contacts += sign * state.bucket_count[k]
    state.contact_cost += sign * (state.bucket_cost[k] + state.bucket_unpriced[k] * policy.channel_costs[CHANNELS[kind // 2]])


def leave(state: State, policy: Policy, today: int) -> None:
    """Take the rows out of the measures that have left the window, and forget those that no cap asks for any more."""
    first_day = today - policy.window_days + 1
    while state.bucket_outside < len(state.bucket_day) and state.bucket_day[state.bucket_outside] < first_day:
        add_row(state, policy, state.bucket_outside, -1)
        state.bucket_outside += 1
    if state.bucket_outside and state.bucket_day[0] <= today - policy.bucket_days:
        _forget(state, bisect_left(state.bucket_day, today - policy.bucket_days + 1))


def forget_oldest(state: State, policy: Policy) -> None:
    """Let the oldest day's first row leave before its time, because the state is full."""
    if not state.bucket_outside:
        add_row(state, policy, 0, -1)
        state.bucket_outside = 1
    _forget(state, 1)


def _forget(state: State, end: int) -> None:
    for column in (state.bucket_day, state.bucket_kind, state.bucket_count, state.bucket_cost, state.bucket_unpriced):
        del column[:end]
    state.bucket_outside -= end


def rebuild(state: State, policy: Policy, today: int) -> None:
    """Compute the measures afresh from the rows, under `policy`."""
    state.bucket_outside = bisect_left(state.bucket_day, today - policy.window_days + 1)
    _forget(state, bisect_left(state.bucket_day, today - policy.bucket_days + 1))
    state.contacts = state.contact_cost = state.feedback = 0
    for k in range(state.bucket_outside, len(state.bucket_day)):
        add_row(state, policy, k, 1)


def full_day(state: State, policy: Policy, kind: int, per_days: int, limit: int) -> int | None:
    """The day at whose leaving the outbound contacts of the last `per_days` days come down to `limit`; None if they are there.

    Args:
        state: at its clock.
        policy: the policy in effect.
        kind: the kind of the one channel that counts; negative for all channels.
        per_days: the window, in local days.
        limit: at least 0.
    """
    if per_days <= policy.window_days and state.contacts <= limit:
        return None  # nearly always: not even a year's contacts fill the cap
    first_day, count = policy.calendar.day(state.clock_ms) - per_days + 1, 0
    for k in range(len(state.bucket_day) - 1, -1, -1):
        if state.bucket_day[k] < first_day:
            return None
        if _counts(state.bucket_kind[k], kind):
            count += state.bucket_count[k]
            if count > limit:
                return state.bucket_day[k]
    return None


def outbound(state: State, policy: Policy, kind: int, per_days: int) -> int:
    """The outbound contacts of the last `per_days` days; `kind` as in `full_day`."""
    first = bisect_left(state.bucket_day, policy.calendar.day(state.clock_ms) - per_days + 1)
    return sum([state.bucket_count[k] for k in range(first, len(state.bucket_day)) if _counts(state.bucket_kind[k], kind)])


def _counts(mine: int, wanted: int) -> bool:
    return mine == wanted or (wanted < 0 and mine < FEEDBACK_KIND and mine % 2 == 0)

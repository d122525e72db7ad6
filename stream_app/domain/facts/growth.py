"""Running revenue over two adjoining windows of local days, the recent one and the earlier one (domain.md, 3.11).

As in `window`, an order is moved when its day leaves, so that what the two windows hold costs a lookup. Nothing here is called
for a policy without `opportunity`; then all its columns stay at zero.
"""

from bisect import bisect_left
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts.state import State
from stream_app.domain.policy import Policy

LOOK_AHEAD: Final = 32
"""So many orders are looked at for the next moment of interest; beyond them an earlier moment will do."""


def net(state: State, i: int) -> int:
    """What stays of open order `i`; 0 when it is voided."""
    total = state.order_totals[i]
    note = state.notes.get(state.order_ids[i]) if state.notes else None
    if note is None:
        return total
    return 0 if note.cancelled else max(0, total - note.refunded_minor)


def enter(state: State, i: int, day: int, policy: Policy) -> None:
    """Count order `i` of local day `day`, which has just been put into the columns."""
    if state.order_ms[i] >= state.clock_ms:  # nearly always
        state.revenue_now += net(state, i)
        return
    age = policy.calendar.day(state.clock_ms) - day
    if age < policy.growth_days:
        state.revenue_now += net(state, i)
        return
    state.growth_earlier += 1
    if age < 2 * policy.growth_days:
        state.revenue_before += net(state, i)
    else:
        state.growth_outside += 1


def revise(state: State, i: int, more: int) -> None:
    """Add `more` (negative when it is less) to what stays of open order `i`."""
    if i >= state.growth_earlier:
        state.revenue_now += more
    elif i >= state.growth_outside:
        state.revenue_before += more


def close_oldest(state: State, policy: Policy) -> None:
    """The oldest open order is about to be closed: what it adds stays, in the row of its day."""
    if state.growth_outside:
        state.growth_outside -= 1
        state.growth_earlier -= 1
        return
    amount = net(state, 0)
    is_earlier = state.growth_earlier > 0
    if is_earlier:
        state.growth_earlier -= 1
    if not amount:
        return
    day = policy.calendar.day(state.order_ms[0])
    k = bisect_left(state.closed_sale_day, day)
    if k < len(state.closed_sale) and state.closed_sale_day[k] == day:
        state.closed_sale[k] += amount
        return
    state.closed_sale_day.insert(k, day)
    state.closed_sale.insert(k, amount)
    if is_earlier:
        state.closed_earlier += 1


def advance(state: State, policy: Policy) -> None:
    """Move on, and out, what has left the windows at the customer's clock."""
    days, times = policy.growth_days, state.order_ms
    earlier, outside, count = state.growth_earlier, state.growth_outside, len(times)
    # Nothing this young can leave, whatever the zone: spares the calendar on nearly every event.
    young_ms = state.clock_ms - (days - 3) * DAY_MS
    if (
        (earlier == count or times[earlier] >= young_ms)
        and (outside == earlier or times[outside] >= young_ms - days * DAY_MS)
        and not state.closed_sale
    ):
        return
    today = policy.calendar.day(state.clock_ms)
    now_ms, before_ms = policy.calendar.start(today - days + 1), policy.calendar.start(today - 2 * days + 1)
    while earlier < count and times[earlier] < now_ms:
        amount = net(state, earlier)
        state.revenue_now -= amount
        state.revenue_before += amount
        earlier += 1
    while outside < earlier and times[outside] < before_ms:
        state.revenue_before -= net(state, outside)
        outside += 1
    state.growth_earlier, state.growth_outside = earlier, outside
    if state.closed_sale:
        _advance_closed(state, today - days, today - 2 * days)


def _advance_closed(state: State, last_earlier_day: int, last_outside_day: int) -> None:
    days = state.closed_sale_day
    while state.closed_earlier < len(days) and days[state.closed_earlier] <= last_earlier_day:
        amount = state.closed_sale[state.closed_earlier]
        state.revenue_now -= amount
        state.revenue_before += amount
        state.closed_earlier += 1
    while days and days[0] <= last_outside_day:
        state.revenue_before -= state.closed_sale.pop(0)
        del days[0]
        state.closed_earlier -= 1


def rebuild(state: State, policy: Policy) -> None:
    """Compute the columns afresh from the orders, under `policy`."""
    state.growth_outside = state.growth_earlier = state.revenue_now = state.revenue_before = state.closed_earlier = 0
    if policy.growth_days:
        state.revenue_now = sum([net(state, i) for i in range(len(state.order_ms))]) + sum(state.closed_sale)
        advance(state, policy)
    else:
        state.closed_sale_day, state.closed_sale = [], []


def next_turn_ms(state: State, policy: Policy, growth_pct: int) -> int | None:
    """A moment before which growth neither begins nor ends by itself; None when it never will.

    As long as nothing is bought, the recent window only loses revenue, first to the earlier one. So growth can begin only once
    the earlier window has lost enough, or gets its first revenue; and end only once the recent one has lost enough, or the
    earlier one is empty. The days on which less than that leaves are no deadlines.
    """
    now, before, days = state.revenue_now, state.revenue_before, policy.growth_days
    if not now and not before:
        return None
    if state.closed_sale:
        return _next_leave_ms(state, policy)
    if not before:
        return _lost_ms(state, policy, state.growth_earlier, 1, days)
    if now * 100 < growth_pct * before:
        return _lost_ms(state, policy, state.growth_outside, before - now * 100 // growth_pct, 2 * days) if now else None
    ends_ms = _lost_ms(state, policy, state.growth_outside, before, 2 * days)
    slack = (now * 100 - growth_pct * before) // (100 + growth_pct) + 1
    shrinks_ms = _lost_ms(state, policy, state.growth_earlier, slack, days)
    return shrinks_ms if ends_ms is None or (shrinks_ms is not None and shrinks_ms < ends_ms) else ends_ms


def _lost_ms(state: State, policy: Policy, first: int, amount: int, days: int) -> int | None:
    """When the orders from row `first` on that have left a window of `days` add up to `amount`; earlier if that is far ahead."""
    last = len(state.order_ms) - 1
    for i in range(first, last + 1):
        amount -= net(state, i)
        if amount <= 0 or i - first == LOOK_AHEAD:
            return policy.calendar.start(policy.calendar.day(state.order_ms[i]) + days)
    return None


def _next_leave_ms(state: State, policy: Policy) -> int:
    """When the next day leaves one of the windows, closed orders included."""
    calendar, days, count = policy.calendar, policy.growth_days, len(state.order_ms)
    leaves = [state.closed_sale_day[0] + 2 * days]
    if state.closed_earlier < len(state.closed_sale):
        leaves.append(state.closed_sale_day[state.closed_earlier] + days)
    if state.growth_earlier < count:
        leaves.append(calendar.day(state.order_ms[state.growth_earlier]) + days)
    if state.growth_outside < count:
        leaves.append(calendar.day(state.order_ms[state.growth_outside]) + 2 * days)
    return calendar.start(min(leaves))

"""Running sums over the rolling window of local days (domain.md, Units and 3.4).

An order is added when it enters, taken out when its day leaves: a measure then costs a lookup, not a walk over a year.
`rebuild` computes the same sums from the columns; it serves a new policy, and the tests as a second opinion.
"""

from bisect import bisect_left
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts import contacts, growth
from stream_app.domain.facts.referrals import next_move_ms
from stream_app.domain.facts.state import NEVER, State
from stream_app.domain.policy import Fixed, Policy, Rhythm
from stream_app.domain.rhythm import patience_ms

ORDERS: Final = 0
REVENUE: Final = 1
MARGIN: Final = 2
TOTALS: Final = 3
DISCOUNTS: Final = 4
LATE_COST: Final = 5
LATE_DAYS: Final = 6
PAID: Final = 7
ALL_TOTALS: Final = 8
REFUNDED: Final = 9
REFUNDS: Final = 10
OCCASIONS: Final = 11


def is_counting(state: State, i: int) -> bool:
    """Whether open order `i` is not voided."""
    note = state.notes.get(state.order_ids[i]) if state.notes else None
    return note is None or not (note.cancelled or (note.refunds and note.refunded_minor >= state.order_totals[i]))


def others_on_day(state: State, i: int, from_ms: int, to_ms: int) -> int:
    """The groups of other counting open orders with `from_ms <= time < to_ms`, as a mask; 0 when there are none.

    Stops when all groups of order `i` are found, so that a day with many orders is not walked through for each of them.
    """
    mask, mine = 0, state.order_groups[i]
    times = state.order_ms
    for j in range(i - 1, -1, -1):
        if times[j] < from_ms or mask & mine == mine:
            break
        if is_counting(state, j):
            mask |= state.order_groups[j]
    for j in range(i + 1, len(times)):
        if times[j] >= to_ms or mask & mine == mine:
            break
        if is_counting(state, j):
            mask |= state.order_groups[j]
    return mask


def closed_on_day(state: State, day: int) -> bool:
    """Whether a counting order of local day `day` was closed while inside the window."""
    for row in reversed(state.closed_days):  # ascending by day, and asked for the newest nearly always
        if row[0] <= day:
            return row[0] == day and row[1][ORDERS] > 0
    return False


def margin_of(net: int, total: int, cost: int | None, policy: Policy) -> int:
    """What an order of `total` yields of which `net` is left: by its own `cost`, else the policy's share (domain.md, 3.4)."""
    if cost is None:
        return net * policy.margin_pct // 100
    return net * (total - cost) // total if total else -cost


def contribution(state: State, i: int, policy: Policy) -> list[int]:
    """What open order `i` adds to the sums, `OCCASIONS` left at 0."""
    total = state.order_totals[i]
    note = state.notes.get(state.order_ids[i]) if state.notes else None
    if note is not None:
        if note.cancelled:
            return [0] * 12
        net = total - min(total, note.refunded_minor)
        tail = [total, min(total, note.refunded_minor), note.refunds, 0]
        if note.refunds and net == 0:
            return [0, 0, 0, 0, 0, 0, 0, 0, *tail]
        late_days = note.late_days
    else:
        net, late_days, tail = total, None, [total, 0, 0, 0]
    margin = margin_of(net, total, state.order_costs[i], policy)
    late_cost = net * late_days * policy.annual_rate_pct // 36500 if late_days else 0
    paid = 0 if late_days is None else 1
    return [1, net, margin, total, state.order_discounts[i], late_cost, late_days or 0, paid, *tail]


def add_order(state: State, i: int, policy: Policy, sign: int) -> None:
    """Add (`sign` 1) or take out (-1) open order `i` of the window, its day's occasion not included."""
    sums = state.sums
    if not state.notes and state.order_costs[i] is None:  # the common order, without building a list
        total = state.order_totals[i]
        sums[ORDERS] += sign
        sums[REVENUE] += sign * total
        sums[MARGIN] += sign * margin_of(total, total, None, policy)
        sums[TOTALS] += sign * total
        sums[DISCOUNTS] += sign * state.order_discounts[i]
        sums[ALL_TOTALS] += sign * total
    else:
        for k, amount in enumerate(contribution(state, i, policy)):
            sums[k] += sign * amount
        if not is_counting(state, i):
            return
    mask, counts = state.order_groups[i], state.in_window
    while mask:
        counts[(mask & -mask).bit_length() - 1] += sign
        mask &= mask - 1


def advance(state: State, policy: Policy) -> None:
    """Let everything leave whose day is no longer in the window at the customer's clock."""
    calendar = policy.calendar
    if policy.growth_days:
        growth.advance(state, policy)
    # Nothing this young can leave, whatever the zone: spares the calendar on nearly every event.
    young_ms = state.clock_ms - (policy.window_days - 3) * DAY_MS
    young_day = young_ms // DAY_MS + 2
    if (
        (state.outside == len(state.order_ms) or state.order_ms[state.outside] >= young_ms)
        and (state.bucket_outside == len(state.bucket_day) or state.bucket_day[state.bucket_outside] >= young_day)
        and (not state.bucket_outside or state.bucket_day[0] >= young_day - policy.bucket_days + policy.window_days)
        and (not state.closed_days or state.closed_days[0][0] >= young_day)
    ):
        return
    today = calendar.day(state.clock_ms)
    first_day = today - policy.window_days + 1
    if state.outside < len(state.order_ms):
        from_ms = calendar.start(first_day)
        if state.order_ms[state.outside] < from_ms:
            _leave_orders(state, policy, from_ms)
    if state.bucket_day:
        contacts.leave(state, policy, today)
    while state.closed_days and state.closed_days[0][0] < first_day:
        _, sums, groups = state.closed_days.pop(0)
        for k, amount in enumerate(sums):
            state.sums[k] -= amount
        for name, count in groups.items():
            state.in_window[state.groups.index(name)] -= count


def _leave_orders(state: State, policy: Policy, from_ms: int) -> None:
    calendar, times = policy.calendar, state.order_ms
    day_end = NEVER
    i = state.outside
    while i < len(times) and times[i] < from_ms:
        add_order(state, i, policy, -1)
        if times[i] >= day_end and is_counting(state, i):
            day = calendar.day(times[i])
            day_end = calendar.start(day + 1)
            if not closed_on_day(state, day):  # else the closed orders' own row takes the occasion away
                state.sums[OCCASIONS] -= 1
        i += 1
    state.outside = i


def next_leave_ms(state: State, policy: Policy) -> int | None:
    """When the oldest day of the window leaves it, or a conversion enters it; None when nothing can."""
    oldest = None
    if state.outside < len(state.order_ms):
        oldest = policy.calendar.day(state.order_ms[state.outside])
    if state.bucket_outside < len(state.bucket_day) and (oldest is None or state.bucket_day[state.bucket_outside] < oldest):
        oldest = state.bucket_day[state.bucket_outside]
    if state.closed_days and (oldest is None or state.closed_days[0][0] < oldest):
        oldest = state.closed_days[0][0]
    moment = None if oldest is None else policy.calendar.start(oldest + policy.window_days)
    if not state.conversions:
        return moment
    moves = next_move_ms(state, policy)
    return moves if moment is None or (moves is not None and moves < moment) else moment


def rebuild(state: State, policy: Policy) -> None:
    """Compute every running sum and turn-over point afresh from the columns, under `policy`."""
    calendar = policy.calendar
    today = calendar.day(state.clock_ms)
    first_day = today - policy.window_days + 1
    from_ms = calendar.start(first_day)
    state.closed_days = [row for row in state.closed_days if row[0] >= first_day]
    state.sums = [0] * 12
    state.in_window = [0] * len(state.groups)
    state.outside = bisect_left(state.order_ms, from_ms)
    days = set()
    for i in range(state.outside, len(state.order_ms)):
        add_order(state, i, policy, 1)
        if is_counting(state, i):
            days.add(calendar.day(state.order_ms[i]))
    for day, sums, groups in state.closed_days:
        for k, amount in enumerate(sums):
            state.sums[k] += amount
        for name, count in groups.items():
            state.in_window[state.groups.index(name)] += count
        if sums[OCCASIONS]:
            days.discard(day)  # the row brings its occasion along
    state.sums[OCCASIONS] += len(days)
    contacts.rebuild(state, policy, today)
    for g in range(len(state.groups)):
        _recount_days(state, policy, g)
        set_until(state, policy, g)
    growth.rebuild(state, policy)


def _recount_days(state: State, policy: Policy, g: int) -> None:
    """Count a group's occasions by the policy's local days; with closed orders only the old count is left."""
    if state.closed_ms[g] != NEVER or not state.occasions[g]:
        return
    mine = [time_ms for i, time_ms in enumerate(state.order_ms) if state.order_groups[i] >> g & 1 and is_counting(state, i)]
    days = {policy.calendar.day(time_ms) for time_ms in mine}
    state.occasions[g], state.first_day[g] = len(days), min(days)


def set_until(state: State, policy: Policy, g: int, last_day: int | None = None) -> None:
    """Note when silence in group `g` becomes too long; `last_day` is the day of its latest order, if the caller knows it."""
    if state.occasions[g] == 0:
        state.until_ms[g] = NEVER
        return
    rhythm = policy.rhythms.get(state.groups[g], policy.default_rhythm)
    span = max(0, (policy.calendar.day(state.last_ms[g]) if last_day is None else last_day) - state.first_day[g])
    state.until_ms[g] = state.last_ms[g] + patience_ms(rhythm, state.occasions[g] - 1, span)


def revives(state: State, policy: Policy, g: int) -> bool:
    """Whether an order today in group `g` (-1: a first one, in any group) makes its buyer active: not where no patience is left for it."""
    if g < 0:
        return all(not _is_curt(rhythm) or patience_ms(rhythm, 0, 0) > 0 for rhythm in (policy.default_rhythm, *policy.rhythms.values()))
    rhythm = policy.rhythms.get(state.groups[g], policy.default_rhythm)
    if not _is_curt(rhythm):
        return True
    today = policy.calendar.day(state.clock_ms)
    again = policy.calendar.day(state.last_ms[g]) < today  # one more occasion, or more of the same
    return patience_ms(rhythm, state.occasions[g] - (0 if again else 1), max(0, today - state.first_day[g])) > 0


def _is_curt(rhythm: Rhythm) -> bool:
    """Whether the method can leave no patience at all."""
    return not isinstance(rhythm, Fixed) and rhythm.min_days == 0

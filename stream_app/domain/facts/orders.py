"""The order book: placing, voiding, paying and closing orders (domain.md, section 2).

An order costs a bisect and a handful of sums. Only a void, or an order on a day that has others, looks at its neighbours.
"""

from bisect import bisect_left
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.events import Code, OrderPlaced, Rejected, compact
from stream_app.domain.facts import growth, window
from stream_app.domain.facts.index import count_refund_ids, find_order
from stream_app.domain.facts.notes import OrderNote
from stream_app.domain.facts.state import NEVER, State, masked_groups
from stream_app.domain.policy import Policy

REFUND_IDS_MAX: Final = 4_000
_NO_CATEGORY: Final[tuple[str | None, ...]] = (None,)


def order_unknown() -> Rejected:
    """What a cancel, refund or payment ends as when its order never came, or was closed."""
    return Rejected(Code.ORDER_UNKNOWN, "data.order_id: no open order with this id came in time; publish its order.placed, then this again")


def place(state: State, time_ms: int, data: OrderPlaced, policy: Policy) -> Rejected | int:
    """Enter a new order, unless its id is taken or its time lies behind the ledger; returns the mask of its groups."""
    order_id = compact(data.order_id)
    if time_ms < state.high_ms - policy.ledger_days * DAY_MS:
        return Rejected(Code.ORDER_CLOSED, "time: older than the customer's ledger; publish history in time order, or raise ledger_days")
    if find_order(state, order_id) >= 0:
        return Rejected(Code.ORDER_EXISTS, "data.order_id: an order with this id was placed by another event; use a new order_id")
    state.related = True
    mask = _groups_of(state, data, policy)
    times = state.order_ms
    i = len(times)
    if i and time_ms <= times[-1]:
        i = bisect_left(times, time_ms)
        while i < len(times) and times[i] == time_ms and state.order_ids[i] < order_id:
            i += 1
    times.insert(i, time_ms)
    state.order_ids.insert(i, order_id)
    if state.ordered_at is not None:
        state.ordered_at[order_id] = time_ms
    state.order_totals.insert(i, data.total_minor)
    state.order_discounts.insert(i, data.discount_minor)
    state.order_costs.insert(i, data.cost_minor)
    state.order_groups.insert(i, mask)
    _count_in(state, i, policy)
    return mask


def _groups_of(state: State, data: OrderPlaced, policy: Policy) -> int:
    """The mask of the product groups of an order's lines; groups seen for the first time get their columns."""
    mapping, groups = policy.category_groups, state.groups
    mask = 0
    missing: list[str] = []
    for category in data.categories or _NO_CATEGORY:
        name = mapping.get(category or "", "default")
        if name in groups:
            mask |= 1 << groups.index(name)
        elif name not in missing:
            missing.append(name)
    for name in missing:
        g = bisect_left(groups, name)
        low = (1 << g) - 1
        state.order_groups = [(m & low) | (m & ~low) << 1 for m in state.order_groups]
        mask = (mask & low) | (mask & ~low) << 1 | 1 << g
        state.groups.insert(g, name)
        state.occasions.insert(g, 0)
        state.first_day.insert(g, 0)
        state.last_ms.insert(g, NEVER)
        state.closed_ms.insert(g, NEVER)
        state.until_ms.insert(g, NEVER)
        state.in_window.insert(g, 0)
    return mask


def _count_in(state: State, i: int, policy: Policy) -> None:
    calendar, time_ms = policy.calendar, state.order_ms[i]
    day, from_ms, to_ms = calendar.bounds(time_ms)
    times = state.order_ms
    alone = i == len(times) - 1 and (not i or times[i - 1] < from_ms)  # nearly always: the newest, and the first of its day
    others = 0 if alone else window.others_on_day(state, i, from_ms, to_ms)
    state.counting += 1
    if state.first_ms == NEVER or time_ms < state.first_ms:
        state.first_ms = time_ms
    for g in masked_groups(state, state.order_groups[i]):
        if state.occasions[g] == 0:
            state.first_day[g] = day
            state.last_ms[g] = time_ms
            state.occasions[g] = 1
        else:
            if not others >> g & 1 and not from_ms <= state.closed_ms[g] < to_ms:
                state.occasions[g] += 1
            if day < state.first_day[g]:
                state.first_day[g] = day
            if time_ms > state.last_ms[g]:
                state.last_ms[g] = time_ms
        window.set_until(state, policy, g, day if state.last_ms[g] == time_ms else None)
    if policy.growth_days:
        growth.enter(state, i, day, policy)
    if time_ms < state.clock_ms and day <= calendar.day(state.clock_ms) - policy.window_days:
        state.outside += 1
        return
    window.add_order(state, i, policy, 1)
    if not others and not (state.closed_days and window.closed_on_day(state, day)):
        state.sums[window.OCCASIONS] += 1


def _count_out(state: State, i: int, policy: Policy) -> None:
    """Undo `_count_in` for an order that is voided; its note says so already."""
    calendar, time_ms = policy.calendar, state.order_ms[i]
    day, from_ms, to_ms = calendar.bounds(time_ms)
    others = window.others_on_day(state, i, from_ms, to_ms)
    state.counting -= 1
    count = len(state.order_ms)
    if state.first_ms == time_ms and not state.closed_counting:
        j = _seek(state, range(count), -1)
        state.first_ms = NEVER if j is None else state.order_ms[j]
    for g in masked_groups(state, state.order_groups[i]):
        if not others >> g & 1 and not from_ms <= state.closed_ms[g] < to_ms:
            state.occasions[g] -= 1
        if state.last_ms[g] == time_ms:
            j = _seek(state, range(count - 1, -1, -1), 1 << g)
            state.last_ms[g] = state.closed_ms[g] if j is None else state.order_ms[j]
        if state.first_day[g] == day and state.closed_ms[g] == NEVER:
            j = _seek(state, range(count), 1 << g)
            state.first_day[g] = 0 if j is None else calendar.day(state.order_ms[j])
        window.set_until(state, policy, g)
    if i >= state.outside and not others and not window.closed_on_day(state, day):
        state.sums[window.OCCASIONS] -= 1


def _seek(state: State, rows: range, mask: int) -> int | None:
    """The first of `rows` that is a counting order in one of the groups of `mask`."""
    for j in rows:
        if state.order_groups[j] & mask and window.is_counting(state, j):
            return j
    return None


def cancel(state: State, i: int, policy: Policy) -> None:
    """Void order `i`; a second cancel changes nothing."""
    note = state.notes.get(state.order_ids[i]) or OrderNote()
    if not note.cancelled:
        _revise(state, i, policy, OrderNote(True, note.refunded_minor, note.refunds, note.refund_ids, note.late_days))


def refund(state: State, i: int, refund_id: str, amount_minor: int, policy: Policy) -> Rejected | None:
    """Add a refund to order `i`, unless its id was used before."""
    note = state.notes.get(state.order_ids[i]) or OrderNote()
    compact_id = compact(refund_id)
    if compact_id in note.refund_ids:
        return Rejected(Code.REFUND_EXISTS, "data.refund_id: a refund of this order with this id was given by another event; use a new id")
    ids = sorted([*note.refund_ids, compact_id])
    if count_refund_ids(state) >= REFUND_IDS_MAX:
        ids.pop(0)  # bounded state: an id beyond the limit is not known again
    state.refund_ids += len(ids) - len(note.refund_ids)
    _revise(state, i, policy, OrderNote(note.cancelled, note.refunded_minor + amount_minor, note.refunds + 1, ids, note.late_days))
    return None


def pay(state: State, i: int, late_days: int, policy: Policy) -> None:
    """Note a payment of order `i` that came `late_days` whole days after it was due."""
    note = state.notes.get(state.order_ids[i]) or OrderNote()
    latest = late_days if note.late_days is None else max(note.late_days, late_days)
    if latest != note.late_days:
        _revise(state, i, policy, OrderNote(note.cancelled, note.refunded_minor, note.refunds, note.refund_ids, latest))


def _revise(state: State, i: int, policy: Policy, note: OrderNote) -> None:
    was_counting = window.is_counting(state, i)
    inside = i >= state.outside
    was_worth = growth.net(state, i)
    if inside:
        window.add_order(state, i, policy, -1)
    state.notes[state.order_ids[i]] = note
    if policy.growth_days:
        growth.revise(state, i, growth.net(state, i) - was_worth)
    if inside:
        window.add_order(state, i, policy, 1)
    if was_counting and not window.is_counting(state, i):
        _count_out(state, i, policy)


def close(state: State, policy: Policy) -> int:
    """Close orders behind the ledger, and the oldest ones beyond the limit; returns how many of the latter."""
    border = state.high_ms - policy.ledger_days * DAY_MS
    while state.order_ms and state.order_ms[0] < border:
        _close_oldest(state, policy)
    early = len(state.order_ms) - policy.ledger_orders
    if early <= 0:
        return 0
    for _ in range(early):
        _close_oldest(state, policy)
    return early


def forget_refund_ids(state: State) -> None:
    """Of more refund ids than are kept those of the oldest orders are not known again; what was refunded stays."""
    excess = count_refund_ids(state) - REFUND_IDS_MAX
    for order_id in state.order_ids if excess > 0 else []:
        note = state.notes.get(order_id)
        if note is not None and excess > 0:
            gone = min(excess, len(note.refund_ids))
            state.notes[order_id] = OrderNote(note.cancelled, note.refunded_minor, note.refunds, note.refund_ids[gone:], note.late_days)
            state.refund_ids -= gone
            excess -= gone


def _close_oldest(state: State, policy: Policy) -> None:
    time_ms, mask = state.order_ms[0], state.order_groups[0]
    if policy.growth_days:
        growth.close_oldest(state, policy)
    counts = window.is_counting(state, 0)
    if counts:
        state.closed_counting += 1
        for g in masked_groups(state, mask):
            state.closed_ms[g] = max(state.closed_ms[g], time_ms)
    if state.outside:
        state.outside -= 1
    else:
        _keep_sums(state, policy, counts)
    note = state.notes.pop(state.order_ids[0], None)
    if note is not None and state.refund_ids >= 0:
        state.refund_ids -= len(note.refund_ids)
    if state.ordered_at is not None:
        del state.ordered_at[state.order_ids[0]]
    for column in (
        state.order_ms,
        state.order_ids,
        state.order_totals,
        state.order_discounts,
        state.order_costs,
        state.order_groups,
    ):
        del column[0]


def _keep_sums(state: State, policy: Policy, counts: bool) -> None:
    """Leave behind what the oldest order adds to the window, in the row of its day."""
    day = policy.calendar.day(state.order_ms[0])
    rows = state.closed_days
    k = len(rows)
    while k and rows[k - 1][0] >= day:  # the oldest order is seldom older than the newest row
        k -= 1
    if k == len(rows) or rows[k][0] != day:
        rows.insert(k, (day, [0] * 12, {}))
    _, sums, groups = rows[k]
    for field, amount in enumerate(window.contribution(state, 0, policy)):
        sums[field] += amount
    if counts:
        sums[window.OCCASIONS] = 1
        for g in masked_groups(state, state.order_groups[0]):
            groups[state.groups[g]] = groups.get(state.groups[g], 0) + 1

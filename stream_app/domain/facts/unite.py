"""The facts of two customers into one's, as if all events had been his (domain.md, section 2, `customer.merged`).

Where both have used one id for two things the first one's stands. What the bounds of a state have made one of them forget stays
forgotten. The clock must have reached the other's already.
"""

from bisect import bisect_left

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts import orders, referrals, window
from stream_app.domain.facts.state import NEVER, State, masked_groups
from stream_app.domain.policy import Policy


def unite(state: State, other: State, own_names: list[str], policy: Policy, forgotten: list[str]) -> int:
    """Put the facts of `other` into `state`; `own_names` are all whom the customer has ever been known as.

    What waits for its order waits behind what waits already, also if the order is there now: see to it then.

    Returns:
        How many orders of `other` were left out, because another order of `state` has their id.
    """
    left_out = _leave_out(state, other, policy)
    state.low_ms, state.high_ms = min(state.low_ms, other.low_ms), max(state.high_ms, other.high_ms)
    state.related = state.related or other.related
    state.touched_ms = max(state.touched_ms, other.touched_ms)
    _unite_latest(state, other)
    _unite_ids(state, other, policy, forgotten)
    _unite_orders(state, other, policy)
    _unite_days(state, other)
    state.waiting = state.waiting + other.waiting
    state.seen_at = state.ordered_at = None
    state.refund_ids = state.waiting_bytes = -1
    referrals.unite(state, other, own_names, forgotten)
    window.rebuild(state, policy)
    forgotten.extend(["order"] * orders.close(state, policy))
    orders.forget_refund_ids(state)
    return left_out


def _unite_latest(state: State, other: State) -> None:
    for name in ("lead", "preference", "answered"):
        mine, theirs = getattr(state, name), getattr(other, name)
        if mine is None or (theirs is not None and theirs[:2] > mine[:2]):
            setattr(state, name, theirs)
    for channel, at in other.unsubscribed.items():
        state.unsubscribed[channel] = max(at, state.unsubscribed.get(channel, (NEVER, "")))
    for name, assessed in other.criteria.items():
        known = state.criteria.get(name)
        if known is None or assessed[:2] > known[:2]:
            state.criteria[name] = assessed


def _unite_ids(state: State, other: State, policy: Policy, forgotten: list[str]) -> None:
    border = state.high_ms - policy.dedup_days * DAY_MS
    rows = {*zip(state.seen_ms, state.seen_ids, strict=True), *zip(other.seen_ms, other.seen_ids, strict=True)}
    kept = sorted(row for row in rows if row[0] >= border)
    early = max(0, len(kept) - policy.dedup_events)
    forgotten.extend(["event_id"] * early)
    state.seen_ms = [row[0] for row in kept[early:]]
    state.seen_ids = [row[1] for row in kept[early:]]


def _leave_out(state: State, other: State, policy: Policy) -> int:
    """Take out of `other` the orders whose ids `state` has used, as if they had never been; how many are no mere copies."""
    known = set(state.order_ids)
    twice = [i for i, order_id in enumerate(other.order_ids) if order_id in known]
    if not twice:
        return 0
    names = sorted({*state.groups, *other.groups})
    mine = set(_rows(state, names))
    left_out = sum(row[1] in known and row not in mine for row in _rows(other, names))
    window.rebuild(other, policy)  # a void undoes what an order has added under this policy
    for i in twice:
        orders.cancel(other, i, policy)
    kept = [i for i, order_id in enumerate(other.order_ids) if order_id not in known]
    for column in _ORDER_COLUMNS:
        values = getattr(other, column)
        setattr(other, column, [values[i] for i in kept])
    other.notes = {order_id: note for order_id, note in other.notes.items() if order_id not in known}
    return left_out


def _unite_orders(state: State, other: State, policy: Policy) -> None:
    """The order books into one, and what each product group has seen."""
    names = sorted({*state.groups, *other.groups})
    mine, theirs = _days(state, policy), _days(other, policy)
    rows = _rows(state, names) + _rows(other, names)
    rows.sort(key=lambda row: row[:2])
    columns: list[list[int | str | None]] = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(6)]
    for name in names:
        both = len(mine.get(name, set()) & theirs.get(name, set()))
        _unite_group(state, other, name, both)
    order = [state.groups.index(name) for name in names]
    for column in ("occasions", "first_day", "last_ms", "closed_ms", "until_ms", "in_window"):
        values = getattr(state, column)
        setattr(state, column, [values[g] for g in order])
    state.groups = names
    for column, values in zip(_ORDER_COLUMNS, columns, strict=True):
        setattr(state, column, values)
    state.notes |= other.notes
    state.closed_counting += other.closed_counting
    state.counting = state.closed_counting + sum(window.is_counting(state, i) for i in range(len(state.order_ms)))
    firsts = [first_ms for first_ms in (state.first_ms, other.first_ms) if first_ms != NEVER]
    state.first_ms = min(firsts, default=NEVER)


_ORDER_COLUMNS = ("order_ms", "order_ids", "order_totals", "order_discounts", "order_costs", "order_groups")


def _rows(state: State, names: list[str]) -> list[tuple[int, str, int, int, int | None, int]]:
    """The open orders, their groups as bits of `names`."""
    bits = [1 << names.index(name) for name in state.groups]
    masks = [sum(bits[g] for g in masked_groups(state, mask)) for mask in state.order_groups]
    columns = (state.order_ms, state.order_ids, state.order_totals, state.order_discounts, state.order_costs, masks)
    return list(zip(*columns, strict=True))


def _days(state: State, policy: Policy) -> dict[str, set[int]]:
    """The local days of counting open orders, by group."""
    found: dict[str, set[int]] = {}
    for i, time_ms in enumerate(state.order_ms):
        if window.is_counting(state, i):
            for g in masked_groups(state, state.order_groups[i]):
                found.setdefault(state.groups[g], set()).add(policy.calendar.day(time_ms))
    return found


def _unite_group(state: State, other: State, name: str, both: int) -> None:
    """What the two have seen of one product group; `both` is on how many days both have bought of it."""
    if name not in other.groups:
        return
    theirs = other.groups.index(name)
    if name not in state.groups:
        state.groups.append(name)
        for column, nothing in (
            ("occasions", 0),
            ("first_day", 0),
            ("last_ms", NEVER),
            ("closed_ms", NEVER),
            ("until_ms", NEVER),
            ("in_window", 0),
        ):
            getattr(state, column).append(nothing)
    mine = state.groups.index(name)
    days = [one.first_day[g] for one, g in ((state, mine), (other, theirs)) if one.occasions[g]]
    state.first_day[mine] = min(days, default=0)
    state.occasions[mine] += other.occasions[theirs] - both
    state.last_ms[mine] = max(state.last_ms[mine], other.last_ms[theirs])
    state.closed_ms[mine] = max(state.closed_ms[mine], other.closed_ms[theirs])


def _unite_days(state: State, other: State) -> None:
    """What is counted per local day: contacts, feedback, orders that closed early."""
    rows: dict[tuple[int, int], list[int]] = {}
    for one in (state, other):
        columns = (one.bucket_day, one.bucket_kind, one.bucket_count, one.bucket_cost, one.bucket_unpriced)
        for day, kind, *amounts in zip(*columns, strict=True):
            known = rows.setdefault((day, kind), [0, 0, 0])
            rows[day, kind] = [a + b for a, b in zip(known, amounts, strict=True)]
    ordered = sorted(rows.items())
    state.bucket_day = [day for (day, _), _ in ordered]
    state.bucket_kind = [kind for (_, kind), _ in ordered]
    state.bucket_count, state.bucket_cost, state.bucket_unpriced = ([amounts[k] for _, amounts in ordered] for k in range(3))
    closed = {day: (list(sums), dict(groups)) for day, sums, groups in state.closed_days}
    for day, sums, groups in other.closed_days:
        known_sums, known_groups = closed.setdefault(day, ([0] * 12, {}))
        for k, amount in enumerate(sums):
            known_sums[k] += amount
        known_sums[window.OCCASIONS] = min(1, known_sums[window.OCCASIONS])
        for name, count in groups.items():
            known_groups[name] = known_groups.get(name, 0) + count
    state.closed_days = [(day, *closed[day]) for day in sorted(closed)]
    for day, amount in zip(other.closed_sale_day, other.closed_sale, strict=True):
        k = bisect_left(state.closed_sale_day, day)
        if k < len(state.closed_sale_day) and state.closed_sale_day[k] == day:
            state.closed_sale[k] += amount
        else:
            state.closed_sale_day.insert(k, day)
            state.closed_sale.insert(k, amount)

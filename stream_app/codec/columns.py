"""A `State` as the list of its columns, in the order of their declaration, and back.

Written out, because a loop over names costs ten times as much. A new column gets its place in both functions; if what it
holds are tuples or Structs, msgpack brings lists, and a line behind the columns makes of them what they were.
"""

from typing import Any, Final

import msgspec

from stream_app.domain.facts.notes import OrderNote, Waiting
from stream_app.domain.facts.state import State

_BUILTIN: Final = (bytes,)


# fmt: off
def to_columns(state: State) -> list[Any]:
    """The columns of `state`; the lists are its own."""
    return [
        state.born_ms, state.clock_ms, state.policy_version, state.policy_hash, state.sequence, state.deadline_ms,
        state.values, state.came_from, state.changed_at,
        state.class_hold_ms, state.exit_since_ms, state.notice_ms, state.notice_id, state.waiting,
        state.mark,
        state.told, state.heard, state.merged_into, state.absorbed,
        state.low_ms, state.high_ms, state.seen_ms, state.seen_ids, state.related,
        state.lead, state.preference, state.answered, state.unsubscribed, state.criteria,
        state.order_ms, state.order_ids, state.order_totals, state.order_discounts, state.order_costs, state.order_groups, state.notes,
        state.counting, state.closed_counting, state.first_ms,
        state.groups, state.occasions, state.first_day, state.last_ms, state.closed_ms, state.until_ms, state.in_window,
        state.outside, state.sums, state.bucket_day, state.bucket_kind, state.bucket_count, state.bucket_cost, state.bucket_unpriced,
        state.contacts, state.contact_cost, state.feedback, state.closed_days,
        state.growth_outside, state.growth_earlier, state.revenue_now, state.revenue_before,
        state.closed_sale_day, state.closed_sale, state.closed_earlier, state.touched_ms, state.bucket_outside,
        state.referred, state.referrers, state.conversions,
    ]


def from_columns(columns: list[Any]) -> State:
    """The state that has these columns, as they come from msgpack.

    Raises:
        ValueError: they are no state.
        TypeError: neither.
    """
    state = State.__new__(State)
    (
        state.born_ms, state.clock_ms, state.policy_version, state.policy_hash, state.sequence, state.deadline_ms,
        state.values, state.came_from, state.changed_at,
        state.class_hold_ms, state.exit_since_ms, state.notice_ms, state.notice_id, waiting,
        mark,
        state.told, state.heard, state.merged_into, state.absorbed,
        state.low_ms, state.high_ms, state.seen_ms, state.seen_ids, state.related,
        lead, preference, answered, unsubscribed, criteria,
        state.order_ms, state.order_ids, state.order_totals, state.order_discounts, state.order_costs, state.order_groups, notes,
        state.counting, state.closed_counting, state.first_ms,
        state.groups, state.occasions, state.first_day, state.last_ms, state.closed_ms, state.until_ms, state.in_window,
        state.outside, state.sums, state.bucket_day, state.bucket_kind, state.bucket_count, state.bucket_cost, state.bucket_unpriced,
        state.contacts, state.contact_cost, state.feedback, closed_days,
        state.growth_outside, state.growth_earlier, state.revenue_now, state.revenue_before,
        state.closed_sale_day, state.closed_sale, state.closed_earlier, state.touched_ms, state.bucket_outside,
        referred, state.referrers, state.conversions,
    ) = columns
    # fmt: on
    state.mark = None if mark is None else tuple(mark)
    state.lead = None if lead is None else tuple(lead)
    state.preference = None if preference is None else tuple(preference)
    state.answered = None if answered is None else tuple(answered)
    state.unsubscribed = {channel: tuple(row) for channel, row in unsubscribed.items()} if unsubscribed else {}
    state.criteria = {name: tuple(row) for name, row in criteria.items()} if criteria else {}
    state.referred = {name: tuple(row) for name, row in referred.items()} if referred else {}
    state.closed_days = [tuple(row) for row in closed_days]
    state.notes = msgspec.convert(notes, dict[str, OrderNote]) if notes else {}
    state.waiting = msgspec.convert(waiting, list[Waiting], builtin_types=_BUILTIN) if waiting else []
    state.seen_at = state.ordered_at = None
    state.refund_ids = state.waiting_bytes = -1
    state.scanned = 0
    return state

"""What a state may take (domain.md, Bounded state): an estimate that errs to the high side of what is encoded."""

from typing import Final

from stream_app.domain.events import Rejected
from stream_app.domain.facts import contacts
from stream_app.domain.facts.index import count_refund_ids
from stream_app.domain.facts.notes import Raw, Waiting
from stream_app.domain.facts.orders import order_unknown
from stream_app.domain.facts.referrals import NAMES_BYTES_MAX, names_bytes
from stream_app.domain.facts.state import State
from stream_app.domain.policy import Policy

STATE_BYTES_MAX: Final = 480 * 1024
_BUCKETS_FREE: Final = 4_000
_NAME_BYTES_MAX: Final = 4 * 128


def keep(state: State, policy: Policy, rejected: list[tuple[Rejected, Raw]], forgotten: list[str]) -> None:
    """Keep a state that is nearly full in its bounds: waiting events end first, then the oldest days of contacts leave.

    Args:
        state: the facts, after an event.
        policy: what contacts cost.
        rejected: where the records of those go that waited.
        forgotten: where it is said what was forgotten early.
    """
    if not state.waiting and len(state.bucket_day) < _BUCKETS_FREE:
        return
    if state.waiting_bytes < 0:
        state.waiting_bytes = sum(map(size, state.waiting))
    columns = _columns(state)
    if state.waiting_bytes + 17 * len(state.bucket_day) + columns + _names_at_most(state) <= STATE_BYTES_MAX:
        return
    others = columns + _names(state)
    while state.waiting and state.waiting_bytes + others + 17 * len(state.bucket_day) > STATE_BYTES_MAX:
        ended = state.waiting.pop(0)
        state.waiting_bytes -= size(ended)
        rejected.append((order_unknown(), ended.raw))
        forgotten.append("waiting")
    while state.bucket_day and others + 17 * len(state.bucket_day) > STATE_BYTES_MAX:
        contacts.forget_oldest(state, policy)
        forgotten.append("contact_day")


def size(waiting: Waiting) -> int:
    """What a waiting event takes."""
    _, _, _, key, value, headers = waiting.raw
    return 300 + len(key or b"") + len(value or b"") + sum(len(name) + len(content or b"") for name, content in headers)


def _columns(state: State) -> int:
    mask = 9 if len(state.groups) < 64 else 12 + len(state.groups) // 8
    columns = (60 + mask) * len(state.order_ms) + 31 * len(state.seen_ms) + 20 * len(state.closed_sale)
    columns += 9 * len(state.conversions)
    return columns + 42 * len(state.notes) + 21 * count_refund_ids(state)


def _names_at_most(state: State) -> int:
    """More than `_names`, and found without looking at each of them."""
    names = (40 + _NAME_BYTES_MAX) * len(state.criteria) + (60 + _NAME_BYTES_MAX) * len(state.groups)
    if state.referred or state.referrers or state.absorbed:
        names += NAMES_BYTES_MAX
    if not state.closed_days:
        return names
    return names + len(state.closed_days) * (120 + sum(6 + len(name.encode()) for name in state.groups))


def _names(state: State) -> int:
    names = sum(40 + len(name.encode()) for name in state.criteria) + sum(60 + len(name.encode()) for name in state.groups)
    names += names_bytes(state)
    return names + sum(120 + sum(6 + len(name.encode()) for name in row[2]) for row in state.closed_days)

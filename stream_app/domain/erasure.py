"""Forgetting a customer: what is left of him is a mark that drops events from before, and a receipt (domain.md, section 9)."""

from collections.abc import Mapping, Sequence
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.changes import Cause, Outgoing, origin_of
from stream_app.domain.evaluate import advance
from stream_app.domain.events import Event, RelationErased
from stream_app.domain.facts.derived import tell_absorbed, tell_erased
from stream_app.domain.facts.fold import is_duplicate
from stream_app.domain.facts.notes import Mark
from stream_app.domain.facts.state import State, is_customer
from stream_app.domain.ids import Who, identify
from stream_app.domain.policy import Policy
from stream_app.domain.settle import Outcome, settle

ERASURE_COMPLETED = "erasure.completed"
_BIRTHS_MAX: Final = 16

Kept = Mapping[str, int | None]
"""The append-only topics by name, and how long each keeps a record, in ms; None is for ever."""


def erase(
    who: Who, state: State | None, event: Event, policy: Policy, mark: Mark | None, kept: Kept, digests: Sequence[str], outcome: Outcome
) -> Mark | None:
    """Forget a customer by his `customer.erased`: his deadlines up to its time fire, then the receipt is published.

    The caller drops the state, and keeps what is returned in its place.

    Args:
        who: the customer.
        state: what is known of him; None when he is unknown, or known by his `mark` alone.
        event: the `customer.erased`.
        policy: says how long the mark holds.
        mark: what an earlier erasure has left.
        kept: the topics that the receipt lists.
        digests: what stands for him, and for those who were merged into him, where others are told to forget the names.
        outcome: takes what came of it.

    Returns:
        The new mark, or None when nothing is to be done: the event is a duplicate, or an erasure of a later time came before it.
    """
    time_ms = event.time_ms
    earlier = mark if state is None else state.mark
    outcome.timeless = True
    if earlier is not None and time_ms <= earlier[0]:
        outcome.suppressed += 1
        return None
    clock_ms, births = time_ms, [] if earlier is None else earlier[2]
    if state is not None:
        if state.seen_ids and is_duplicate(state, event.name, time_ms, policy):
            outcome.duplicates += 1
            return None
        advance(who, state, time_ms, policy, outcome)
        clock_ms = max(clock_ms, state.clock_ms)
        births = [*births, state.born_ms]
    outcome.timeless = False
    until_ms = clock_ms + policy.suppress_days * DAY_MS
    if state is not None:
        outcome.derived.extend(tell_erased(who, state, time_ms, until_ms, digests))
    outcome.published.append(_receipt(who, state, event, policy, until_ms, kept))
    return time_ms, until_ms, [born_ms for born_ms in births if born_ms > time_ms][-_BIRTHS_MAX:]


def erase_along(
    who: Who, state: State | None, event: Event, data: RelationErased, policy: Policy, mark: Mark | None, outcome: Outcome
) -> Mark | None:
    """Forget one who was merged into a customer who is erased, by the `relation.erased` that says so; he gets no receipt of his own.

    Returns:
        The mark that takes the place of what is left of him, as `erase` does. None when he lives anew: then his state has it.
    """
    assert data.until_ms is not None
    earlier = mark if state is None else state.mark
    erased_ms, until_ms, births = event.time_ms, data.until_ms, [] if earlier is None else earlier[2]
    outcome.timeless = True
    is_left = state is not None and bool(state.merged_into)
    if earlier is not None:
        if erased_ms <= earlier[0] and not is_left:
            return None
        erased_ms, until_ms = max(erased_ms, earlier[0]), max(until_ms, earlier[1])
    if state is not None and is_customer(state):
        state.mark = erased_ms, max(until_ms, state.clock_ms + 1), births
        settle(who, state, policy, Cause("event", event.id), outcome, None, 0)
        return None
    if state is not None:
        births = [*births, state.born_ms]
        outcome.derived.extend(tell_absorbed(who, state, event.time_ms, data.until_ms, data.digest))
    return erased_ms, until_ms, [born_ms for born_ms in births if born_ms > erased_ms][-_BIRTHS_MAX:]


def _receipt(who: Who, state: State | None, event: Event, policy: Policy, until_ms: int, kept: Kept) -> Outgoing:
    time_ms = event.time_ms
    was_known = is_customer(state)
    born_ms, sequence = (state.born_ms, state.sequence) if state is not None and was_known else (time_ms, 0)
    data = {
        "event_id": event.id,
        "erased_at": time_ms,
        "was_known": was_known,
        "suppressed_until_at": until_ms,
        "kept": {
            topic: {"retention_ms": keeps_ms, "until_at": None if keeps_ms is None else time_ms + keeps_ms}
            for topic, keeps_ms in kept.items()
        },
    }
    receipt_id = identify(ERASURE_COMPLETED, who, born_ms, sequence, time_ms)
    return Outgoing("status-changes", ERASURE_COMPLETED, receipt_id, who, time_ms, sequence, origin_of(policy, time_ms), data)

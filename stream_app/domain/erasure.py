"""Forgetting a customer: what is left of him is a mark that drops events from before, and a receipt (domain.md, section 9)."""

from collections.abc import Mapping
from typing import Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.changes import Outgoing, Who, identify, origin_of
from stream_app.domain.evaluate import Outcome, advance
from stream_app.domain.events import Event
from stream_app.domain.facts.derived import tell_erased
from stream_app.domain.facts.fold import is_duplicate
from stream_app.domain.facts.notes import Mark
from stream_app.domain.facts.state import State, is_customer
from stream_app.domain.policy import Policy

ERASURE_COMPLETED = "erasure.completed"
_BIRTHS_MAX: Final = 16

Kept = Mapping[str, int | None]
"""The append-only topics by name, and how long each keeps a record, in ms; None is for ever."""


def erase(
    who: Who, state: State | None, event: Event, policy: Policy, mark: Mark | None, kept: Kept, digest: str, outcome: Outcome
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
        digest: what stands for him where others are told to forget his name.
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
        outcome.derived.extend(tell_erased(who, state, time_ms, digest))
    outcome.timeless = False
    until_ms = clock_ms + policy.suppress_days * DAY_MS
    outcome.published.append(_receipt(who, state, event, policy, until_ms, kept))
    return time_ms, until_ms, [born_ms for born_ms in births if born_ms > time_ms][-_BIRTHS_MAX:]


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

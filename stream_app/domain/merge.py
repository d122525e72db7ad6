"""Merging one customer into another (domain.md, section 2): the one leaves, the other takes in what was known of him.

The subject's partition cannot know what stands in the other's, so he leaves at once, and whoever receives his facts decides. They
are passed on as long as their receiver was himself merged into another. They come back, and the merge is refused after all, from
one who was erased, and from a circle: merges that close one at the same moment bring somebody's facts home to him.
"""

from typing import Final

from stream_app.domain import evaluate
from stream_app.domain.changes import Cause, change, notices
from stream_app.domain.evaluate import arrive, end_waits
from stream_app.domain.events import Code, CustomerFacts, CustomerMerged, Event, Rejected
from stream_app.domain.facts import window
from stream_app.domain.facts.derived import pass_on, send_facts, tell_first_order
from stream_app.domain.facts.fold import Folded, complete, is_duplicate, remember
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.facts.referrals import has_room
from stream_app.domain.facts.state import FOREVER, State, absent, is_customer, new_state
from stream_app.domain.facts.unite import unite
from stream_app.domain.ids import Who
from stream_app.domain.policy import Policy
from stream_app.domain.reactions import react
from stream_app.domain.settle import Outcome, settle
from stream_app.domain.status import Verdict, stand

RECORD_BYTES_MAX: Final = 64 * 1024
"""A `customer.merged` travels along with the facts, for the dead letter that may come of it."""


def refused(detail: str) -> Rejected:
    """What a merge ends as that cannot be."""
    return Rejected(Code.MERGE_REFUSED, f"data.into: {detail}")


def _left_out(count: int) -> Rejected:
    """What a merge says, which is accepted, of orders that cannot stand beside the other's."""
    what = f"{count} of the customer's orders have ids that the other has used, and were left out"
    return Rejected(Code.ORDER_EXISTS, f"data.into: {what}; publish them again under ids of their own")


def apply(
    who: Who, state: State | None, event: Event, raw: Raw, policy: Policy, outcome: Outcome, mark: Mark | None = None
) -> State | None:
    """Apply any event of a customer, as `evaluate.apply` does, one of a merge included.

    The events of one who was merged into another are the other's, and must be brought there by the caller.
    """
    data = event.data
    if type(data) is CustomerMerged:
        return leave(who, state, event, data, raw, policy, outcome, mark)
    if type(data) is CustomerFacts:
        return receive(who, state, event, data, policy, outcome, mark)
    return evaluate.apply(who, state, event, raw, policy, outcome, mark)


def leave(
    who: Who, state: State | None, event: Event, data: CustomerMerged, raw: Raw, policy: Policy, outcome: Outcome, mark: Mark | None
) -> State | None:
    """Apply a `customer.merged`: the customer's statuses end, and his facts are sent on; what is left says where he has gone."""
    known, time_ms = state, event.time_ms
    outcome.timeless = False
    erased = mark if state is None else state.mark
    if erased is not None and time_ms <= erased[0]:
        outcome.suppressed += 1
        outcome.timeless = True
        return known
    if state is None or not is_customer(state):
        state = new_state(time_ms, erased if erased is not None and erased[1] > time_ms else None, known)
        state.policy_version, state.policy_hash = policy.version, policy.hash
    elif is_duplicate(state, event.name, time_ms, policy):
        outcome.duplicates += 1
        outcome.timeless = True
        return known
    arrive(who, state, time_ms, policy, outcome)
    state.high_ms = max(state.high_ms, time_ms)
    outcome.forgotten.extend(["event_id"] * remember(state, event.name, time_ms, policy))
    why = _why_not(who, state, data.into, raw)
    if why:
        outcome.rejected.append((refused(why), raw))
        return known
    state.low_ms = min(state.low_ms, time_ms)
    return _go(who, state, event, data.into, raw, policy, outcome)


def _why_not(who: Who, state: State, into: str, raw: Raw) -> str:
    if into == who.customer_id or into in state.absorbed:
        return "the customer himself, or one who was merged into him; name another"
    if len(raw[4] or b"") + sum(len(content or b"") for _, content in raw[5]) > RECORD_BYTES_MAX:
        return "the event is larger than 64 KiB; leave out what is not needed"
    return ""


def _go(who: Who, state: State, event: Event, into: str, raw: Raw, policy: Policy, outcome: Outcome) -> State:
    verdict = Verdict(stand(state, policy), [None] * 9, [FOREVER] * 9)
    cause, held = Cause("merge", event.id), list(state.values)
    changes = [change(who, state, policy, verdict, d, cause) for d, value in enumerate(state.values) if value is not None]
    outcome.published.extend(changes)
    outcome.published.extend(notices(who, state, policy, verdict))
    if changes:
        outcome.published.extend(react(changes, state, policy, verdict, cause, None, 0))
    state.values = held  # for the case that they come home
    outcome.derived.append(send_facts(who, state, event, into, raw))
    left = State(born_ms=state.born_ms, clock_ms=state.clock_ms, sequence=state.sequence, low_ms=state.low_ms, told=state.told)
    left.came_from, left.changed_at, left.merged_into = list(state.came_from), list(state.changed_at), into
    left.absorbed, left.mark = list(state.absorbed), state.mark
    return left


def receive(
    who: Who, state: State | None, event: Event, data: CustomerFacts, policy: Policy, outcome: Outcome, mark: Mark | None
) -> State | None:
    """Apply a `customer.facts`: unite them with the customer's own, or send them where they belong."""
    outcome.timeless = False
    if state is not None and state.merged_into:
        if who.customer_id == data.customer_id:
            return _come_back(who, state, data, policy, outcome)
        outcome.derived.append(pass_on(event, data, state.merged_into))
        return state
    if who.customer_id == data.customer_id or (state is not None and data.customer_id in state.absorbed):
        outcome.duplicates += 1
        outcome.timeless = True
        return state
    erased = mark if state is None else None if is_customer(state) else state.mark
    if (erased is not None and erased[1] > event.time_ms) or not has_room(state, {data.customer_id, *data.state.absorbed}):
        outcome.derived.append(pass_on(event, data, data.customer_id, refused=True))
        return state
    if state is None or not is_customer(state):
        state = new_state(event.time_ms, None, state)
        state.policy_version, state.policy_hash = policy.version, policy.hash
    _, before = arrive(who, state, event.time_ms, policy, outcome)
    first_ms, mine = state.first_ms, list(state.referrers)
    state.absorbed = sorted({*state.absorbed, *data.state.absorbed, data.customer_id})
    left_out = unite(state, data.state, [who.customer_id, *state.absorbed], policy, outcome.forgotten)
    if left_out:
        outcome.rejected.append((_left_out(left_out), data.raw))
    folded = Folded()
    complete(state, policy, folded)
    outcome.rejected.extend(folded.rejected)
    outcome.forgotten.extend(folded.forgotten)
    end_waits(state, outcome)  # the other's clock may have been behind
    settle(who, state, policy, Cause("merge", data.merge_id), outcome, before, 0)
    theirs = [name for name in data.state.referrers if name in state.referrers]
    outcome.derived.extend(tell_first_order(who, state, event.time_ms, theirs, data.customer_id))
    if state.first_ms != first_ms:
        rest = [name for name in mine if name in state.referrers and name not in theirs]
        outcome.derived.extend(tell_first_order(who, state, event.time_ms, rest))
    return state


def _come_back(who: Who, left: State, data: CustomerFacts, policy: Policy, outcome: Outcome) -> State:
    """The merge is refused after all: the customer goes on where he stood, and who began with it has never been."""
    state = data.state
    why = "he was erased, is being merged into this one, or has too many names already; name another"
    outcome.rejected.append((refused(why), data.raw))
    if not left.sequence and state.low_ms == state.high_ms and not state.order_ids:
        nobody = absent(state.mark)
        nobody.referrers = list(state.referrers)
        return nobody
    state.born_ms, state.sequence, state.told = left.born_ms, left.sequence, max(left.told, state.told)
    held, state.values = state.values, [None] * 9
    state.came_from, state.changed_at = left.came_from, left.changed_at
    state.notice_ms, state.notice_id = None, ""
    if state.policy_hash != policy.hash:  # the version that he has left under is gone
        state.policy_version, state.policy_hash = policy.version, policy.hash
        window.rebuild(state, policy)
    settle(who, state, policy, Cause("merge", data.merge_id), outcome, None, 0, held=held)
    return state

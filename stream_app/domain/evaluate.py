"""The one evaluator: worker, replay and simulator call these functions and nothing else of the rules.

`apply` an event, `advance` to a time, `adopt` a policy. Before an event at time t is applied, all the customer's deadlines
up to t fire, each at its own time; so the changes depend on his own events and on how far time has come, and on nothing else.
"""

from typing import Final

from stream_app.domain.changes import Cause, CauseKind
from stream_app.domain.events import (
    Code,
    CustomerFacts,
    Event,
    OrderPlaced,
    ReferralFirstOrder,
    ReferralKnown,
    Rejected,
    RelationErased,
    RelationForgotten,
)
from stream_app.domain.facts import referrals, window
from stream_app.domain.facts.derived import tell_first_order, tell_referred
from stream_app.domain.facts.fold import fold, is_duplicate, remember
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.facts.orders import order_unknown
from stream_app.domain.facts.state import LIFECYCLE, WINBACK, State, absent, is_customer, new_state
from stream_app.domain.ids import Who
from stream_app.domain.policy import Policy
from stream_app.domain.reactions import Before
from stream_app.domain.settle import Outcome, settle, weigh

_TIME: Final = Cause("time")
_POLICY: Final = Cause("policy")


def unknown_shop() -> Rejected:
    """What an event of a shop without a policy ends as."""
    return Rejected(Code.UNKNOWN_SHOP, "source: no policy for this shop and no default policy; publish one, then this event again")


def apply(
    who: Who, state: State | None, event: Event, raw: Raw, policy: Policy, outcome: Outcome, mark: Mark | None = None
) -> State | None:
    """Apply one of the customer's own events; returns his state, the one given if a refused event would have been his first.

    The policy is the one his state was last evaluated under (see `adopt`); `mark` is what an erasure has left of one without a state.
    """
    time_ms = event.time_ms
    known = state
    outcome.timeless = False
    erased = mark if state is None else state.mark
    if erased is not None and time_ms <= erased[0]:
        outcome.suppressed += 1
        outcome.timeless = True
        return state
    data = event.data
    if type(data) is ReferralKnown or type(data) is ReferralFirstOrder or type(data) is RelationForgotten:
        return _hear(who, state, event, policy, outcome, mark)
    is_new = state is None or not is_customer(state)
    if state is None or is_new:
        state = new_state(time_ms, erased if erased is not None and erased[1] > time_ms else None, known)
        state.policy_version, state.policy_hash = policy.version, policy.hash
    elif state.seen_ids and is_duplicate(state, event.name, time_ms, policy):
        outcome.duplicates += 1
        outcome.timeless = True
        return state
    if type(data) is OrderPlaced and data.currency != policy.currency:
        outcome.rejected.append((_wrong_currency(policy), raw))
        outcome.timeless = True
        if not is_new:
            _remember(state, event, policy, outcome)
        return known
    late, before = arrive(who, state, time_ms, policy, outcome)
    if time_ms > state.high_ms:
        state.high_ms = time_ms
    _remember(state, event, policy, outcome)
    first_ms = state.first_ms
    folded = fold(state, event, raw, policy)
    if folded.rejected or folded.forgotten:
        outcome.rejected.extend(folded.rejected)
        outcome.forgotten.extend(folded.forgotten)
    if folded.refused:
        return known
    if time_ms < state.low_ms:
        state.low_ms = time_ms
    kind: CauseKind = "void" if folded.voids else "late" if late else "event"
    settle(who, state, policy, Cause(kind, event.id), outcome, before, folded.placed)
    if folded.referred or (state.referrers and state.first_ms != first_ms):
        _tell(who, state, time_ms, folded.referred, state.first_ms != first_ms, outcome)
    return state


def _remember(state: State, event: Event, policy: Policy, outcome: Outcome) -> None:
    early = remember(state, event.name, event.time_ms, policy)
    if early:
        outcome.forgotten.extend(["event_id"] * early)


def is_timeless(state: State, event: Event, policy: Policy) -> bool:
    """Whether the event would move no clock of this customer, since nothing would come of it (`apply`)."""
    data, time_ms = event.data, event.time_ms
    if state.mark is not None and time_ms <= state.mark[0]:
        return True
    if type(data) is ReferralFirstOrder:
        return referrals.is_old(state, data)
    if type(data) is CustomerFacts or type(data) is RelationErased:
        return _is_known_merge(state, event, data)
    if type(data) is OrderPlaced and data.currency != policy.currency:
        return True
    return bool(state.seen_ids) and is_duplicate(state, event.name, time_ms, policy)


def _is_known_merge(state: State, event: Event, data: CustomerFacts | RelationErased) -> bool:
    if type(data) is CustomerFacts:
        return data.customer_id == event.customer_id or data.customer_id in state.absorbed
    return type(data) is RelationErased and data.until_ms is not None


def _tell(who: Who, state: State, time_ms: int, referred: str, buys: bool, outcome: Outcome) -> None:
    """Tell whom he has referred; and who has referred him, if his earliest counting order is another one now."""
    if referred:
        outcome.derived.append(tell_referred(who, state, time_ms, referred))
    if buys:
        outcome.derived.extend(tell_first_order(who, state, time_ms, state.referrers))


def arrive(who: Who, state: State, time_ms: int, policy: Policy, outcome: Outcome) -> tuple[bool, Before | None]:
    """Fire the deadlines up to an event's time and move the clock there; whether the event is late, and what he was before it."""
    if state.deadline_ms is not None and state.deadline_ms <= time_ms:
        advance(who, state, time_ms, policy, outcome)
    before = _before(state) if state.values[LIFECYCLE] == "inactive" else None
    if time_ms < state.clock_ms:
        return True, before
    state.clock_ms = time_ms
    window.advance(state, policy)
    return False, before


def _hear(who: Who, state: State | None, event: Event, policy: Policy, outcome: Outcome, mark: Mark | None) -> State | None:
    """Apply what another customer's event means for this one.

    It is an event of his own, but none that he can be born of, and neither his ids nor the times of his events show it: which
    of these events come, and how many, depends on the order in which the other's events came.
    """
    data, time_ms = event.data, event.time_ms
    if state is None or not is_customer(state):
        if type(data) is ReferralKnown:
            state = absent(mark) if state is None else state
            referrals.know(state, data.referrer_id, who.customer_id, outcome.forgotten)
        elif type(data) is RelationForgotten and state is not None:
            referrals.forget(state, data.names)
        return state
    if type(data) is ReferralFirstOrder and referrals.is_old(state, data):
        outcome.duplicates += 1
        outcome.timeless = True
        return state
    late, before = arrive(who, state, time_ms, policy, outcome)
    if type(data) is ReferralKnown:
        referrals.know(state, data.referrer_id, who.customer_id, outcome.forgotten)
        if data.referred_customer_id != who.customer_id:
            outcome.derived.extend(tell_first_order(who, state, time_ms, [data.referrer_id], data.referred_customer_id))
        elif state.counting:
            outcome.derived.extend(tell_first_order(who, state, time_ms, [data.referrer_id]))
    elif type(data) is ReferralFirstOrder:
        referrals.hear(state, who.customer_id, data, outcome.forgotten)
    elif type(data) is RelationForgotten:
        referrals.forget(state, data.names)
    settle(who, state, policy, Cause("late" if late else "event", event.id), outcome, before, 0)
    return state


def _wrong_currency(policy: Policy) -> Rejected:
    return Rejected(Code.CURRENCY_MISMATCH, f"data.currency: the shop's policy says {policy.currency}; convert the amounts")


def _before(state: State) -> Before:
    return Before(max(state.last_ms), max(state.until_ms), state.values[WINBACK])


def advance(who: Who, state: State, until_ms: int, policy: Policy, outcome: Outcome) -> None:
    """Fire all the customer's deadlines up to and including `until_ms`, in time order."""
    while state.deadline_ms is not None and state.deadline_ms <= until_ms:
        fire(who, state, policy, outcome)


def fire(who: Who, state: State, policy: Policy, outcome: Outcome) -> None:
    """Fire the customer's next deadline, at its own time."""
    deadline_ms = state.deadline_ms
    assert deadline_ms is not None
    assert deadline_ms >= state.clock_ms
    state.clock_ms = deadline_ms
    window.advance(state, policy)
    end_waits(state, outcome)
    outcome.deadlines += 1
    if policy.pareto is not None:
        weigh(state, policy, policy.pareto, outcome)
    settle(who, state, policy, _TIME, outcome, None, 0)


def reach(state: State, time_ms: int, policy: Policy) -> None:
    """Bring the measures to `time_ms` when all deadlines up to then have fired: no status changes, but the window rolls."""
    assert state.deadline_ms is None or state.deadline_ms > time_ms
    if time_ms > state.clock_ms and is_customer(state):
        state.clock_ms = time_ms
        window.advance(state, policy)


def adopt(who: Who, state: State, old: Policy, new: Policy, from_ms: int, outcome: Outcome) -> None:
    """Bring a new policy version into effect at max(clock, `from_ms`); deadlines before it fire under the old one.

    Cut-offs are the shop's own policy with what was found at `from_ms`: what is due at that moment is due before them.
    """
    is_cut = old.document_hash == new.document_hash
    while state.deadline_ms is not None and state.deadline_ms < from_ms + is_cut:
        fire(who, state, old, outcome)
    moves, state.clock_ms = state.clock_ms < from_ms, max(state.clock_ms, from_ms)
    state.policy_version, state.policy_hash = new.version, new.hash
    window.rebuild(state, new)
    end_waits(state, outcome)
    if new.pareto is not None and moves and not is_cut:
        weigh(state, new, new.pareto, outcome)
    settle(who, state, new, _POLICY, outcome, None, 0)


def end_waits(state: State, outcome: Outcome) -> None:
    """What has waited for its order in vain by the clock becomes a dead letter; a mark whose time has come is gone."""
    clock_ms = state.clock_ms
    if state.waiting:
        ended = [waiting for waiting in state.waiting if waiting.expires_ms <= clock_ms]
        outcome.rejected.extend((order_unknown(), waiting.raw) for waiting in ended)
        if ended:
            state.waiting = [waiting for waiting in state.waiting if waiting.expires_ms > clock_ms]
            state.waiting_bytes = -1
    if state.mark is not None and state.mark[1] <= clock_ms:
        state.mark = None

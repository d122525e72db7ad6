"""One event into the facts. What an event cannot do to the facts is a `Rejected`, never an exception."""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, Final

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.events import (
    CHANNELS,
    Code,
    ContactMade,
    ContactResponded,
    CustomerErased,
    Event,
    FeedbackGiven,
    InterestShown,
    LeadIdentified,
    LeadRuledOut,
    OrderCancelled,
    OrderPlaced,
    OrderRefunded,
    PaymentReceived,
    PreferenceSet,
    ProfileAssessed,
    ReferralMade,
    Rejected,
    compact,
)
from stream_app.domain.facts import bounds, contacts, index, orders, referrals
from stream_app.domain.facts.notes import Raw, Waiting
from stream_app.domain.facts.state import NEVER, State
from stream_app.domain.policy import Policy

CRITERIA_MAX: Final = 100
_CHANNEL_KIND: Final = {channel: 2 * i for i, channel in enumerate(CHANNELS)}


class Folded:
    """What came of folding one event.

    `rejected`: the event itself, or waiting ones it brought to an end. `voids`: a cancel or refund took effect, or began to wait.
    `placed`: the product groups of the order it placed. `referred`: whom it made a referral of, if he must be told.
    `forgotten`: what the bounds of the state made us forget early.
    """

    def __init__(self) -> None:
        self.rejected: list[tuple[Rejected, Raw]] = []
        self.refused = False
        self.voids = False
        self.placed = 0
        self.referred = ""
        self.forgotten: list[str] = []


def is_duplicate(state: State, name: str, time_ms: int, policy: Policy) -> bool:
    """Whether an event of this name was folded, and its time is still within the dedup horizon."""
    known_ms = index.seen_ms(state, name)
    return known_ms is not None and known_ms >= max(state.high_ms, time_ms) - policy.dedup_days * DAY_MS


def remember(state: State, name: str, time_ms: int, policy: Policy) -> int:
    """Note the name, forget those behind the horizon; returns how many the limit made us forget early. `high_ms` is set already."""
    times = state.seen_ms
    border = state.high_ms - policy.dedup_days * DAY_MS
    if time_ms >= border:
        index.see(state, name, time_ms)
    if times and times[0] < border:
        index.forget_seen(state, bisect_left(times, border))
    early = len(times) - policy.dedup_events
    if early <= 0:
        return 0
    index.forget_seen(state, early)
    return early


def fold(state: State, event: Event, raw: Raw, policy: Policy) -> Folded:
    """Put `event` into the facts. Clock, window and duplicates have been seen to."""
    folded = Folded()
    data = event.data
    orders.close(state, policy)
    if type(data) is OrderPlaced:
        _order_placed(state, event, data, raw, policy, folded)
    elif type(data) is OrderCancelled:
        _about_order(state, Waiting(data.order_id, 0, event.type, "", 0, 0, raw), policy, folded)
    elif type(data) is OrderRefunded:
        _about_order(state, Waiting(data.order_id, 0, event.type, data.refund_id, data.amount_minor, 0, raw), policy, folded)
    elif type(data) is PaymentReceived:
        late_days = max(0, (event.time_ms - data.due_ms) // DAY_MS)
        _about_order(state, Waiting(data.order_id, 0, event.type, "", 0, late_days, raw), policy, folded)
    elif type(data) is ReferralMade:
        if referrals.make(state, event.customer_id, data.referred_customer_id, event.time_ms, folded.forgotten):
            folded.referred = data.referred_customer_id
    else:
        rejected = _RULES[type(data)](state, event, data, policy) if type(data) in _RULES else None
        if rejected is not None:
            folded.rejected.append((rejected, raw))
            folded.refused = True
    bounds.keep(state, policy, folded.rejected, folded.forgotten)
    return folded


def _order_placed(state: State, event: Event, data: OrderPlaced, raw: Raw, policy: Policy, folded: Folded) -> None:
    placed = orders.place(state, event.time_ms, data, policy)
    if isinstance(placed, Rejected):
        folded.rejected.append((placed, raw))
        folded.refused = True
        return
    folded.placed = placed
    if state.waiting:
        order_id = compact(data.order_id)
        mine = [waiting for waiting in state.waiting if waiting.order_id == order_id]
        if mine:
            state.waiting = [waiting for waiting in state.waiting if waiting.order_id != order_id]
            state.waiting_bytes = -1
        folded.voids = any(waiting.kind != "payment.received" for waiting in mine)
        for waiting in mine:
            _apply_to_order(state, waiting, policy, folded)
    early = orders.close(state, policy)
    if early:
        folded.forgotten.extend(["order"] * early)


def _about_order(state: State, item: Waiting, policy: Policy, folded: Folded) -> None:
    """A cancel, refund or payment: apply it, or let it wait for its order."""
    item.order_id = compact(item.order_id)
    folded.voids = item.kind != "payment.received"
    if index.find_order(state, item.order_id) >= 0:
        _apply_to_order(state, item, policy, folded)
        folded.refused = bool(folded.rejected)
        return
    if not policy.pending_days:
        folded.rejected.append((orders.order_unknown(), item.raw))
        folded.refused = True
        return
    item.expires_ms = state.clock_ms + policy.pending_days * DAY_MS
    state.waiting.append(item)
    if state.waiting_bytes >= 0:
        state.waiting_bytes += bounds.size(item)


def complete(state: State, policy: Policy, folded: Folded) -> None:
    """After two customers' facts were united: apply what has waited for orders that are there now, in the order in which it came."""
    waiting, state.waiting = state.waiting, []
    state.waiting_bytes = -1
    for item in waiting:
        if index.find_order(state, item.order_id) >= 0:
            _apply_to_order(state, item, policy, folded)
        else:
            state.waiting.append(item)
    keep_criteria(state)
    bounds.keep(state, policy, folded.rejected, folded.forgotten)


def _apply_to_order(state: State, item: Waiting, policy: Policy, folded: Folded) -> None:
    i = index.find_order(state, item.order_id)
    assert i >= 0  # the caller has just found or placed it
    if item.kind == "order.cancelled":
        orders.cancel(state, i, policy)
    elif item.kind == "order.refunded":
        rejected = orders.refund(state, i, item.refund_id, item.amount_minor, policy)
        if rejected is not None:
            folded.rejected.append((rejected, item.raw))
    else:
        orders.pay(state, i, item.late_days, policy)


def _contact_made(state: State, event: Event, data: ContactMade, policy: Policy) -> None:
    state.related = True
    if event.time_ms > state.touched_ms:
        state.touched_ms = event.time_ms
    kind = _CHANNEL_KIND[data.channel] + (data.direction == "inbound")
    contacts.put(state, policy, event.time_ms, kind, data.cost_minor)


def _contact_responded(state: State, event: Event, data: ContactResponded, policy: Policy) -> None:  # noqa: ARG001
    state.related = True
    if event.time_ms > state.touched_ms:
        state.touched_ms = event.time_ms
    if data.outcome == "unsubscribed":
        known = state.unsubscribed.get(data.channel, (NEVER, ""))
        state.unsubscribed[data.channel] = max(known, (event.time_ms, event.id))
    elif data.outcome == "positive" and data.campaign_id is not None:
        mine = (event.time_ms, event.id, data.campaign_id)
        if state.answered is None or mine[:2] > state.answered[:2]:
            state.answered = mine


def _interest_shown(state: State, event: Event, data: InterestShown, policy: Policy) -> None:  # noqa: ARG001
    state.related = True


def _preference_set(state: State, event: Event, data: PreferenceSet, policy: Policy) -> None:  # noqa: ARG001
    mine: tuple[int, str, str | None, list[str]]
    mine = (event.time_ms, event.id, data.preferred_channel, sorted({str(c) for c in data.closed_channels}))
    if state.preference is None or mine[:2] > state.preference[:2]:
        state.preference = mine


def _lead(state: State, event: Event, data: LeadIdentified | LeadRuledOut, policy: Policy) -> None:  # noqa: ARG001
    mine = (event.time_ms, event.id, isinstance(data, LeadRuledOut))
    if state.lead is None or mine[:2] > state.lead[:2]:
        state.lead = mine


def _feedback_given(state: State, event: Event, data: FeedbackGiven, policy: Policy) -> None:
    if data.accepted:
        contacts.put(state, policy, event.time_ms, contacts.FEEDBACK_KIND, None)


def _profile_assessed(state: State, event: Event, data: ProfileAssessed, policy: Policy) -> None:  # noqa: ARG001
    for name, value in data.criteria.items():
        mine = (event.time_ms, event.id, value)
        if name not in state.criteria or mine[:2] > state.criteria[name][:2]:
            state.criteria[name] = mine
    keep_criteria(state)


def keep_criteria(state: State) -> None:
    """Keep the newest ones, if there are too many."""
    if len(state.criteria) > CRITERIA_MAX:
        newest: list[tuple[tuple[int, str, int], str]] = []
        for name, known in state.criteria.items():
            insort(newest, (known, name))
        state.criteria = {name: known for known, name in newest[-CRITERIA_MAX:]}


def _erasure_refused(state: State, event: Event, data: CustomerErased, policy: Policy) -> Rejected:  # noqa: ARG001
    return Rejected(Code.ERASURE_KEY_MISSING, "type: this worker has no erasure key; keep the event and publish it again later")


_RULES: Final[dict[type, Callable[[State, Event, Any, Policy], Rejected | None]]] = {
    ContactMade: _contact_made,
    ContactResponded: _contact_responded,
    InterestShown: _interest_shown,
    PreferenceSet: _preference_set,
    LeadIdentified: _lead,
    LeadRuledOut: _lead,
    FeedbackGiven: _feedback_given,
    ProfileAssessed: _profile_assessed,
    CustomerErased: _erasure_refused,
}


def closed_channels(state: State) -> set[str]:
    """Channels the customer does not want: the latest preference's, and those unsubscribed from after it."""
    since = state.preference[:2] if state.preference else (NEVER, "")
    closed = set(state.preference[3]) if state.preference else set()
    for channel, at in state.unsubscribed.items():
        if at > since:
            closed.add(channel)
    return closed

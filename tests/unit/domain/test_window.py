"""The running sums say what a walk over all orders would say."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.state import decode_state, encode_state
from stream_app.domain import evaluate
from stream_app.domain.events import CHANNELS, Event
from stream_app.domain.facts import window
from stream_app.domain.policy import Cap, ContactRule, ContactRules, Opportunity
from stream_app.domain.settle import Outcome
from tests.builders import DAY, RAW, WHO, event, order, policy

ORDER_IDS = [f"o-{n}" for n in range(8)]
MOMENTS = st.integers(0, 60 * 24).map(lambda hours: 1_700_000_000_000 + hours * DAY // 24)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event that touches the sums, ids reused on purpose."""
    time_ms, number = draw(MOMENTS), draw(st.integers(0, 10_000))
    order_id = draw(st.sampled_from(ORDER_IDS))
    kind = draw(st.sampled_from(["order", "order", "order", "cancel", "refund", "pay", "contact", "feedback"]))
    event_id = f"{kind}-{number}"
    if kind == "order":
        categories = tuple(draw(st.lists(st.sampled_from(["red wine", "sneakers", "hat", None]), max_size=3)))
        placed = order(time_ms, order_id, draw(st.integers(0, 9_000)), categories, cost_minor=draw(st.none() | st.integers(0, 5_000)))
        placed.id = placed.name = event_id
        return placed
    if kind == "cancel":
        return event("order.cancelled", time_ms, event_id, order_id=order_id)
    if kind == "refund":
        refund = {"refund_id": f"r-{number % 5}", "amount_minor": draw(st.integers(1, 6_000))}
        return event("order.refunded", time_ms, event_id, order_id=order_id, **refund)
    if kind == "pay":
        return event("payment.received", time_ms, event_id, order_id=order_id, due_ms=draw(MOMENTS), amount_minor=1)
    if kind == "contact":
        cost = draw(st.none() | st.integers(0, 900))
        return event("contact.made", time_ms, event_id, channel=draw(st.sampled_from(CHANNELS)), direction="outbound", cost_minor=cost)
    return event("feedback.given", time_ms, event_id, kind="idea", accepted=draw(st.booleans()))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(events(), max_size=40),
    st.sampled_from([2, 3, 2000]),
    st.sampled_from([7, 20]),
    st.sampled_from([None, 1, 5, 14]),
    st.sampled_from([5, 30]),
)
def test_the_sums_equal_a_fresh_computation_after_every_event(
    history: list[Event], ledger_orders: int, window_days: int, growth_days: int | None, cap_days: int
) -> None:
    rules = policy(
        window_days=window_days,
        ledger_days=max(window_days, 2 * (growth_days or 0)) + 2,
        ledger_orders=ledger_orders,
        pending_days=3,
        contact=ContactRules({}, ContactRule((Cap(None, 2, cap_days), Cap("email", 1, 3)), 9, 5)),
        opportunity=growth_days and Opportunity(150, growth_days),
    )
    state = None
    for happened in history:
        state = evaluate.apply(WHO, state, happened, RAW, rules, Outcome())
        if state is None:
            continue
        fresh = copy.deepcopy(state)
        window.rebuild(fresh, rules)
        assert state == fresh
        assert decode_state(encode_state(state)) == state

"""The measures of a customer (domain.md, 3.4): each a lookup in the running sums, none a walk over the orders.

Money in minor units, `_pct` whole percentages, `_days` differences of local days. A zero denominator gives 0.
"""

from collections.abc import Callable
from math import floor
from typing import Final

from stream_app.domain.facts import window
from stream_app.domain.facts.referrals import conversions_in_window
from stream_app.domain.facts.state import FOREVER, NEVER, State
from stream_app.domain.model import future_value
from stream_app.domain.policy import PRODUCT_GROUPS, RECENCY_DAYS, VALUE_NOW, Alive, Policy
from stream_app.domain.rhythm import expected_days, p_alive


class Standing:
    """Where a customer stands at his clock: what the measures need besides the facts.

    `leading` is the index of the product group that sets `inactive_at_ms`; -1 without a counting order. What several rules ask for
    is computed once, when the first of them does.
    """

    def __init__(self, today: int, active: bool, leading: int, inactive_at_ms: int) -> None:
        self.today = today
        self.active = active
        self.leading = leading
        self.inactive_at_ms = inactive_at_ms
        self.leaves_ms = NEVER  # not asked for yet
        self.future = 0
        self.knows_future = False


Measure = Callable[[State, Policy, Standing], int | None]


def _sum(index: int) -> Measure:
    return lambda state, _policy, _at: state.sums[index]


def _ratio(numerator: int, denominator: int) -> int:
    return numerator // denominator if denominator else 0


def _average_order(state: State, _policy: Policy, _at: Standing) -> int:
    return _ratio(state.sums[window.REVENUE], state.sums[window.ORDERS])


def leave_ms(state: State, policy: Policy, at: Standing) -> int:
    """When the next day leaves the window of measures, or a conversion enters it; `FOREVER` when nothing can."""
    if at.leaves_ms == NEVER:
        moment = window.next_leave_ms(state, policy)
        at.leaves_ms = FOREVER if moment is None else moment
    return at.leaves_ms


def _product_groups(state: State, _policy: Policy, _at: Standing) -> int:
    found = 0
    for count in state.in_window:
        if count:
            found += 1
    return found


def _refund_pct(state: State, _policy: Policy, _at: Standing) -> int:
    return _ratio(state.sums[window.REFUNDED] * 100, state.sums[window.ALL_TOTALS])


def _discount_pct(state: State, _policy: Policy, _at: Standing) -> int:
    discounts = state.sums[window.DISCOUNTS]
    return _ratio(discounts * 100, state.sums[window.TOTALS] + discounts)


def _late_days_average(state: State, _policy: Policy, _at: Standing) -> int:
    return _ratio(state.sums[window.LATE_DAYS], state.sums[window.PAID])


def _cost_to_serve(state: State, policy: Policy, _at: Standing) -> int:
    return state.contact_cost + state.sums[window.REFUNDS] * policy.refund_cost + state.sums[window.LATE_COST]


def value_now(state: State, policy: Policy, at: Standing) -> int:
    """Margin of the window minus the cost to serve."""
    return state.sums[window.MARGIN] - _cost_to_serve(state, policy, at)


def _referrals(state: State, policy: Policy, at: Standing) -> int:
    return conversions_in_window(state, policy, at.today) if state.conversions else 0


def value_strategic(state: State, policy: Policy, at: Standing) -> int:
    """What he brings besides his orders: referrals and accepted feedback."""
    return _referrals(state, policy, at) * policy.referral_price + state.feedback * policy.feedback_price


def value_future(state: State, policy: Policy, at: Standing) -> int:
    """Margin expected over the horizon: by the leading group's model if it has one, else if the rhythm goes on; then 0 unless active."""
    if not at.knows_future:
        at.future, at.knows_future = _expect(state, policy, at), True
    return at.future


def _expect(state: State, policy: Policy, at: Standing) -> int:
    model = value_model(state, policy, at)
    if model is not None:
        return modelled_value(state, policy, at, model, at.today)
    occasions = state.sums[window.OCCASIONS]
    if not at.active or not occasions:
        return 0
    return state.sums[window.MARGIN] * policy.horizon_days // (occasions * max(1, leading_expected_days(state, policy, at)))


def value_model(state: State, policy: Policy, at: Standing) -> Alive | None:
    """The leading group's probability model, if its policy has one for the margin too."""
    if not policy.models_value or at.leading < 0:
        return None
    rhythm = policy.rhythms.get(state.groups[at.leading], policy.default_rhythm)
    return rhythm if type(rhythm) is Alive and rhythm.gamma_gamma is not None else None


def modelled_value(state: State, policy: Policy, at: Standing, model: Alive, day: int) -> int:
    """What `model` expects at the start of local day `day`, which may lie ahead: it moves toward 0 from day to day."""
    silent_ms = max(0, policy.calendar.start(day) - state.last_ms[at.leading])
    n, span = state.occasions[at.leading] - 1, leading_span(state, policy, at)
    sums = state.sums
    return future_value(model, n, span, silent_ms, policy.horizon_days, sums[window.OCCASIONS], sums[window.MARGIN])


def leading_expected_days(state: State, policy: Policy, at: Standing) -> int:
    """Days between two purchases expected in the leading group."""
    g = at.leading
    rhythm = policy.rhythms.get(state.groups[g], policy.default_rhythm)
    return expected_days(rhythm, state.occasions[g] - 1, leading_span(state, policy, at))


def leading_span(state: State, policy: Policy, at: Standing) -> int:
    """Local days from the first to the last occasion in the leading group."""
    return max(0, policy.calendar.day(state.last_ms[at.leading]) - state.first_day[at.leading])


def value_total(state: State, policy: Policy, at: Standing) -> int:
    """What the customer is worth: now, in future, and besides his orders."""
    return value_now(state, policy, at) + value_future(state, policy, at) + value_strategic(state, policy, at)


def _recency_days(state: State, policy: Policy, at: Standing) -> int | None:
    return at.today - policy.calendar.day(last_order_ms(state)) if state.counting else None


def last_order_ms(state: State) -> int:
    """The time of the latest counting order; `NEVER` without one."""
    last = NEVER
    for ordered_ms in state.last_ms:
        if ordered_ms > last:
            last = ordered_ms
    return last


def _tenure_days(state: State, policy: Policy, at: Standing) -> int | None:
    return at.today - policy.calendar.day(state.first_ms) if state.counting else None


def strategic(state: State, _policy: Policy, _at: Standing) -> int:
    """The mean of the assessed criteria; 0 without any."""
    if not state.criteria:
        return 0
    return _ratio(sum(value for _, _, value in state.criteria.values()), len(state.criteria))


def _p_alive_pct(state: State, policy: Policy, at: Standing) -> int | None:
    return p_alive_pct_at(state, policy, at, state.clock_ms)


def p_alive_pct_at(state: State, policy: Policy, at: Standing, time_ms: int) -> int | None:
    """The leading group's probability of being alive at `time_ms`, floored to a percentage; None unless its method is `alive`."""
    if at.leading < 0:
        return None
    rhythm = policy.rhythms.get(state.groups[at.leading], policy.default_rhythm)
    if not isinstance(rhythm, Alive):
        return None
    n, silent_ms = state.occasions[at.leading] - 1, time_ms - state.last_ms[at.leading]
    return floor(p_alive(rhythm, n, leading_span(state, policy, at), silent_ms, 100))


MEASURES: Final[dict[str, Measure]] = {
    "revenue": _sum(window.REVENUE),
    "orders": _sum(window.ORDERS),
    "occasions": _sum(window.OCCASIONS),
    "average_order": _average_order,
    "product_groups": _product_groups,
    "margin": _sum(window.MARGIN),
    "refund_pct": _refund_pct,
    "discount_pct": _discount_pct,
    "late_days_average": _late_days_average,
    "contacts": lambda state, _policy, _at: state.contacts,
    "contact_cost": lambda state, _policy, _at: state.contact_cost,
    "cost_to_serve": _cost_to_serve,
    "value_now": value_now,
    "referrals": _referrals,
    "feedback": lambda state, _policy, _at: state.feedback,
    "value_strategic": value_strategic,
    "value_future": value_future,
    "value_total": value_total,
    "recency_days": _recency_days,
    "tenure_days": _tenure_days,
    "strategic": strategic,
    "p_alive_pct": _p_alive_pct,
}


def measure(name: str, state: State, policy: Policy, at: Standing) -> int | None:
    """The value of a measure by name, `criteria.<name>` included; None where it does not apply.

    A policy's names are checked when it is read, so that an unknown one does not come here.
    """
    rule = MEASURES.get(name)
    if rule is not None:
        return rule(state, policy, at)
    known = state.criteria.get(name.removeprefix("criteria."))
    return None if known is None else known[2]


def reading(number: int, name: str, state: State, policy: Policy, at: Standing) -> int:
    """As `measure`, at a load's cost for those that have a number; `NEVER`, which lies below every threshold, where it does not apply."""
    if number < VALUE_NOW:
        return state.sums[number]
    if number == VALUE_NOW:
        return value_now(state, policy, at)
    if number == PRODUCT_GROUPS:
        return _product_groups(state, policy, at)
    if number == RECENCY_DAYS:
        return at.today - policy.calendar.day(last_order_ms(state)) if state.counting else NEVER
    value = measure(name, state, policy, at)
    return NEVER if value is None else value


def all_measures(state: State, policy: Policy, at: Standing) -> dict[str, int | None]:
    """Every measure, in the order of domain.md, and the assessed criteria by name."""
    sums, now, strategic_value = state.sums, value_now(state, policy, at), value_strategic(state, policy, at)
    future = value_future(state, policy, at)
    # Written out, because going through `MEASURES` costs four times as much; a test compares the two.
    values: dict[str, int | None] = {
        "revenue": sums[window.REVENUE],
        "orders": sums[window.ORDERS],
        "occasions": sums[window.OCCASIONS],
        "average_order": _average_order(state, policy, at),
        "product_groups": _product_groups(state, policy, at),
        "margin": sums[window.MARGIN],
        "refund_pct": _refund_pct(state, policy, at),
        "discount_pct": _discount_pct(state, policy, at),
        "late_days_average": _late_days_average(state, policy, at),
        "contacts": state.contacts,
        "contact_cost": state.contact_cost,
        "cost_to_serve": sums[window.MARGIN] - now,
        "value_now": now,
        "referrals": _referrals(state, policy, at),
        "feedback": state.feedback,
        "value_strategic": strategic_value,
        "value_future": future,
        "value_total": now + future + strategic_value,
        "recency_days": _recency_days(state, policy, at),
        "tenure_days": _tenure_days(state, policy, at),
        "strategic": strategic(state, policy, at),
        "p_alive_pct": _p_alive_pct(state, policy, at),
    }
    for name in sorted(state.criteria):
        values[f"criteria.{name}"] = state.criteria[name][2]
    return values

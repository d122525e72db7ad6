"""Each measure by its own rule, one case a row (domain.md, section 3.4); the margin and the models have tables of their own."""

import pytest

from stream_app.domain.events import Event, ReferralFirstOrder
from stream_app.domain.policy import Fixed
from tests.builders import Life, at, cancel, contact, event, order, payment, policy, refund

RULES = policy(default_rhythm=Fixed(900), rhythms={}, horizon_days=90, annual_rate_pct=10)
"""Active all the time; a margin of 400 an occasion promises 400 * 90 // 900 = 40."""

Row = tuple[str, list[Event], float, int | None]


def feedback(day: float, accepted: bool = True) -> Event:
    return event("feedback.given", at(day), f"f-{day}", kind="idea", accepted=accepted)


def assessed(day: float, **criteria: int) -> Event:
    return event("profile.assessed", at(day), f"a-{day}", criteria=criteria)


def refers(day: float, other: str = "b") -> Event:
    return event("referral.made", at(day), f"m-{other}-{day}", referred_customer_id=other)


def told(day: float, first: float | None, other: str = "b") -> Event:
    """What the referred customer tells on a day about his earliest counting order; a later word has a larger number."""
    said = ReferralFirstOrder(other, None if first is None else at(first), number=round(day * 10))
    return Event("referral.first_order", f"t-{other}-{day}", "acme", "c-1", at(day), said)


ORDERS = [order(at(0.5), "o-1", 1_000), order(at(0.9), "o-2", 500), order(at(10), "o-3", 501)]
REVENUE: dict[str, list[Row]] = {
    "revenue": [
        ("of nothing", [contact(at(0))], 0, 0),
        ("a sum", ORDERS, 10, 2_001),
        ("of nets", [*ORDERS, refund(at(11), 301)], 11, 1_700),
        ("without the cancelled", [*ORDERS, cancel(at(11))], 11, 1_001),
        ("on the window's last day", ORDERS, 364.9, 2_001),
        ("after it", ORDERS, 365, 501),
        ("after all", ORDERS, 375, 0),
    ],
    "orders": [("counting ones", ORDERS, 10, 3), ("not voided ones", [*ORDERS, cancel(at(11))], 11, 2), ("of the window", ORDERS, 365, 1)],
    "occasions": [
        ("two on a day are one", ORDERS[:2], 1, 1),
        ("two days", ORDERS, 10, 2),
        ("around midnight", [order(at(1) - 1), order(at(1), "o-2")], 1, 2),
        ("one of the day's two is cancelled", [*ORDERS, cancel(at(11))], 11, 2),
        ("both are", [*ORDERS, cancel(at(11)), cancel(at(11), "o-2")], 11, 1),
    ],
    "average_order": [
        ("without an order", [contact(at(0))], 0, 0),
        ("floored", ORDERS[1:], 10, 500),
        ("of those in the window", ORDERS, 365, 501),
    ],
    "product_groups": [
        ("none", [contact(at(0))], 0, 0),
        ("default is one", ORDERS, 10, 1),
        ("two", [order(at(0), categories=("red wine", "belts"))], 0, 2),
        ("one in two orders", [order(at(0), categories=("belts",)), order(at(1), "o-2", 1, ("belts",))], 1, 1),
        ("none in the window", [order(at(0), categories=("belts",))], 365, 0),
    ],
    "refund_pct": [
        ("no order", [contact(at(0))], 0, 0),
        ("a part, floored", [*ORDERS, refund(at(11), 301)], 11, 15),
        ("at most its total", [*ORDERS[:2], refund(at(11), 9_999)], 11, 66),
        ("a cancelled order counts nowhere", [*ORDERS[:2], refund(at(11), 100, "o-2"), cancel(at(12))], 12, 20),
        ("a cancelled order's refund, too", [*ORDERS[:2], refund(at(11), 100), cancel(at(12))], 12, 0),
        ("totals of nothing", [order(at(0), total=0), refund(at(1), 5)], 1, 0),
    ],
    "discount_pct": [
        ("none", ORDERS, 10, 0),
        ("of what it would have been", [order(at(0), total=900, discount_minor=100)], 0, 10),
        ("floored", [order(at(0), total=901, discount_minor=100)], 0, 9),
        ("all", [order(at(0), total=0, discount_minor=100)], 0, 100),
        ("nothing of nothing", [order(at(0), total=0)], 0, 0),
        ("of a cancelled order", [order(at(0), total=900, discount_minor=100), cancel(at(1))], 1, 0),
        ("of a fully refunded order", [order(at(0), total=900, discount_minor=100), refund(at(1), 900)], 1, 0),
    ],
}
LATE = [order(at(0), total=36_500), payment(at(10), at(0))]
VALUE: dict[str, list[Row]] = {
    "cost_to_serve": [
        ("nothing", ORDERS, 10, 0),
        ("contacts", [contact(at(0), "phone"), contact(at(1), "email", "inbound")], 1, 605),
        ("each refund", [*ORDERS, refund(at(11), 1), refund(at(11), 1, refund_id="r-2")], 11, 1_000),
        ("refunds of a fully refunded order", [order(at(0)), refund(at(1), 1_000)], 1, 500),
        ("not of a cancelled one", [order(at(0)), refund(at(1), 1), cancel(at(2))], 2, 0),
        ("interest", LATE, 10, 100),
        ("interest on the net", [*LATE, refund(at(11), 18_250)], 11, 500 + 50),
        ("no interest on a voided order", [*LATE, cancel(at(11))], 11, 0),
        ("a refund lies where its order lies", [order(at(0)), refund(at(300), 1)], 365, 0),
        ("so does interest", [order(at(0), total=36_500), payment(at(300), at(0))], 365, 0),
    ],
    "value_now": [
        ("the margin", ORDERS, 10, 800),
        ("less the cost to serve", [*ORDERS, contact(at(11), "phone")], 11, 200),
        ("below nothing", [contact(at(0), "visit")], 0, -12_000),
    ],
    "referrals": [
        ("not converted", [refers(0)], 0, 0),
        ("of one who has not bought", [refers(0), told(1, None)], 1, 0),
        ("bought later", [refers(0), told(5, 5)], 5, 1),
        ("bought at that moment", [refers(0), told(0.1, 0)], 0.1, 1),
        ("bought before", [refers(1), told(5, 0.9)], 5, 0),
        ("voided since", [refers(0), told(5, 5), told(6, None)], 6, 0),
        ("two", [refers(0), told(5, 5), refers(0, "c"), told(6, 6, "c")], 6, 2),
        ("in the window by the order", [refers(0), told(300, 300)], 664.9, 1),
        ("out of it by the order", [refers(0), told(300, 300)], 665, 0),
    ],
    "feedback": [
        ("accepted", [feedback(0), feedback(1)], 1, 2),
        ("not accepted", [feedback(0, accepted=False)], 0, 0),
        ("out of the window", [feedback(0.5), feedback(1)], 365, 1),
    ],
    "value_strategic": [
        ("a referral", [refers(0), told(5, 5)], 5, 2_500),
        ("feedback", [feedback(0)], 0, 500),
        ("both", [refers(0), told(5, 5), feedback(5)], 5, 3_000),
        ("criteria have no price", [assessed(0, fit=100)], 0, 0),
    ],
    "value_future": [
        ("at the rhythm", [order(at(0))], 0, 40),
        ("until inactive", [order(at(0))], 364.9, 40),
        ("no occasion in the window", [order(at(0))], 365, 0),
        ("never bought", [contact(at(0))], 0, 0),
    ],
    "value_total": [
        ("of nothing", [feedback(0, accepted=False)], 0, 0),
        ("now and future", [order(at(0))], 0, 440),
        ("and strategic", [order(at(0)), feedback(0)], 0, 940),
        ("less what it costs", [order(at(0)), feedback(0), contact(at(0), "phone")], 0, 340),
    ],
}
HISTORY: dict[str, list[Row]] = {
    "recency_days": [
        ("never bought", [contact(at(0))], 5, None),
        ("on the day", [order(at(0.1))], 0.9, 0),
        ("over midnight", [order(at(0.9))], 1, 1),
        ("since the last", ORDERS, 12, 2),
        ("the last is cancelled", [*ORDERS, cancel(at(12), "o-3")], 12, 12),
        ("all are", [order(at(0)), cancel(at(1))], 1, None),
        ("outside the window, too", [order(at(0))], 800, 800),
    ],
    "tenure_days": [
        ("never bought", [contact(at(0))], 5, None),
        ("on the day", [order(at(0.1))], 0.9, 0),
        ("since the first", ORDERS, 12, 12),
        ("the first is cancelled", [order(at(0)), order(at(5), "o-2"), cancel(at(6))], 6, 1),
        ("an earlier one comes late", [order(at(5)), order(at(0), "o-2")], 6, 6),
        ("outside the window, too", [order(at(0))], 800, 800),
    ],
    "criteria.fit": [
        ("not assessed", [assessed(0, reach=9)], 0, None),
        ("assessed", [assessed(0, fit=9)], 0, 9),
        ("at nothing", [assessed(0, fit=0)], 0, 0),
        ("the latest", [assessed(0, fit=9), assessed(1, fit=3)], 1, 3),
        ("by its time, not its arrival", [assessed(1, fit=3), assessed(0, fit=9)], 1, 3),
        ("an assessment of others leaves it", [assessed(0, fit=9), assessed(1, reach=3)], 1, 9),
        ("outside the window, too", [assessed(0, fit=9)], 800, 9),
    ],
    "strategic": [
        ("not assessed", [contact(at(0))], 0, 0),
        ("one", [assessed(0, fit=41)], 0, 41),
        ("the mean, floored", [assessed(0, fit=90, reach=41)], 0, 65),
        ("the latest of each", [assessed(0, fit=90, reach=41), assessed(1, fit=1)], 1, 21),
    ],
}
TABLE = [(measure, *row) for table in (REVENUE, VALUE, HISTORY) for measure, rows in table.items() for row in rows]


@pytest.mark.parametrize(
    ("measure", "what", "events", "clock", "expected"), TABLE, ids=[f"{measure}: {what}" for measure, what, *_ in TABLE]
)
def test_a_measure(measure: str, what: str, events: list[Event], clock: float, expected: int | None) -> None:
    assert Life(RULES).take(*events).until(at(clock)).measure(measure) == expected

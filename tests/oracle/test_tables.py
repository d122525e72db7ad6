"""The oracle against decision tables worked out by hand from domain.md: who checks the checker."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.oracle.customer import Customer
from tests.oracle.days import DAY, day_of, parse_ms, start
from tests.oracle.rhythm import alive_until, doubt, patience_ms
from tests.oracle.run import replay

FIXED_30: dict[str, Any] = {"currency": "EUR", "rhythm": {"default": {"method": "fixed", "days": 30}}}
BY_ORDERS: dict[str, Any] = {
    "criteria": [{"measure": "orders", "weight": 1, "bands": {1: 10, 2: 50, 3: 100}}],
    "classes": {"by": "score", "A": 70, "B": 40},
    "window_days": 10,
}
WEEKS = {"r": 0.52484, "alpha": 6.18299, "a": 0.89136, "b": 1.61400, "theta": 0.5}


def event(number: int, day: float, kind: str, /, **data: Any) -> dict[str, Any]:
    """An event of customer `c` that many days after 2024-01-01T00:00Z."""
    time = datetime.fromtimestamp(parse_ms("2024-01-01T00:00:00Z") / 1000 + day * 86_400, UTC).isoformat()
    return {"id": f"e{number}", "source": "/shops/s", "subject": "c", "type": kind, "time": time, "data": data}


def order(number: int, day: float, order_id: str, total: int = 1000, **data: Any) -> dict[str, Any]:
    return event(number, day, "order.placed", order_id=order_id, currency="EUR", total_minor=total, **data)


def life(events: list[dict[str, Any]], document: dict[str, Any], until_day: float = 0, *, as_given: bool = False) -> Customer:
    until = parse_ms("2024-01-01T00:00:00Z") + int(until_day * DAY) if until_day else None
    return replay(events, document, as_given=as_given, until=until).customers["s", "c"]


def moves(customer: Customer, *dimensions: str) -> list[tuple[Any, ...]]:
    """(day, dimension, to, cause kind, revoked sequence) of the changes of these dimensions."""
    begin = parse_ms("2024-01-01T00:00:00Z")
    return [
        ((change["effective_at"] - begin) / DAY, change["dimension"], change["to"], change["cause"]["kind"], change["revokes"])
        for change in customer.changes
        if change["dimension"] in dimensions
    ]


def test_the_vectors_of_the_model() -> None:
    assert 1 / doubt(WEEKS, 2, 30.43, 38.86) == pytest.approx(0.70613, abs=1e-5)
    assert alive_until(WEEKS, 2, 30.43) == pytest.approx(57.5578, rel=1e-5)
    assert alive_until(WEEKS, 0, 0) == pytest.approx(12.9815, rel=1e-4)
    assert alive_until(WEEKS, 7, 29.43) == pytest.approx(41.9595, rel=1e-4)


def test_the_own_rhythm_by_hand() -> None:
    line = {"method": "own_rhythm", "prior_days": 60, "prior_weight": 2, "factor_pct": 250, "min_days": 30, "max_days": 730}
    assert patience_ms(line, 0, 0) == 150 * DAY
    assert patience_ms(line, 3, 30) == 75 * DAY
    assert patience_ms(line, 8, 0) == 30 * DAY


def test_silence_alone_takes_a_customer_through_every_status() -> None:
    customer = life([order(1, 0.5, "o")], FIXED_30 | {"winback": {"cooling_days": 10, "gone_days": 20}}, until_day=60)
    assert moves(customer, "lifecycle", "churn_risk", "winback") == [
        (0.5, "lifecycle", "active", "event", None),
        (0.5, "churn_risk", "low", "event", None),
        (0.5, "winback", "none", "event", None),
        (15.5, "churn_risk", "medium", "time", None),
        (24.5, "churn_risk", "high", "time", None),
        (30.5, "lifecycle", "inactive", "time", None),
        (30.5, "churn_risk", None, "time", None),
        (30.5, "winback", "recent", "time", None),
        (40.5, "winback", "cooling", "time", None),
        (50.5, "winback", "gone", "time", None),
    ]
    assert [notice["type"] for notice in customer.notices] == ["status.will_change"]
    assert [reaction["type"] for reaction in customer.reactions] == ["winback.opened", "winback.cooled", "winback.closed"]


def test_an_order_at_the_very_deadline_comes_after_it() -> None:
    customer = life([order(1, 0, "o"), order(2, 30, "p")], FIXED_30)
    assert [move[1:4] for move in moves(customer, "lifecycle")][1:] == [("lifecycle", "inactive", "time"), ("lifecycle", "active", "event")]
    assert [reaction["type"] for reaction in customer.reactions] == ["winback.opened", "winback.won"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([event(1, 0, "preference.set")], "possibly_interested"),
        ([event(1, 0, "interest.shown", kind="visit")], "potential"),
        ([event(1, 0, "order.cancelled", order_id="o")], "possibly_interested"),
        ([order(1, 0, "o"), event(2, 1, "order.cancelled", order_id="o")], "potential"),
        ([event(2, 0, "order.cancelled", order_id="o"), order(1, 1, "o")], "potential"),
        ([order(1, 0, "o"), event(2, 1, "order.refunded", order_id="o", refund_id="r", amount_minor=1000)], "potential"),
        ([order(1, 0, "o"), event(2, 1, "order.refunded", order_id="o", refund_id="r", amount_minor=999)], "active"),
        ([order(1, 0, "o", 0), event(2, 1, "order.refunded", order_id="o", refund_id="r", amount_minor=1)], "potential"),
        ([event(1, 0, "lead.ruled_out"), event(2, 1, "interest.shown", kind="visit")], "other"),
        ([event(2, 1, "lead.ruled_out"), event(1, 1, "lead.identified")], "other"),
        ([event(1, 1, "lead.ruled_out"), event(2, 1, "lead.identified")], "possibly_interested"),
        ([event(1, 0, "lead.ruled_out"), order(2, 1, "o")], "active"),
    ],
)
def test_lifecycle(events: list[dict[str, Any]], expected: str) -> None:
    assert life(events, FIXED_30).statuses["lifecycle"] == expected


def test_a_void_revokes_what_the_order_changed() -> None:
    customer = life([order(1, 0, "o"), order(2, 40, "p"), event(3, 41, "order.cancelled", order_id="p")], FIXED_30)
    assert moves(customer, "lifecycle") == [
        (0, "lifecycle", "active", "event", None),
        (30, "lifecycle", "inactive", "time", None),
        (40, "lifecycle", "active", "event", None),
        (41, "lifecycle", "inactive", "void", 9),
    ]


def test_a_late_order_revokes_the_turn_to_inactive() -> None:
    customer = life([order(1, 0, "o"), event(2, 35, "interest.shown", kind="visit"), order(3, 20, "p")], FIXED_30, as_given=True)
    assert moves(customer, "lifecycle")[-1] == (35, "lifecycle", "active", "late", 6)
    assert [reaction["type"] for reaction in customer.reactions] == ["winback.opened", "winback.withdrawn"]


def test_two_groups_and_the_one_alive_leads() -> None:
    document = {
        "currency": "EUR",
        "product_groups": {"a": ["a"], "b": ["b"]},
        "rhythm": FIXED_30["rhythm"] | {"b": {"method": "fixed", "days": 9}},
    }
    lines = [{"sku": "s", "quantity": 1, "total_minor": 1, "category": name} for name in ("a", "b")]
    customer = life([order(1, 0, "o", lines=lines), order(2, 25, "p", lines=lines[1:])], document, until_day=100)
    assert moves(customer, "lifecycle")[1] == (34, "lifecycle", "inactive", "time", None)


def test_the_window_rolls_and_the_class_steps_down_after_the_dwell() -> None:
    events = [order(1, 0.5, "o"), order(2, 0.6, "p"), order(3, 0.7, "q")]
    at_once = life(events, FIXED_30 | BY_ORDERS | {"downgrade_dwell_days": 0}, until_day=100)
    assert moves(at_once, "class")[-2:] == [(0.7, "class", "A", "event", None), (10, "class", "C", "time", None)]
    slowly = life(events, FIXED_30 | BY_ORDERS | {"downgrade_dwell_days": 7}, until_day=100)
    assert moves(slowly, "class")[-2:] == [(17, "class", "B", "time", None), (24, "class", "C", "time", None)]


def test_a_better_moment_clears_the_hold() -> None:
    events = [order(1, 0.5, "o"), order(2, 0.6, "p"), order(3, 9, "q"), order(4, 16, "r"), order(5, 16.5, "s")]
    document = FIXED_30 | BY_ORDERS | {"downgrade_dwell_days": 7}
    begun, cleared, again = (life(events, document, until_day=day) for day in (16, 18, 25))
    assert begun.hold == parse_ms("2024-01-11T00:00:00Z")
    assert cleared.hold is None
    assert again.hold == parse_ms("2024-01-20T00:00:00Z")
    assert [move[:3] for move in moves(again, "class")] == [(0.5, "class", "C"), (0.6, "class", "B"), (9, "class", "A")]


def test_measures_by_hand() -> None:
    events = [
        order(1, 0, "o", 1000, cost_minor=601, discount_minor=100),
        order(2, 1, "p", 0, cost_minor=50),
        order(3, 2, "q", 999),
        order(4, 3, "v", 500),
        order(5, 3, "w", 700),
        event(6, 4, "order.refunded", order_id="o", refund_id="r1", amount_minor=300),
        event(7, 4, "order.refunded", order_id="o", refund_id="r2", amount_minor=50),
        event(8, 4, "order.refunded", order_id="v", refund_id="r1", amount_minor=600),
        event(9, 4, "order.cancelled", order_id="w"),
        event(10, 50, "payment.received", order_id="q", due_at="2024-01-11T00:00:00Z", amount_minor=999),
        event(11, 50, "contact.made", channel="phone", direction="inbound"),
        event(12, 50, "contact.made", channel="email", direction="outbound", cost_minor=7),
        event(13, 50, "feedback.given", kind="idea", accepted=True),
        event(14, 50, "profile.assessed", criteria={"x": 30, "y": 81}),
    ]
    found = life(events, FIXED_30 | {"rhythm": {"default": {"method": "fixed", "days": 100}}}).measures()
    expected = {
        "revenue": 650 + 0 + 999,
        "orders": 3,
        "occasions": 3,
        "average_order": 1649 // 3,
        "product_groups": 1,
        "margin": 650 * 399 // 1000 - 50 + 999 * 40 // 100,
        "refund_pct": (350 + 500) * 100 // 2499,
        "discount_pct": 100 * 100 // (1999 + 100),
        "late_days_average": 40,
        "contacts": 2,
        "contact_cost": 607,
        "cost_to_serve": 607 + 3 * 500 + 999 * 40 * 8 // 36500,
        "value_now": 608 - 2115,
        "feedback": 1,
        "value_strategic": 500,
        "value_future": 608 * 365 // (3 * 100),
        "recency_days": 48,
        "tenure_days": 50,
        "criteria.x": 30,
        "strategic": 55,
        "score": None,
    }
    assert {name: found[name] for name in expected} == expected


def test_what_waits_too_long_and_what_closed_are_unknown() -> None:
    document = FIXED_30 | {"horizons": {"dedup_days": 5, "pending_days": 3, "ledger_days": 400}}
    events = [
        order(1, 0, "o"),
        event(2, 1, "order.cancelled", order_id="late"),
        order(3, 4, "late"),
        order(4, 4, "o"),
        order(4, 4, "o"),
        event(5, 5, "order.refunded", order_id="o", refund_id="r", amount_minor=1),
        event(6, 6, "order.refunded", order_id="o", refund_id="r", amount_minor=1),
        event(7, 400.5, "order.cancelled", order_id="o"),
        order(8, -1, "old"),
    ]
    outcome = replay(events, document, as_given=True, until=parse_ms("2026-01-01T00:00:00Z"))
    assert sorted(outcome.rejected) == [
        ("e2", "order_unknown"),
        ("e4", "order_exists"),
        ("e6", "refund_exists"),
        ("e7", "order_unknown"),
        ("e8", "order_closed"),
    ]
    assert outcome.customers["s", "c"].duplicates == 1
    assert len(outcome.customers["s", "c"].closed) == 1


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Amsterdam", date(2024, 3, 31), "2024-03-30T23:00:00Z"),
        ("Europe/Amsterdam", date(2024, 4, 1), "2024-03-31T22:00:00Z"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00Z"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00Z"),
    ],
)
def test_local_days(zone: str, day: date, begins: str) -> None:
    assert start(zone, day.toordinal()) == parse_ms(begins)
    skipped = zone == "Pacific/Apia" and day.day == 30
    assert day_of(zone, parse_ms(begins)) == day.toordinal() + skipped
    assert day_of(zone, parse_ms(begins) - 1) == day.toordinal() - 1 - (zone == "Pacific/Apia" and day.day == 31)

"""Every measure of domain.md 3.4, against numbers worked out by hand."""

from typing import Any

import pytest

from stream_app.domain.dimensions.score import points_of, score
from stream_app.domain.events import Event
from stream_app.domain.facts.state import NEVER
from stream_app.domain.policy import Alive, Criterion, Fixed, OwnRhythm, Policy
from stream_app.domain.status import stand
from stream_app.domain.value import MEASURES
from tests.builders import Life, at, cancel, contact, event, order, payment, policy, refund

TWENTY_DAYS = policy(default_rhythm=Fixed(20), rhythms={})

BASKET: list[Event] = [
    order(at(0), "o-1", 10_001, ("red wine",), discount_minor=500),
    order(at(0.5), "o-2", 5_000, ("sneakers",), cost_minor=3_333),
    order(at(10), "o-3", 3_000, ("red wine", None)),
    order(at(12), "o-4", 8_000),
    refund(at(11), 1_000, "o-2", "r-1"),
    refund(at(11), 3_500, "o-3", "r-2"),  # more than its total: voided
    cancel(at(13), "o-4"),
    payment(at(10.9), at(0), "o-1"),  # 10 days late
    payment(at(3), at(4), "o-2"),
    contact(at(1), "phone"),
    contact(at(2), "visit", "inbound", 1_234),
    event("feedback.given", at(3), "f-1", kind="review", accepted=True),
    event("feedback.given", at(3), "f-2", kind="review", accepted=False),
    event("profile.assessed", at(4), "a-1", criteria={"fit": 90, "reach": 41}),
]
# o-1: 10 001 * 40 // 100 = 4 000; o-2: net 4 000 * (5 000 - 3 333) // 5 000 = 1 333 (floor of 1 333.6)
MARGIN = 4_000 + 1_333
# contacts 600 + 1 234; two refunds of 500; 10 001 * 10 * 8 // 36 500 = 21
SERVE = 1_834 + 1_000 + 21
EXPECTED: dict[str, int | None] = {
    "revenue": 10_001 + 4_000,
    "orders": 2,
    "occasions": 1,
    "average_order": 7_000,  # 14 001 // 2
    "product_groups": 2,
    "margin": MARGIN,
    "refund_pct": 4_000 * 100 // 18_001,  # 1 000 and 3 000 of o-1, o-2, o-3
    "discount_pct": 500 * 100 // 15_501,
    "late_days_average": 5,  # of 10 and 0
    "contacts": 2,
    "contact_cost": 1_834,
    "cost_to_serve": SERVE,
    "value_now": MARGIN - SERVE,
    "referrals": 0,
    "feedback": 1,
    "value_strategic": 500,
    "value_future": MARGIN * 365 // (1 * 20),
    "value_total": MARGIN - SERVE + 500 + MARGIN * 365 // 20,
    "recency_days": 13,
    "tenure_days": 13,
    "strategic": 65,  # 131 // 2
    "p_alive_pct": None,
    "criteria.fit": 90,
    "criteria.reach": 41,
    "criteria.unheard": None,
}


def test_a_basket_worked_out_by_hand() -> None:
    life = Life(TWENTY_DAYS).take(*BASKET)
    assert {name: life.measure(name) for name in EXPECTED} == EXPECTED
    assert set(MEASURES) == {name for name in EXPECTED if not name.startswith("criteria.")}


def test_the_order_of_arrival_changes_no_measure() -> None:
    life = Life(TWENTY_DAYS).take(*reversed(BASKET)).until(at(13))
    assert {name: life.measure(name) for name in EXPECTED} == EXPECTED


def test_without_anything_every_quotient_is_nothing() -> None:
    life = Life(TWENTY_DAYS).take(event("interest.shown", at(0), "i", kind="quote"))
    nothing: dict[str, int | None] = dict.fromkeys(EXPECTED, 0)
    nothing |= dict.fromkeys(("recency_days", "tenure_days", "p_alive_pct", "criteria.fit", "criteria.reach", "criteria.unheard"))
    assert {name: life.measure(name) for name in EXPECTED} == nothing


@pytest.mark.parametrize(
    ("total", "cost", "refunded", "margin"),
    [
        (1_000, None, 0, 400),
        (1_001, None, 0, 400),
        (1_000, None, 1, 399),  # 999 * 40 // 100
        (1_000, 250, 0, 750),
        (1_000, 1_500, 0, -500),  # sold below cost
        (1_000, 1_500, 333, -334),  # 667 * -500 // 1000 floors toward minus infinity
        (0, 250, 0, -250),
        (0, None, 0, 0),
        (1_000, 0, 0, 1_000),
    ],
)
def test_the_margin_of_an_order(total: int, cost: int | None, refunded: int, margin: int) -> None:
    life = Life().take(order(at(0), total=total, cost_minor=cost), *([refund(at(1), refunded)] if refunded else []))
    assert life.measure("margin") == margin


@pytest.mark.parametrize(("net", "days", "rate", "cost"), [(36_499, 1, 1, 0), (36_500, 1, 1, 1), (10_000, 30, 8, 65), (10_000, 30, 0, 0)])
def test_late_payment_costs_interest_floored_per_order(net: int, days: int, rate: int, cost: int) -> None:
    rules = policy(annual_rate_pct=rate)
    both = [made for name in ("o-1", "o-2") for made in (order(at(0), name, net), payment(at(days), at(0), name))]
    assert Life(rules).take(*both).measure("cost_to_serve") == 2 * cost


FUTURE: list[tuple[Policy, list[Event], float, int]] = [
    # the policy, the events, the clock and the value_future
    (TWENTY_DAYS, [order(at(0))], 0, 400 * 365 // 20),
    (TWENTY_DAYS, [order(at(0))], 19.999, 400 * 365 // 20),
    (TWENTY_DAYS, [order(at(0))], 20, 0),  # inactive
    (TWENTY_DAYS, [order(at(0)), order(at(0.1), "o-2"), order(at(5), "o-3")], 5, 1_200 * 365 // (2 * 20)),
    (TWENTY_DAYS, [order(at(0), cost_minor=1_001)], 0, -1 * 365 // 20),  # -19: floors down
    (policy(default_rhythm=Fixed(0), rhythms={}), [order(at(0))], 0, 0),  # inactive at once
    (policy(default_rhythm=OwnRhythm(0, 1, 100, 9, 9), rhythms={}), [order(at(0))], 0, 400 * 365),  # at least a day
    (policy(default_rhythm=OwnRhythm(60, 2, 250, 30, 730), rhythms={}), [order(at(0)), order(at(9), "o-2")], 9, 800 * 365 // (2 * 43)),
    (policy(default_rhythm=Fixed(50), rhythms={}, window_days=10), [order(at(0))], 10, 0),  # no occasion in the window
    (policy(default_rhythm=Fixed(20), rhythms={}, horizon_days=30), [order(at(0))], 0, 400 * 30 // 20),
]


@pytest.mark.parametrize(("rules", "events", "clock", "value"), FUTURE)
def test_value_future_goes_on_at_the_rhythm(rules: Policy, events: list[Event], clock: float, value: int) -> None:
    assert Life(rules).take(*events).until(at(clock)).measure("value_future") == value


MODEL = Alive(0.52484, 6.18299, 0.89136, 1.61400, 0.5, 0, 9999)


@pytest.mark.parametrize(
    ("days", "clock", "pct"),
    [
        ([0], 0, 64),  # 1 / (1 + .89136 / 1.614) = .6442
        ([0, 10, 30], 30, 80),  # 1 / (1 + .89136 / 3.614) = .8021
        ([0, 15, 30], 38.5, 70),
        ([0], 12.98, 50),
        ([0], 12.99, 49),
        ([0], 1e5, 1),  # 1 / (1 + .5523 * 16 174 ** .52484) = .0112
    ],
)
def test_p_alive_pct(days: list[int], clock: float, pct: int) -> None:
    life = Life(policy(default_rhythm=MODEL, rhythms={})).take(*[order(at(day), f"o-{day}") for day in days]).until(at(clock))
    assert life.measure("p_alive_pct") == pct


def test_a_threshold_on_p_alive_is_met_at_its_own_moment() -> None:
    criteria = (Criterion("p_alive_pct", 1, (20, 50), (50, 100)),)
    life = Life(policy(default_rhythm=MODEL, rhythms={}, criteria=criteria, downgrade_dwell_days=0)).take(order(at(0))).until(at(1000))
    falls = life.changes("class")
    assert [change[:2] for change in falls] == [(None, "A"), ("A", "B"), ("B", "C")]
    for (_, _, moment, _), theta in zip(falls[1:], (0.5, 0.2), strict=True):
        turn = 6.18299 * ((1 - theta) / theta * 1.61400 / 0.89136) ** (1 / 0.52484) - 6.18299
        assert moment - at(0) == pytest.approx(turn * 86_400_000, abs=2)


@pytest.mark.parametrize("alpha", [1e9, 1e12, 1e15, 1e18, 1e300])
def test_a_threshold_on_p_alive_is_found_in_few_steps_however_coarse_the_doubles(alpha: float) -> None:
    odds = 1 + 300 / alpha  # the closed form says about 300 days; the probability moves in steps of days
    model = Alive(1, alpha, 1, odds, 0.5, 0, 9999)
    criteria = (Criterion("p_alive_pct", 1, (50,), (100,)),)
    life = Life(policy(default_rhythm=model, rhythms={}, criteria=criteria, downgrade_dwell_days=0)).take(order(at(0))).until(at(2_000))
    fallen = [moment for _, after, moment, _ in life.changes("class") if after == "C"]
    assert bool(fallen) == ((life.measure("p_alive_pct") or 0) < 50)


BANDS: list[tuple[int, int]] = [(NEVER, 0), (-1, 0), (0, 20), (4_999, 20), (5_000, 50), (24_999, 50), (25_000, 100), (10**9, 100)]


@pytest.mark.parametrize(("value", "points"), BANDS)
def test_a_band_map_gives_the_points_of_the_highest_threshold_reached(value: int, points: int) -> None:
    assert points_of(Criterion("revenue", 3, (0, 5_000, 25_000), (20, 50, 100)), value) == points


SCORES: list[tuple[tuple[Criterion, ...], int]] = [
    ((Criterion("orders", 1, (1,), (77,)),), 77),
    ((Criterion("orders", 1, (1,), (70,)), Criterion("revenue", 2, (1,), (35,))), 46),  # 140 // 3
    ((Criterion("orders", 1, (2,), (70,)), Criterion("revenue", 2, (1_000,), (35,))), 23),
    ((Criterion("criteria.fit", 1, (0,), (100,)), Criterion("orders", 1, (0,), (50,))), 25),  # never assessed: null
    ((Criterion("value_now", 1, (-5_000, 0), (90, 10)),), 10),  # points need not rise
    ((), 0),
]


@pytest.mark.parametrize(("criteria", "expected"), SCORES)
def test_the_score_is_the_weighted_mean_floored(criteria: tuple[Criterion, ...], expected: int) -> None:
    life = Life(policy(criteria=criteria)).take(order(at(0)))
    assert score(life.now, life.rules, stand(life.now, life.rules)) == expected


def test_absurd_amounts_are_only_large_numbers() -> None:
    most = 2**53 - 1
    events: list[Any] = [order(at(0), f"o-{n}", most, cost_minor=-most) for n in range(3)]
    life = Life().take(*events, payment(at(700_000), at(0), "o-1"))
    assert life.now.sums[1] == 0, "they left the window long ago"
    assert Life().take(*events).measure("revenue") == 3 * most

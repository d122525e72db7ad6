"""Opportunity (domain.md, 3.11): growth between two adjoining windows, and groups that go with what was bought."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.domain import evaluate
from stream_app.domain.events import Event
from stream_app.domain.policy import Fixed, Opportunity, Policy
from tests.builders import WHO, Life, at, cancel, contact, order, policy, refund

GROUPS = {"red wine": "wine", "sneakers": "shoes", "belt": "belts", "handbag": "bags"}


def rules(growth_pct: int = 150, growth_days: int = 10, **changes: Any) -> Policy:
    pairs = changes.pop("cross_sell", {})
    fields: dict[str, Any] = {"default_rhythm": Fixed(900), "rhythms": {}, "classes": None, "labels": None, "service_levels": None}
    return policy(**{**fields, "category_groups": GROUPS, "opportunity": Opportunity(growth_pct, growth_days, pairs), **changes})


def value(life: Life) -> str | None:
    return life.status("opportunity")


GROWTH: list[tuple[str, list[Event], float, str | None]] = [
    # (what, events, the clock, the value) with windows of 10 days and 150 %
    ("never bought", [contact(at(0))], 0, None),
    ("only voided orders", [order(at(0)), cancel(at(1))], 1, None),
    ("nothing to compare with", [order(at(0), total=9_999)], 0, "low"),
    ("just enough", [order(at(0), "a", 100), order(at(10), "b", 150)], 10, "high"),
    ("a cent short", [order(at(0), "a", 100), order(at(10), "b", 149)], 10, "low"),
    ("both in the recent window", [order(at(0), "a", 100), order(at(9.9), "b", 150)], 9.9, "low"),
    ("the first moves to the earlier window", [order(at(0), "a", 100), order(at(9.9), "b", 150)], 10, "high"),
    ("the recent day leaves", [order(at(0), "a", 100), order(at(5), "b", 150)], 15, "low"),
    ("the last moment before", [order(at(0), "a", 100), order(at(5), "b", 150)], 14.99, "high"),
    ("the earlier day leaves", [order(at(0), "a", 100), order(at(10), "b", 150)], 20, "low"),
    ("older than both", [order(at(0), "a", 1), order(at(25), "b", 150)], 25, "low"),
    ("less of what is left", [order(at(0), "a", 100), order(at(10), "b", 150), refund(at(11), 1, "b")], 11, "low"),
    ("less to compare with", [order(at(0), "a", 100), order(at(10), "b", 149), refund(at(11), 1, "a")], 11, "high"),
    ("a void of what was before", [order(at(0), "a", 100), order(at(10), "b", 150), cancel(at(11), "a")], 11, "low"),
    ("an earlier order comes late", [order(at(12), "b", 150), order(at(2), "a", 100)], 12, "high"),
    ("one from before both windows comes late", [order(at(25), "b", 150), order(at(2), "a", 100)], 25, "low"),
    ("nothing for something", [order(at(0), "a", 100)], 12, "low"),
    ("free orders", [order(at(0), "a", 0), order(at(10), "b", 9)], 10, "low"),
]


@pytest.mark.parametrize(("what", "events", "clock", "expected"), GROWTH, ids=[row[0] for row in GROWTH])
def test_growth(what: str, events: list[Event], clock: float, expected: str | None) -> None:
    assert value(Life(rules()).take(*events).until(at(clock))) == expected


@pytest.mark.parametrize(("pct", "expected"), [(0, "high"), (150, "low")])
def test_a_percentage_of_nothing_is_reached_as_long_as_there_is_an_earlier_revenue(pct: int, expected: str) -> None:
    assert value(Life(rules(pct)).take(order(at(0))).until(at(12))) == expected
    assert value(Life(rules(pct)).take(order(at(0))).until(at(20))) == "low"


SHOES: dict[str, tuple[str, ...]] = {"shoes": ("belts", "bags")}
CROSS_SELL: list[tuple[str, dict[str, tuple[str, ...]], tuple[str | None, ...], str]] = [
    # (what, the policy's pairs, categories bought, the value)
    ("two go with shoes", SHOES, ("sneakers",), "high"),
    ("one is bought already", SHOES, ("sneakers", "belt"), "medium"),
    ("both are", SHOES, ("sneakers", "belt", "handbag"), "low"),
    ("nothing goes with wine", SHOES, ("red wine",), "low"),
    ("the pairs have a direction", SHOES, ("belt",), "low"),
    ("each counts once", {"shoes": ("bags",), "belts": ("bags",)}, ("sneakers", "belt"), "medium"),
    ("a group never bought by anybody", {"shoes": ("hats",)}, ("sneakers",), "medium"),
    ("itself is bought", {"shoes": ("shoes",)}, ("sneakers",), "low"),
    ("unmapped categories are a group, too", {"default": ("wine",)}, (None,), "medium"),
]


@pytest.mark.parametrize(("what", "pairs", "categories", "expected"), CROSS_SELL, ids=[row[0] for row in CROSS_SELL])
def test_cross_sell(what: str, pairs: dict[str, tuple[str, ...]], categories: tuple[str | None, ...], expected: str) -> None:
    assert value(Life(rules(cross_sell=pairs)).take(order(at(0), categories=categories))) == expected


def test_what_was_bought_counts_while_it_is_in_the_window() -> None:
    life = Life(rules(150, 300, cross_sell=SHOES, window_days=30)).take(
        order(at(0), "a", categories=("sneakers", "belt")),
        order(at(5), "b", categories=("belt",)),
        order(at(9), "c", categories=("sneakers",)),
    )
    assert life.changes("opportunity")[-1][:3] == (None, "medium", at(0))
    life.until(at(100))
    assert life.changes("opportunity")[1:] == [("medium", "high", at(35), "time"), ("high", "low", at(39), "time")]


SALES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=60).map(sorted)


@settings(max_examples=200, deadline=None)
@given(SALES, st.sampled_from([0, 50, 100, 150, 300]), st.sampled_from([1, 4, 10]), st.sampled_from([3, 2_000]))
def test_growth_begins_and_ends_on_the_days_that_a_walk_finds(sales: list[tuple[int, int]], pct: int, days: int, open_orders: int) -> None:
    """With few open orders most are closed early, and still count."""
    life = Life(rules(pct, days, ledger_orders=open_orders))
    life.take(*[order(at(day) + n, f"o-{n}", total) for n, (day, total) in enumerate(sales)])
    last, value_then = sales[-1][0], value(life)
    assert value_then == ("high" if grows(sales, last, pct, days) else "low")
    life.until(at(last + 90))
    expected = []
    for day in range(last + 1, last + 90):
        if (now := "high" if grows(sales, day, pct, days) else "low") != value_then:
            expected.append((value_then, now, at(day), "time"))
            value_then = now
    assert [change for change in life.changes("opportunity") if change[3] == "time" and change[2] > at(last)] == expected


def grows(sales: list[tuple[int, int]], today: int, pct: int, days: int) -> bool:
    now = sum(total for day, total in sales if today - days < day)
    before = sum(total for day, total in sales if today - 2 * days < day <= today - days)
    return before > 0 and now * 100 >= pct * before


def test_days_that_cannot_bring_a_change_are_no_deadlines() -> None:
    life = Life(rules(150, 90))
    life.take(*[order(at(day), f"o-{day}", 100) for day in range(300)])
    assert life.outcome.deadlines < 20, "not one for each day that leaves a window"
    assert life.measure("orders") == 300


PROOFS: list[tuple[str, list[Event], dict[str, Any], str, list[str], dict[str, Any] | None]] = [
    # (what, events, changes of the policy, the code, open groups, the counterfactual)
    ("growth", [order(at(0), "a", 100), order(at(10), "b", 150)], {}, "growth", [], None),
    ("two groups", [order(at(0), categories=("sneakers",))], {"cross_sell": SHOES}, "cross_sell", ["bags", "belts"], None),
    (
        "what revenue would be growth",
        [order(at(0), "a", 101, ("sneakers",)), order(at(10), "b", 3, ("belt",))],
        {"cross_sell": SHOES},
        "cross_sell",
        ["bags"],
        {"measure": "revenue_now", "at_least": 152, "to": "high"},
    ),
    (
        "what purchase would open groups",
        [order(at(0))],
        {"cross_sell": SHOES},
        "no_opportunity",
        [],
        {"event_type": "order.placed", "product_group": "shoes", "to": "high"},
    ),
    (
        "a purchase that opens one",
        [order(at(0), categories=("belt",))],
        {"cross_sell": SHOES},
        "no_opportunity",
        [],
        {"event_type": "order.placed", "product_group": "shoes", "to": "medium"},
    ),
    ("nothing helps", [order(at(0))], {}, "no_opportunity", [], None),
]


@pytest.mark.parametrize(("what", "events", "changes", "code", "found", "counterfactual"), PROOFS, ids=[row[0] for row in PROOFS])
def test_the_proof(
    what: str, events: list[Event], changes: dict[str, Any], code: str, found: list[str], counterfactual: dict[str, Any] | None
) -> None:
    change = [one for one in Life(rules(**changes)).take(*events).published() if one.data["dimension"] == "opportunity"][-1].data
    assert change["reason"]["code"] == code
    assert change["reason"]["measures"]["open_groups"] == found
    assert change["reason"]["thresholds"] == {"growth_pct": 150, "growth_days": 10, "open_groups_high": 2, "window_days": 365}
    assert change.get("counterfactual") == counterfactual


def test_the_sums_of_both_windows_are_in_the_proof() -> None:
    life = Life(rules()).take(order(at(0), "a", 100), order(at(1), "b", 7), order(at(10), "c", 150))
    measures = [one for one in life.published() if one.data["dimension"] == "opportunity"][-1].data["reason"]["measures"]
    assert (measures["revenue_now"], measures["revenue_before"]) == (157, 100)


def test_a_policy_that_drops_it_and_one_that_brings_it() -> None:
    plain = rules(opportunity=None, hash="1" * 32, version=2)
    life = Life(rules()).take(order(at(0), "a", 100), order(at(10), "b", 150))
    evaluate.adopt(WHO, life.now, life.rules, plain, at(11), life.outcome)
    assert life.changes("opportunity")[-1] == ("high", None, at(11), "policy")
    assert life.published()[-1].data["reason"]["code"] == "dimension_dropped"
    assert (life.now.revenue_now, life.now.growth_earlier) == (0, 0)
    evaluate.adopt(WHO, life.now, plain, rules(hash="3" * 32, version=3), at(12), life.outcome)
    assert life.changes("opportunity")[-1] == (None, "high", at(12), "policy")

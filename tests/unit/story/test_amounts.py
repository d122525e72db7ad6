"""Amounts in words: in minor units as they are counted, or in the units of the shop's currency where one is named."""

import ast
from pathlib import Path
from typing import Any

import pytest

import stream_app
from stream_app.story.dutch import DUTCH
from stream_app.story.words import ENGLISH, counterfactual_in_words, is_money, published_in_words, reason_in_words

EUROS = ENGLISH.in_currency("EUR")


@pytest.mark.parametrize(
    ("currency", "minor", "english", "dutch"),
    [
        ("EUR", 123_456, "1,234.56 EUR", "1.234,56 EUR"),
        ("EUR", -5, "-0.05 EUR", "-0,05 EUR"),
        ("JPY", 1_500, "1,500 JPY", "1.500 JPY"),
        ("KWD", 1_500, "1.500 KWD", "1,500 KWD"),
        ("", 1_500, "1500", "1500"),
    ],
)
def test_amounts_are_told_in_the_units_of_their_currency(currency: str, minor: int, english: str, dutch: str) -> None:
    assert ENGLISH.in_currency(currency).price(minor) == english
    assert DUTCH.in_currency(currency).price(minor) == dutch


@pytest.mark.parametrize(
    ("code", "measures", "thresholds", "says"),
    [
        (
            "share_of_value",
            {"value_total": 65_000},
            {"A": 70_000, "B": 40_000, "A_pct": 80, "B_pct": 95},
            "he is worth 650.00 EUR, where A begins at 700.00 EUR and B at 400.00 EUR (80 and 95 % of the shop's value)",
        ),
        (
            "score",
            {"score": 65, "value_now": 4_000},
            {"A": 70, "B": 40, "downgrade_dwell_days": 30},
            "score 65, where A begins at 70 and B at 40 (a worse class is taken after 30 days): value_now 40.00 EUR",
        ),
        (
            "exit",
            {"value_now": -500, "protected_by": None},
            {"value_now_below": 0, "exit_dwell_days": 60, "protected_by_value_strategic_at_least": 100},
            (
                "all that an exit asks is true, and nothing protects him: value_now -5.00 EUR (below 0.00 EUR), protected_by none,"
                " exit_dwell_days 60, protected_by_value_strategic_at_least 1.00 EUR"
            ),
        ),
        (
            "over_budget",
            {"class": "C", "value_now": 100, "value_future": 0, "contact_cost": 150},
            {"budget_pct": 5, "budget_minor": 5},
            "contacts cost 1.50 EUR, more than the budget of 0.05 EUR: class C, value_now 1.00 EUR, value_future 0.00 EUR, budget_pct 5",
        ),
        (
            "no_rule_matches",
            {"revenue": 2_000, "orders": 20},
            {"old: revenue_at_least": 5_000, "old: orders_at_least and": 50},
            "he meets no segment's rule: revenue 20.00 EUR (old: at least 50.00 EUR), orders 20 (old: at least 50)",
        ),
    ],
)
def test_a_reason_tells_amounts_in_a_currency_and_all_else_as_it_is(
    code: str, measures: dict[str, Any], thresholds: dict[str, Any], says: str
) -> None:
    assert reason_in_words({"code": code, "measures": measures, "thresholds": thresholds}, EUROS) == says


def test_so_do_a_counterfactual_and_a_reaction() -> None:
    assert counterfactual_in_words("class", {"measure": "value_total", "at_least": 70_000, "to": "A"}, EUROS) == (
        "value_total of at least 700.00 EUR: class A"
    )
    assert counterfactual_in_words("class", {"measure": "score", "at_least": 70, "to": "A"}, EUROS) == "score of at least 70: class A"
    assert published_in_words(
        "contact.advised", {"to": "ok", "from": None, "channel": "email", "moment": None, "budget_minor": 250}, EUROS
    ) == ("contact is ok, was -: channel email, next moment never, budget 2.50 EUR")


def test_every_measure_that_the_rules_count_in_money_is_told_as_money() -> None:
    """By the names in the page, which has had them as money before."""
    page = (Path(stream_app.__file__).parent / "web" / "page" / "words.js").read_text(encoding="utf-8")
    _, _, rest = page.partition("const MONEY = new Set(")
    names = ast.literal_eval(rest[: rest.index(")")])
    assert len(names) >= 9
    assert all(is_money(name) for name in names)
    assert not any(is_money(name) for name in ("orders", "score", "recency_days", "criteria.revenue", "outbound"))

"""Why a status changed, in words: a sentence for every code that the domain publishes."""

import ast
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import stream_app.domain
from stream_app.codec.schemas.outputs import OUTPUT_TYPES, CauseKind
from stream_app.story.dutch import DUTCH
from stream_app.story.words import (
    CAUSES,
    ENGLISH,
    PUBLISHED,
    REASONS,
    counterfactual_in_words,
    evidence,
    moment,
    published_in_words,
    reason_in_words,
    value_in_words,
)

DOMAIN = Path(stream_app.domain.__file__).parent
AT, LATER, LAST = "2026-03-01T09:15:00.000Z", "2026-04-01T00:00:00.000Z", "2026-05-01T00:00:00.000Z"
DAY = 86_400_000
RHYTHM = {"product_group": "wine", "last_order_at": AT, "occasions": 3, "span_days": 60}
PATIENCE = {"patience_ms": 90 * DAY, "inactive_at": LAST}
GROWTH = {"revenue_now": 300, "revenue_before": 100, "open_groups": ["bags", "belts"]}
GROWS = {"growth_pct": 150, "growth_days": 90, "open_groups_high": 2, "window_days": 365}
SENTENCES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("merged", {}, {}, "he was merged into another customer, and is one with him from now on"),
    (
        "ordered_within_rhythm",
        RHYTHM,
        PATIENCE,
        (
            "his last order in wine, of 2026-03-01 09:15, lies within his patience of 90.0 days (3 occasions over 60 days), which ends"
            " 2026-05-01 00:00"
        ),
    ),
    (
        "silent_beyond_rhythm",
        RHYTHM,
        PATIENCE,
        (
            "no order in wine since 2026-03-01 09:15, longer than his patience of 90.0 days (3 occasions over 60 days), which ended"
            " 2026-05-01 00:00"
        ),
    ),
    ("relation_without_order", {"relation": True}, {}, "he is related to the shop and no order of his counts"),
    ("no_relation", {"relation": False}, {}, "no order of his counts and nothing relates him to the shop but interest"),
    ("lead_ruled_out", {"ruled_out_at": AT}, {}, "he was a lead and was ruled out 2026-03-01 09:15"),
    (
        "no_longer_active",
        {"counting_orders": 2},
        {},
        "only an active customer can be at risk, and he is active no longer (2 orders count)",
    ),
    ("no_counting_order", {"counting_orders": 0}, {}, "no order of his counts"),
    (
        "share_of_patience",
        {**RHYTHM, "silent_ms": 31 * DAY},
        {**PATIENCE, "medium_at": LATER, "high_at": LATER, "medium_pct": 50, "high_pct": 80},
        (
            "silent in wine for 31.0 days, since 2026-03-01 09:15, of a patience of 90.0 days: medium from 50 % (2026-04-01 00:00),"
            " high from 80 % (2026-04-01 00:00), inactive 2026-05-01 00:00"
        ),
    ),
    ("dimension_dropped", {}, {}, "the policy does not ask for this dimension any more"),
    (
        "score",
        {"score": 65, "value_now": 4_000},
        {"A": 70, "B": 40, "downgrade_dwell_days": 30},
        "score 65, where A begins at 70 and B at 40 (a worse class is taken after 30 days): value_now 4000",
    ),
    (
        "share_of_value",
        {"value_total": 650},
        {"A": 700, "B": 400, "A_pct": 80, "B_pct": 95},
        "he is worth 650, where A begins at 700 and B at 400 (80 and 95 % of the shop's value)",
    ),
    ("no_cut_offs_yet", {"value_total": 650}, {"A_pct": 80}, "the shop's customers have not been weighed yet"),
    ("class", {"class": "A"}, {}, "it follows his class, A"),
    ("segment", {"segment": "exit"}, {}, "it follows his segment, exit"),
    (
        "exit",
        {"value_now": -5, "exit_since_at": AT, "feedback": 0, "protected_by": None},
        {"value_now_below": 0, "exit_dwell_days": 60, "protected_by_feedback_at_least": 1},
        (
            "all that an exit asks is true, and nothing protects him: value_now -5 (below 0), exit_since_at 2026-03-01 09:15, feedback 0,"
            " protected_by none, exit_dwell_days 60, protected_by_feedback_at_least 1"
        ),
    ),
    (
        "rule_matches",
        {"churn_risk": "low", "orders": 3, "score": 20},
        {"churn_risk_is": "low", "orders_at_least": 2, "old: score_at_least": 50},
        "this segment's rule is the first that he meets: churn_risk low (is low), orders 3 (at least 2), score 20 (old: at least 50)",
    ),
    ("no_rule_matches", {"score": 20}, {"old: score_at_least": 50}, "he meets no segment's rule: score 20 (old: at least 50)"),
    ("no_rule", {"class": None}, {}, "no contact rule holds for class -"),
    (
        "over_budget",
        {"class": "C", "value_now": 100, "value_future": 0, "contact_cost": 150},
        {"budget_pct": 5, "budget_minor": 5},
        "contacts cost 150, more than the budget of 5: class C, value_now 100, value_future 0, budget_pct 5",
    ),
    (
        "too_often",
        {"class": "C", "outbound": 3, "outbound.phone": 2},
        {"outbound": 2, "outbound.per_days": 30, "outbound.phone": 1, "outbound.phone.per_days": 60},
        "a cap on contacts is broken: class C, outbound 3 (at most 2, in days: 30), outbound.phone 2 (at most 1, in days: 60)",
    ),
    (
        "too_seldom",
        {"class": "A", "last_touch_at": AT, "winback": None, "segment": None},
        {"silent_at": LATER},
        (
            "nothing was heard of him and nobody has contacted him since 2026-03-01 09:15, beyond 2026-04-01 00:00: class A, winback -,"
            " segment -"
        ),
    ),
    (
        "ok",
        {"class": "A", "outbound": 1},
        {"outbound": 2, "outbound.per_days": 30},
        "all caps, the budget and the limit of silence are kept: class A, outbound 1 (at most 2, in days: 30)",
    ),
    ("not_inactive", {"lifecycle": "active"}, {}, "only an inactive customer can be won back, and he is active"),
    (
        "time_since_inactive",
        {"inactive_at": AT, "inactive_ms": DAY // 2, "product_group": "wine"},
        {"cooling_at": LATER, "gone_at": LAST},
        "inactive for 0.5 days, since 2026-03-01 09:15: cooling from 2026-04-01 00:00, gone from 2026-05-01 00:00",
    ),
    (
        "growth",
        GROWTH,
        GROWS,
        "revenue of 300 in the last 90 days, against 100 in those before, reaches 150 %; groups open to him: bags, belts",
    ),
    (
        "cross_sell",
        GROWTH | {"revenue_now": 100},
        GROWS,
        (
            "groups open to him: bags, belts (high from 2); revenue of 100 in the last 90 days, against 100 in those before,"
            " is no growth to 150 %"
        ),
    ),
    (
        "no_opportunity",
        GROWTH | {"revenue_now": 100, "open_groups": []},
        GROWS,
        "no group is open to him, and revenue of 100 in the last 90 days, against 100 in those before, is no growth to 150 %",
    ),
]


@pytest.mark.parametrize(("code", "measures", "thresholds", "sentence"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_reason(code: str, measures: dict[str, Any], thresholds: dict[str, Any], sentence: str) -> None:
    assert reason_in_words({"code": code, "measures": measures, "thresholds": thresholds}) == sentence


def _constants(node: ast.AST) -> set[str]:
    """The texts that an expression may be; those that it compares with, or looks up by, are none of its values."""
    match node:
        case ast.Constant(value=str(text)):
            return {text} - {""}
        case ast.IfExp(body=body, orelse=orelse):
            return _constants(body) | _constants(orelse)
        case ast.BoolOp(values=values):
            return set().union(*map(_constants, values))
    return set()


def codes() -> set[str]:
    """Every reason code in the source of the domain: what a proof begins with, where functions return one, or one is written down."""
    found = set()
    for file in DOMAIN.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.AnnAssign) and isinstance(function.annotation, ast.Name) and function.annotation.id == "Proof":
                tuples = [node for node in ast.walk(function) if isinstance(node, ast.Tuple)]
                found |= {code for written in tuples for code in _constants(written.elts[0])}
            if not isinstance(function, ast.FunctionDef) or not (
                function.name == "judge_contact" or (isinstance(function.returns, ast.Name) and function.returns.id == "Proof")
            ):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    found |= _constants(node.value.elts[0])
                elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "code":
                    found |= _constants(node.value)
    return found


def test_every_code_of_the_domain_has_words_and_a_row() -> None:
    assert {"silent_beyond_rhythm", "no_longer_active", "rule_matches", "over_budget", "cross_sell", "class"} <= codes()
    assert codes() == set(REASONS) == {row[0] for row in SENTENCES}


def test_every_published_type_and_every_cause_has_words() -> None:
    assert set(PUBLISHED) == set(OUTPUT_TYPES) - {"status.changed", "customer.profile"}
    assert set(CAUSES) == set(CauseKind.__args__)  # type: ignore[attr-defined]


def test_an_unknown_code_is_told_by_its_evidence() -> None:
    reason = {"code": "full_moon", "measures": {"phase": 4}, "thresholds": {"phase_at_least": 3}}
    assert reason_in_words(reason) == "full moon: phase 4 (at least 3)"


@pytest.mark.parametrize(
    ("instead", "sentence"),
    [
        (
            {"event_type": "order.placed", "product_group": "wine", "before_at": AT, "to": "active"},
            "order.placed in wine, before 2026-03-01 09:15: d active",
        ),
        ({"measure": "score", "at_least": 70, "to": "A"}, "score of at least 70: d A"),
        ({"measure": "outbound", "at_most": 2, "to": None}, "outbound of at most 2: d -"),
        (
            {"event_type": "feedback.given", "measure": "feedback", "at_least": 1, "from_at": AT, "to": "old"},
            "feedback.given (feedback of at least 1), from 2026-03-01 09:15 on: d old",
        ),
    ],
)
def test_a_counterfactual(instead: dict[str, Any], sentence: str) -> None:
    assert counterfactual_in_words("d", instead) == sentence


def test_values() -> None:
    assert value_in_words("silent_ms", DAY) == "1.0 days"
    assert value_in_words("open_groups", []) == "none"
    assert value_in_words("is", False) == "no"
    assert [value_in_words(name, None) for name in ("winback", "moment", "budget_minor", "channel")] == [
        "-",
        "never",
        "without limit",
        "none",
    ]
    assert moment("2026-03-01T09:15:07.250Z") == "2026-03-01 09:15:07.250"
    assert evidence({"a": 1}, {"a_in": "1, 2", "a_in and": "3", "other: a_below": 9}) == "a 1 (one of 1, 2, one of 3, other: below 9)"


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("table", ["reasons", "published", "causes", "phrases", "tests"])
def test_dutch_says_what_english_says(table: str) -> None:
    english, dutch = getattr(ENGLISH, table), getattr(DUTCH, table)
    assert set(dutch) == set(english)
    assert {name: holes(dutch[name]) for name in dutch} == {name: holes(english[name]) for name in english}
    assert [name for name in dutch if dutch[name] == english[name] and name not in {"_is", "consequence", "in_group"}] == []


@pytest.mark.parametrize(("code", "measures", "thresholds", "sentence"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_reason_in_dutch_has_no_hole(code: str, measures: dict[str, Any], thresholds: dict[str, Any], sentence: str) -> None:
    told = reason_in_words({"code": code, "measures": measures, "thresholds": thresholds}, DUTCH)
    assert "?" not in told
    assert told != sentence


def test_dutch_names_and_numbers() -> None:
    reason = {"code": "rule_matches", "measures": {"churn_risk": "low", "segment": "low"}, "thresholds": {"churn_risk_is": "low"}}
    assert reason_in_words(reason, DUTCH).endswith(": verlooprisico laag (is laag), segment low")
    assert value_in_words("silent_ms", DAY * 3 // 2, DUTCH) == "1,5 dagen"
    assert published_in_words("service_level.changed", {"from": None, "to": "low", "class": "A", "segment": None}, DUTCH) == (
        "bedien hem als low, niet meer als - (klasse A, segment -)"
    )

"""The segment `exit`: when a customer is let go, how long that takes, and what protects him (domain.md, 3.6; N13, N17)."""

from dataclasses import replace
from typing import Any

import pytest

from stream_app.domain import evaluate
from stream_app.domain.events import Event
from stream_app.domain.facts.event_types import ReferralFirstOrder
from stream_app.domain.policy import Alive, Condition, ExitRule, Fixed, GammaGamma, Policy, SegmentRule, Segments, ServiceLevels
from stream_app.domain.profile import profile
from tests.builders import DAY, WHO, Life, at, cancel, contact, event, order, policy

LEAVE = ExitRule(0, 1_000, 40, exit_dwell_days=60, min_age_days=0)
EXIT = SegmentRule("exit", ())
LOSING = SegmentRule("losing", (Condition("value_now", -1, "below", limit=0),))


def rules(leave: ExitRule = LEAVE, named: tuple[SegmentRule, ...] = (EXIT, LOSING), **changes: Any) -> Policy:
    fields = {"default_rhythm": Fixed(400), "rhythms": {}, "segments": Segments(named, leave)}
    fields |= {"service_levels": ServiceLevels({"exit": "none"}, {"A": "premium", "B": "standard", "C": "basic"})}
    return policy(**{**fields, **changes})


def loss(day: float, amount: int = 500, name: str = "loss") -> Event:
    """An order sold below its cost: value now and value future are both negative."""
    return order(at(day), name, 1_000, cost_minor=1_000 + amount)


def gain(day: float, amount: int = 5_000, name: str = "gain") -> Event:
    return order(at(day), name, amount, cost_minor=0)


def idea(day: float, accepted: bool = True) -> Event:
    return event("feedback.given", at(day), f"idea-{day}", kind="idea", accepted=accepted)


def assessed(day: float, **criteria: int) -> Event:
    return event("profile.assessed", at(day), f"a-{day}", criteria=criteria)


def fits(day: float, fit: int, **others: int) -> Event:
    """Assessed, with two criteria at 0 besides, so that the mean stays low."""
    return assessed(day, fit=fit, x=0, y=0, **others)


def young(days: int) -> ExitRule:
    return replace(LEAVE, min_age_days=days)


def dwell(days: int) -> ExitRule:
    return replace(LEAVE, exit_dwell_days=days)


MOVES: list[tuple[str, ExitRule, list[Event], list[tuple[str | None, float]]]] = [
    # what, the rule, the events, and the moves of the segment up to day 300
    ("after the dwell", LEAVE, [loss(0)], [("losing", 0), ("exit", 60)]),
    ("without dwell at once", dwell(0), [loss(0)], [("exit", 0)]),
    ("a day", dwell(1), [loss(0.25)], [("losing", 0.25), ("exit", 1.25)]),
    ("a break begins anew", LEAVE, [loss(0), gain(30), cancel(at(40), "gain")], [("losing", 0), (None, 30), ("losing", 40), ("exit", 100)]),
    ("it ends at once", LEAVE, [loss(0), gain(90)], [("losing", 0), ("exit", 60), (None, 90)]),
    ("the break at the very moment comes too late", LEAVE, [loss(0), gain(60)], [("losing", 0), ("exit", 60), (None, 60)]),
    ("value exactly at the limit is not below it", LEAVE, [order(at(0), "o", 1_000, cost_minor=1_000)], []),
    ("without a counting order nobody is let go", LEAVE, [contact(at(0), "visit")], [("losing", 0)]),
    ("a void of all", LEAVE, [contact(at(0), "visit"), loss(0), cancel(at(90), "loss")], [("losing", 0), ("exit", 60), ("losing", 90)]),
    ("strategic at the limit is not below it", LEAVE, [loss(0), assessed(0, fit=40)], [("losing", 0)]),
    ("strategic below it", LEAVE, [loss(0), assessed(0, fit=39)], [("losing", 0), ("exit", 60)]),
    ("strategic takes a part in the hold", LEAVE, [loss(0), assessed(20, fit=50), assessed(30, fit=0)], [("losing", 0), ("exit", 90)]),
    ("feedback protects", LEAVE, [loss(0), idea(10)], [("losing", 0)]),
    ("feedback not accepted does not", LEAVE, [loss(0), idea(10, False)], [("losing", 0), ("exit", 60)]),
    ("a protection that comes ends the exit", LEAVE, [loss(0), idea(90)], [("losing", 0), ("exit", 60), ("losing", 90)]),
    ("a young customer", young(100), [loss(0.5)], [("losing", 0.5), ("exit", 100)]),
    ("old enough before the dwell ends", young(20), [loss(0.5)], [("losing", 0.5), ("exit", 60.5)]),
    ("a criterion at its limit", LEAVE, [loss(0), fits(0, 80)], [("losing", 0)]),
    ("a criterion below it", LEAVE, [loss(0), fits(0, 79)], [("losing", 0), ("exit", 60)]),
    ("the latest assessment counts", LEAVE, [loss(0), fits(0, 80), assessed(70, fit=10)], [("losing", 0), ("exit", 70)]),
    ("by name", replace(LEAVE, protect_criteria={"a": 10}), [loss(0), assessed(0, a=10)], [("losing", 0)]),
    ("by name, above the default", replace(LEAVE, protect_criteria={"fit": 95}), [loss(0), fits(0, 90)], [("losing", 0), ("exit", 60)]),
    ("by default", replace(LEAVE, protect_default=20), [loss(0), assessed(0, a=25)], [("losing", 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "leave", "events", "moves"), MOVES, ids=[row[0] for row in MOVES])
@pytest.mark.parametrize("disturbed", [False, True])
def test_exit(what: str, leave: ExitRule, events: list[Event], moves: list[tuple[str | None, float]], disturbed: bool) -> None:
    told = list(events)
    if disturbed:  # evaluations in between change nothing
        told += [event("preference.set", at(day + 0.6), f"p-{day}") for day in range(120)]
        told.sort(key=lambda one: one.time_ms)
    life = Life(rules(leave)).take(*told).until(at(300))
    assert [(to, (moment - at(0)) / DAY) for _, to, moment, _ in life.changes("segment")] == moves, what


def test_feedback_protects_until_it_leaves_the_window() -> None:
    life = Life(rules(window_days=100)).take(loss(0), idea(10), loss(95, name="again")).until(at(300))
    assert life.changes("segment")[1:] == [("losing", "exit", at(110), "time"), ("exit", None, at(195), "time")], "then value is 0 again"


def test_a_referral_protects_once_the_other_has_bought_until_that_leaves_the_window() -> None:
    life = Life(rules(window_days=100)).take(loss(0), event("referral.made", at(5), "r", referred_customer_id="d"))
    assert life.until(at(62)).status("segment") == "exit", "who has bought nothing is no referral yet"
    told = ReferralFirstOrder("d", at(70), 1)
    life.take(loss(65, name="more"), Event("referral.first_order", "told", "acme", "c-1", at(70), told)).until(at(300))
    assert life.changes("segment")[2:] == [("exit", "losing", at(70), "event"), ("losing", None, at(165), "time")]
    assert reason(life, "losing")["reason"]["measures"]["protected_by"] == "referrals"


def test_protections_do_not_stop_the_dwell() -> None:
    life = Life(rules(young(90))).take(loss(0), idea(10)).until(at(80))
    assert life.now.exit_since_ms == at(0)
    assert life.status("segment") == "losing"


def test_value_that_falls_by_itself_begins_the_dwell() -> None:
    life = Life(rules(window_days=50)).take(gain(0, 400), loss(30)).until(at(300))
    # at day 50 the gain leaves the window and the customer yields a loss; at day 80 the loss leaves as well
    assert life.changes("segment") == [(None, "losing", at(30), "event"), ("losing", None, at(80), "time")]
    short = Life(rules(dwell(20), window_days=50)).take(gain(0, 800), loss(30)).until(at(300))
    assert [change[1:] for change in short.changes("segment")] == [
        ("losing", at(50), "time"),
        ("exit", at(70), "time"),
        (None, at(80), "time"),
    ]


def test_the_model_takes_him_below_the_limit_at_a_midnight() -> None:
    model = Alive(0.5, 40.0, 0.9, 1.6, 0.5, 10, 30, GammaGamma(6.0, 4.0, 2_500.0))
    events = [gain(0.5, 100), contact(at(0.5), "visit")]
    watcher = Life(rules(named=(), default_rhythm=model)).take(*events)
    values = [watcher.until(at(day)).measure("value_future") or 0 for day in range(1, 60)]
    limit = values[39]  # of day 40
    assert values[38] > limit > values[40] > 0
    life = Life(rules(replace(dwell(7), value_future_below=limit), default_rhythm=model)).take(*events).until(at(300))
    assert life.changes("segment") == [(None, "losing", at(0.5), "event"), ("losing", "exit", at(48), "time")]
    assert life.now.exit_since_ms == at(41), "the first midnight below it"


def test_the_position_of_the_rule_counts_and_the_hold_runs_whatever_matches() -> None:
    life = Life(rules(named=(SegmentRule("fans", (Condition("feedback", -1, "at_least", limit=1),)), LOSING, EXIT))).take(loss(0))
    assert life.until(at(90)).status("segment") == "losing", "a rule before it matches"
    assert life.now.exit_since_ms == at(0)


def test_a_new_policy_keeps_the_hold() -> None:
    life = Life(rules()).take(loss(0)).until(at(30))
    evaluate.adopt(WHO, life.now, life.rules, rules(dwell(40)), at(35), life.outcome)
    life.rules = rules(dwell(40))
    assert life.until(at(100)).changes("segment")[-1] == ("losing", "exit", at(40), "time")


def test_a_policy_without_the_rule_forgets_the_hold() -> None:
    life = Life(rules()).take(loss(0)).until(at(30))
    evaluate.adopt(WHO, life.now, life.rules, policy(segments=Segments((LOSING,))), at(35), life.outcome)
    assert life.now.exit_since_ms is None
    evaluate.adopt(WHO, life.now, life.rules, policy(segments=None), at(36), life.outcome)
    assert life.changes("segment")[-1] == ("losing", None, at(36), "policy")


def reason(life: Life, to: str | None) -> dict[str, Any]:
    found = [one.data for one in life.published() if (one.data["dimension"], one.data["to"]) == ("segment", to)]
    return found[-1]


CHECKED = {"value_now": -500, "value_future": -457, "strategic": 20, "referrals": 0, "feedback": 0, "tenure_days": 60, "criteria.fit": 20}
LIMITS = {
    "value_now_below": 0,
    "value_future_below": 1_000,
    "strategic_below": 40,
    "exit_dwell_days": 60,
    "protected_by_referrals_at_least": 1,
    "protected_by_feedback_at_least": 1,
    "protected_by_tenure_days_below": 50,
    "protected_by_criteria.fit_at_least": 80,
}


def test_an_exit_names_everything_that_was_checked() -> None:
    life = Life(rules(young(50))).take(loss(0), assessed(0, fit=20)).until(at(61))
    change = reason(life, "exit")
    assert change["reason"] == {
        "code": "exit",
        "measures": {**CHECKED, "exit_since_at": at(0), "protected_by": None},
        "thresholds": LIMITS,
    }
    assert life.status("service_level") == "none"


def test_a_customer_who_is_kept_says_by_what() -> None:
    life = Life(rules(young(50))).take(loss(0), assessed(0, fit=20)).until(at(61)).take(idea(62), fits(63, 90))
    change = reason(life, "losing")
    assert change["reason"]["code"] == "rule_matches"
    assert change["reason"]["measures"] == {**CHECKED, "tenure_days": 62, "feedback": 1, "exit_since_at": at(0), "protected_by": "feedback"}
    assert change["reason"]["thresholds"] == {"value_now_below": 0} | {f"exit: {name}": limit for name, limit in LIMITS.items()}
    told = profile(WHO, life.now, life.rules).data["exit"]
    assert told == {"since_at": at(0), "due_at": at(60), "protected_by": ["feedback", "criteria.fit"]}


def test_a_profile_says_when_nobody_is_near_an_exit() -> None:
    assert profile(WHO, Life(rules()).take(gain(0)).now, rules()).data["exit"] is None
    plain = policy(segments=Segments((LOSING,)))
    assert "exit" not in profile(WHO, Life(plain).take(gain(0)).now, plain).data


def test_leaving_the_exit_shows_what_has_changed() -> None:
    life = Life(rules()).take(loss(0), gain(90))
    change = reason(life.until(at(90)), None)
    assert change["reason"]["code"] == "no_rule_matches"
    assert change["reason"]["measures"]["value_now"] == 4_500
    assert change["reason"]["thresholds"]["exit: value_now_below"] == 0
    assert change["reason"]["measures"]["exit_since_at"] is None


def test_what_would_keep_him_is_true() -> None:
    life = Life(rules()).take(loss(0)).until(at(75))
    change = reason(life, "exit")
    told = change["counterfactual"]
    assert told == {
        "event_type": "feedback.given",
        "measure": "feedback",
        "at_least": 1,
        "from_at": at(60),
        "to": "losing",
        "before_at": at(365),
    }
    life.take(idea(75.5))
    assert life.status("segment") == "losing"

"""Contact and its advice (domain.md, 3.9)."""

from typing import Any

import pytest

from stream_app.domain import evaluate
from stream_app.domain.calendar import Calendar
from stream_app.domain.dimensions.contact import advise
from stream_app.domain.events import Event
from stream_app.domain.policy import Cap, ContactRule, ContactRules, Criterion, Fixed, Policy, ScoreClasses
from stream_app.domain.status import stand
from tests.builders import DAY, WHO, Life, at, cancel, contact, event, order, policy

CAPS = ContactRule((Cap(None, 2, 10), Cap("phone", 1, 20)))
SILENCE = ContactRule(max_silence_days=10)
BUDGET = ContactRule(budget_pct=10)


def rules(rule: ContactRule | None = None, by_class: dict[str, ContactRule] | None = None, **changes: Any) -> Policy:
    fields: dict[str, Any] = {
        "contact": ContactRules(by_class or {}, rule),
        "default_rhythm": Fixed(900),
        "rhythms": {},
        "classes": None,
        "labels": None,
        "service_levels": None,
    }
    return policy(**{**fields, **changes})


def interest(days: float) -> Event:
    return event("interest.shown", at(days), f"i-{days}", kind="quote")


def responded(days: float, channel: str = "email", outcome: str = "neutral") -> Event:
    return event("contact.responded", at(days), f"r-{days}", channel=channel, outcome=outcome)


def preference(days: float, preferred: str | None, *closed: str) -> Event:
    return event("preference.set", at(days), f"p-{days}", preferred_channel=preferred, closed_channels=list(closed))


RULED_OUT = event("lead.ruled_out", at(1), "l")
TABLE: list[tuple[str, ContactRule | None, list[Event], float, str | None]] = [
    # (what, the rule, events, the clock, the value)
    ("no rule", None, [contact(at(0))], 0, None),
    ("a rule without limits", ContactRule(), [contact(at(0), cost=10**9)] * 9, 500, "ok"),
    ("someone who never will be a customer", CAPS, [contact(at(0)), RULED_OUT], 1, None),
    ("as often as allowed", CAPS, [contact(at(0)), contact(at(1))], 1, "ok"),
    ("once too often", CAPS, [contact(at(0)), contact(at(1)), contact(at(2), "chat")], 2, "too_often"),
    ("inbound does not count", CAPS, [contact(at(n), "email", "inbound") for n in range(3)], 2, "ok"),
    ("thrice on one day", CAPS, [contact(at(0) + n) for n in range(3)], 0.5, "too_often"),
    ("the first day is about to leave", CAPS, [contact(at(n)) for n in range(3)], 9.99, "too_often"),
    ("the first day leaves", CAPS, [contact(at(n)) for n in range(3)], 10, "ok"),
    ("a channel's own cap", CAPS, [contact(at(0), "phone"), contact(at(5), "phone")], 5, "too_often"),
    ("a channel's own window", CAPS, [contact(at(0), "phone"), contact(at(5), "phone")], 19.9, "too_often"),
    ("both phone calls once more allowed", CAPS, [contact(at(0), "phone"), contact(at(5), "phone")], 20, "ok"),
    ("a contact that comes late", CAPS, [contact(at(2)), contact(at(2.5)), contact(at(0))], 2.5, "too_often"),
    ("a cap of nothing", ContactRule((Cap(None, 0, 10),)), [interest(0)], 0, "ok"),
    ("any is more than a cap of nothing", ContactRule((Cap(None, 0, 10),)), [contact(at(0))], 0, "too_often"),
    ("silent since the first event", SILENCE, [interest(0), interest(4)], 10, "too_seldom"),
    ("not since one that was refused", SILENCE, [interest(4), order(at(-800)), interest(13)], 13.9, "ok"),
    ("not yet", SILENCE, [interest(0)], 9.999, "ok"),
    ("a contact breaks it", SILENCE, [interest(0), contact(at(4))], 13.9, "ok"),
    ("so does one from him", SILENCE, [interest(0), contact(at(4), "phone", "inbound")], 13.9, "ok"),
    ("and an answer", SILENCE, [interest(0), responded(4)], 13.9, "ok"),
    ("and an order", SILENCE, [interest(0), order(at(4))], 13.9, "ok"),
    ("but no order that was voided", SILENCE, [interest(0), order(at(4)), cancel(at(5))], 10, "too_seldom"),
    ("from then on silent again", SILENCE, [interest(0), responded(4)], 14, "too_seldom"),
    ("spent all there is", BUDGET, [order(at(0), cost_minor=0), contact(at(1), cost=9), contact(at(1), "chat", cost=81)], 1, "ok"),
    ("a cent more", BUDGET, [order(at(0), cost_minor=0), contact(at(1), cost=9), contact(at(1), "chat", cost=82)], 1, "over_budget"),
    ("inbound costs, too", BUDGET, [order(at(0), cost_minor=0), contact(at(1), "chat", "inbound", 91)], 1, "over_budget"),
    ("nothing is spent on nobody", BUDGET, [interest(0)], 0, "ok"),
    ("a cent for someone without value", BUDGET, [interest(0), contact(at(1), cost=1)], 1, "over_budget"),
    ("the contact leaves the window", BUDGET, [interest(0), contact(at(1), cost=1)], 366, "ok"),
]


@pytest.mark.parametrize(("what", "rule", "events", "clock", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_contact(what: str, rule: ContactRule | None, events: list[Event], clock: float, expected: str | None) -> None:
    # No future value: the horizon is so short that it floors to 0, and the budget is 10 % of what is left of 1 000.
    life = Life(rules(rule, horizon_days=0)).take(*events).until(at(clock))
    assert life.status("contact") == expected


def test_the_order_of_the_values() -> None:
    every = ContactRule((Cap(None, 0, 10),), 20, 10)
    life = Life(rules(every)).take(contact(at(0), cost=1)).until(at(800))
    assert [change[1:3] for change in life.changes("contact")] == [("over_budget", at(0)), ("too_seldom", at(365))]
    life = Life(rules(every)).take(contact(at(0), cost=0)).until(at(800))
    assert [change[1:3] for change in life.changes("contact")] == [("too_often", at(0)), ("ok", at(10)), ("too_seldom", at(20))]


def test_a_cap_may_look_further_back_than_the_measures() -> None:
    long = rules(ContactRule((Cap(None, 1, 100),)), window_days=7)
    life = Life(long).take(contact(at(0)), contact(at(50))).until(at(60))
    assert (life.status("contact"), life.measure("contacts")) == ("too_often", 0)
    assert life.until(at(300)).changes("contact")[1:] == [("ok", "too_often", at(50), "event"), ("too_often", "ok", at(100), "time")]
    assert life.now.bucket_day == [], "what no cap asks for is forgotten"
    late = Life(long).take(contact(at(50)), contact(at(0)))
    assert (late.status("contact"), late.measure("contacts"), late.now.bucket_outside) == ("too_often", 1, 1)


def test_days_are_those_of_the_shop() -> None:
    first = at(0) // DAY - 2
    west = Calendar("west", first, [(first + n) * DAY + 5 * DAY // 24 for n in range(400)])
    life = Life(rules(ContactRule((Cap(None, 1, 3),)), calendar=west)).take(contact(at(0)), contact(at(0.1))).until(at(9))
    assert life.changes("contact")[-1][1:3] == ("ok", at(2) + 5 * DAY // 24)


def test_the_rule_of_the_class_before_the_default() -> None:
    classed = {"criteria": (Criterion("orders", 1, (1, 2), (50, 100)),), "classes": ScoreClasses(70, 40), "window_days": 20}
    life = Life(rules(ContactRule((Cap(None, 0, 90),)), {"A": ContactRule((Cap(None, 1, 90),))}, downgrade_dwell_days=5, **classed))
    life.take(contact(at(0)), order(at(1)), order(at(2), "o-2"))
    assert life.changes("contact") == [
        (None, "too_often", at(0), "event"),
        ("too_often", "ok", at(2), "event"),
    ]
    life.until(at(80))
    assert life.changes("contact")[2:] == [("ok", "too_often", at(26), "time")], "when the dwell of the lower class is over"
    only_a = Life(rules(None, {"A": CAPS}, downgrade_dwell_days=5, **classed)).take(order(at(0)), order(at(1), "o-2")).until(at(80))
    assert [change[:3] for change in only_a.changes("contact")] == [(None, "ok", at(1)), ("ok", None, at(25))]


def test_the_lost_for_good_are_not_missed() -> None:
    life = Life(rules(SILENCE, default_rhythm=Fixed(5), cooling_days=10, gone_days=20)).take(order(at(0))).until(at(100))
    assert [change[:3] for change in life.changes("contact")] == [
        (None, "ok", at(0)),
        ("ok", "too_seldom", at(10)),
        ("too_seldom", "ok", at(25)),
    ]
    assert [one.data["valid_until"] for one in life.published() if one.data["dimension"] == "contact"] == [at(10), at(25), None]


def test_value_that_ends_with_the_rhythm_ends_the_budget() -> None:
    life = Life(rules(BUDGET, default_rhythm=Fixed(30))).take(order(at(0), cost_minor=0), contact(at(1), cost=200)).until(at(40))
    assert life.changes("contact") == [(None, "ok", at(0), "event"), ("ok", "over_budget", at(30), "time")]


ADVICE: list[tuple[str, ContactRule, list[Event], float, str | None, float | None]] = [
    # (what, the rule, events, the clock, the channel, the moment's day)
    ("the cheapest", ContactRule(), [], 1, "email", 1),
    ("the preferred", ContactRule(), [preference(1, "visit")], 1, "visit", 1),
    ("not one that he closed", ContactRule(), [preference(1, "email", "email")], 1, "other", 1),
    ("nor one that he left since", ContactRule(), [preference(1, "email"), responded(2, "email", "unsubscribed")], 2, "other", 2),
    ("but one that he opened again", ContactRule(), [responded(1, "email", "unsubscribed"), preference(2, "email")], 2, "email", 2),
    ("the preferred is too dear", ContactRule(budget_pct=50), [preference(1, "phone")], 1, "email", 1),
    ("none is open", ContactRule(), [preference(1, "email", "email", "mailing", "phone", "visit", "chat", "other")], 1, None, 1),
    ("none is affordable", ContactRule(budget_pct=0), [], 1, None, 1),
    ("at once, below the cap", CAPS, [contact(at(1))], 1.5, "email", 1.5),
    ("when the first of two has left", CAPS, [contact(at(1)), contact(at(2))], 3, "email", 11),
    ("when two of three have", CAPS, [contact(at(1)), contact(at(2)), contact(at(3))], 4, "email", 12),
    ("the channel's cap is full, another's is not", CAPS, [contact(at(1), "phone")], 2, "email", 2),
    ("the preferred channel's cap is full", CAPS, [preference(1, "phone"), contact(at(1), "phone")], 2, "phone", 21),
    ("another channel's cap is broken", CAPS, [contact(at(1), "phone"), contact(at(6), "phone")], 7, "email", 21),
    ("never", ContactRule((Cap(None, 0, 10),)), [], 1, "email", None),
    ("never by this channel", ContactRule((Cap("visit", 0, 10),)), [preference(1, "visit")], 1, "visit", None),
    ("never by that one", ContactRule((Cap("visit", 0, 10),)), [], 1, "email", 1),
]


@pytest.mark.parametrize(("what", "rule", "events", "clock", "channel", "day"), ADVICE, ids=[row[0] for row in ADVICE])
def test_advice(what: str, rule: ContactRule, events: list[Event], clock: float, channel: str | None, day: float | None) -> None:
    life = Life(rules(rule, horizon_days=0)).take(order(at(0), cost_minor=0), *events).until(at(clock))
    found = advise(life.now, life.rules, stand(life.now, life.rules), life.now.values)
    assert (found["channel"], found["moment"]) == (channel, None if day is None else at(day))


def test_the_cheapest_of_equals_is_the_first_listed() -> None:
    costs = dict.fromkeys(("email", "mailing", "phone", "visit", "chat", "other"), 7)
    life = Life(rules(ContactRule(), channel_costs=costs)).take(preference(0, None, "email"))
    assert life.published("contact.advised")[-1].data["channel"] == "mailing"


def test_advice_goes_out_with_every_live_change() -> None:
    life = Life(rules(ContactRule((Cap(None, 0, 10),), None, 10), live_since_ms=at(3)))
    life.take(order(at(0), cost_minor=0), contact(at(1)), contact(at(4)), contact(at(5), cost=10**6), RULED_OUT).until(at(40))
    changes = [one for one in life.published() if one.data["dimension"] == "contact"]
    assert [(one.data["to"], one.origin) for one in changes] == [("ok", "backfill"), ("too_often", "backfill"), ("over_budget", "live")]
    (advice,) = life.published("contact.advised")
    assert (advice.topic, advice.causation_id, advice.time_ms) == ("contact-advice", changes[-1].id, at(5))
    assert advice.data == {"from": "too_often", "to": "over_budget", "channel": None, "moment": None, "budget_minor": 0}


def test_advice_that_holds_no_longer_is_taken_back() -> None:
    life = Life(rules(CAPS)).take(interest(0), RULED_OUT)
    assert [one.data["to"] for one in life.published("contact.advised")] == ["ok", None]
    last = life.published("contact.advised")[-1].data
    assert (last["channel"], last["moment"], last["budget_minor"]) == (None, None, None)
    assert life.published()[-1].data["dimension"] == "contact"
    assert life.published()[-1].data["reason"]["code"] == "lead_ruled_out"
    evaluate.adopt(WHO, life.now, life.rules, rules(hash="1" * 32, version=2, contact=None), at(2), life.outcome)
    assert life.changes("contact")[-1][1] is None


def proof(life: Life) -> dict[str, Any]:
    return [one.data for one in life.published() if one.data["dimension"] == "contact"][-1]


def test_the_proof_says_what_was_measured_against_each_limit() -> None:
    rule = ContactRule((Cap(None, 1, 10), Cap("phone", 3, 20)), 90, 10)
    life = Life(rules(rule, horizon_days=0)).take(order(at(0), cost_minor=0), contact(at(1), cost=20), contact(at(2), cost=30))
    change = proof(life)
    assert change["reason"]["code"] == "too_often"
    assert change["reason"]["measures"] == {
        "class": None,
        "value_now": 950,
        "value_future": 0,
        "contact_cost": 50,
        "outbound": 2,
        "outbound.phone": 0,
        "last_touch_at": at(2),
        "winback": "none",
        "segment": None,
    }
    assert change["reason"]["thresholds"] == {
        "budget_pct": 10,
        "budget_minor": 95,
        "outbound": 1,
        "outbound.per_days": 10,
        "outbound.phone": 3,
        "outbound.phone.per_days": 20,
        "silent_at": at(92),
    }
    assert change["counterfactual"] == {"measure": "outbound", "at_most": 1, "to": "ok"}
    assert change["valid_until"] == at(11)


def test_what_would_have_kept_it_away() -> None:
    both = Life(rules(CAPS)).take(contact(at(0), "phone"), contact(at(1)), contact(at(2), "phone"))
    assert "counterfactual" not in proof(both), "no single measure would"
    dear = Life(rules(ContactRule((Cap(None, 0, 10),), 30, 10))).take(contact(at(1), cost=5))
    assert proof(dear)["counterfactual"] == {"measure": "contact_cost", "at_most": 0, "to": "too_often"}
    silent = Life(rules(SILENCE)).take(interest(0)).until(at(10))
    assert proof(silent)["counterfactual"] == {"event_type": "contact.responded", "from_at": at(10), "to": "ok"}
    assert silent.take(responded(10)).status("contact") == "ok"


def test_a_win_back_budget_is_that_of_the_rule() -> None:
    def offer(rule: ContactRule | None) -> tuple[int, str | None]:
        life = Life(rules(rule, default_rhythm=Fixed(30))).take(order(at(0), total=10_000, cost_minor=0), contact(at(1), cost=150))
        data = life.until(at(30)).published("winback.opened")[0].data
        return data["budget_minor"], data["advised_channel"]

    assert offer(None) == (9_850 * 5 // 100 - 150, "email"), "5 % without a rule, less what was spent"
    assert offer(ContactRule()) == (9_850 * 5 // 100 - 150, "email"), "a win-back needs a budget, the rule names none"
    assert offer(ContactRule(budget_pct=50)) == (9_850 // 2 - 150, "email")
    assert offer(ContactRule(budget_pct=1)) == (0, None)

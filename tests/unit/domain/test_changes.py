"""What a change says: cause, revocation, proof, ids, order (domain.md, section 4)."""

from hashlib import blake2b

import pytest

from stream_app.domain import evaluate
from stream_app.domain.events import Event
from stream_app.domain.ids import Who, identify
from stream_app.domain.policy import Alive, Criterion, Fixed, OwnRhythm
from stream_app.domain.settle import Outcome
from tests.builders import Life, at, cancel, contact, event, order, payment, policy, refund

FIXED = policy(default_rhythm=Fixed(100), rhythms={})


def last(life: Life, dimension: str) -> dict[str, object]:
    """The data of the latest change of a dimension."""
    return [one.data for one in life.published() if one.data["dimension"] == dimension][-1]


CAUSES: list[tuple[str, list[Event], str, float]] = [
    # (what, events, kind of the cause of the last lifecycle change, its day)
    ("an event", [order(at(5))], "event", 5),
    ("a late event", [contact(at(9)), order(at(5))], "late", 9),
    ("a cancel", [order(at(5)), cancel(at(6))], "void", 6),
    ("a late cancel", [order(at(5)), cancel(at(4))], "void", 5),
    ("a full refund", [order(at(5)), refund(at(6), 1_000)], "void", 6),
    ("an order a cancel waited for", [cancel(at(5)), order(at(6))], "void", 6),
    ("an order a refund waited for", [refund(at(5), 1), order(at(6))], "void", 6),
    ("a late order a cancel waited for", [cancel(at(5)), order(at(4))], "void", 5),
    ("an order a payment waited for", [payment(at(5), at(5)), order(at(6))], "event", 6),
    ("a late order a payment waited for", [payment(at(5), at(5)), order(at(4))], "late", 5),
    ("a cancel that waits", [cancel(at(5))], "void", 5),
]


@pytest.mark.parametrize(("what", "events", "kind", "day"), CAUSES, ids=[row[0] for row in CAUSES])
def test_the_cause(what: str, events: list[Event], kind: str, day: float) -> None:
    change = last(Life(FIXED).take(*events), "lifecycle")
    assert change["cause"] == {"kind": kind, "event_id": events[-1].id}
    assert change["effective_at"] == at(day)


def test_a_deadline_has_no_event() -> None:
    life = Life(FIXED).take(order(at(0)), event("preference.set", at(300), "p"))
    change = last(life, "lifecycle")
    assert (change["cause"], change["effective_at"]) == ({"kind": "time"}, at(100))


def test_an_event_at_the_very_deadline_comes_after_it() -> None:
    life = Life(FIXED).take(order(at(0)), order(at(100), "o-2"))
    assert life.changes("lifecycle")[1:] == [("active", "inactive", at(100), "time"), ("inactive", "active", at(100), "event")]
    life = Life(FIXED).take(order(at(0)), order(at(100) - 1, "o-2"))
    assert len(life.changes("lifecycle")) == 1


REVOKES: list[tuple[str, list[Event], bool]] = [
    # (what, events, whether the last lifecycle change revokes the one before)
    ("a late order takes inactivity back", [order(at(0)), contact(at(120)), order(at(50), "o-2")], True),
    ("an order in time does not", [order(at(0)), contact(at(120)), order(at(120), "o-2")], False),
    ("a cancel takes the purchase back", [contact(at(0)), order(at(1)), cancel(at(2))], True),
    ("a cancel that ends elsewhere does not", [order(at(1)), cancel(at(2))], False),  # null -> active -> potential
    ("a cancel of what won him back", [order(at(0)), order(at(150), "o-2"), cancel(at(160), "o-2")], True),
]


@pytest.mark.parametrize(("what", "events", "revokes"), REVOKES, ids=[row[0] for row in REVOKES])
def test_late_and_void_changes_revoke(what: str, events: list[Event], revokes: bool) -> None:
    life = Life(FIXED).take(*events)
    changes = [one for one in life.published() if one.data["dimension"] == "lifecycle"]
    assert changes[-1].data.get("revokes") == (changes[-2].id if revokes else None)
    assert all("revokes" not in one.data for one in changes[:-1])


def test_the_order_of_publishing_is_the_order_of_the_dimensions() -> None:
    life = Life(FIXED).take(order(at(0)))
    assert [one.data["dimension"] for one in life.published()] == ["lifecycle", "churn_risk", "class", "label", "service_level", "winback"]
    assert [one.sequence for one in life.published()] == [1, 2, 3, 4, 5, 6]
    assert [one.data["sequence"] for one in life.published()] == [1, 2, 3, 4, 5, 6]
    life.until(at(900))
    assert [one.sequence for one in life.published()] == list(range(1, len(life.published()) + 1))


def test_a_change_says_everything() -> None:
    first = Life(FIXED).take(order(at(0.25))).published()[0]
    assert first.data == {
        "dimension": "lifecycle",
        "from": None,
        "to": "active",
        "sequence": 1,
        "effective_at": at(0.25),
        "cause": {"kind": "event", "event_id": "e-o-1"},
        "reason": {
            "code": "ordered_within_rhythm",
            "measures": {"product_group": "default", "last_order_at": at(0.25), "occasions": 1, "span_days": 0},
            "thresholds": {"patience_ms": 100 * 86_400_000, "inactive_at": at(100.25)},
        },
        "policy": {"version": 1, "hash": "0" * 32},
        "valid_until": at(100.25),
        "counterfactual": {"event_type": "order.placed", "product_group": "default", "before_at": at(100.25), "to": "active"},
    }
    assert (first.topic, first.type, first.time_ms, first.origin) == ("status-changes", "status.changed", at(0.25), "live")
    assert first.causation_id is None


@pytest.mark.parametrize(("live_since", "origin"), [(None, "live"), (at(0), "live"), (at(0) + 1, "backfill")])
def test_origin(live_since: int | None, origin: str) -> None:
    life = Life(policy(live_since_ms=live_since)).take(order(at(0)))
    assert {one.origin for one in life.published()} == {origin}


def test_origin_follows_effective_at_not_the_event() -> None:
    life = Life(policy(live_since_ms=at(5))).take(contact(at(9)), order(at(1)))
    assert [one.origin for one in life.published() if one.data["dimension"] == "lifecycle"] == ["live", "live"]


# --- ids


def test_ids_are_stable() -> None:
    assert identify("status.changed", Who("acme", "c-1"), 1_700_000_000_000, 1) == "f70ca873a15f87ac7227f1134680d5ca"
    parts = [b"status.changed", b"acme", b"c-1", b"1700000000000", b"1"]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert blake2b(framed, digest_size=16).hexdigest() == "f70ca873a15f87ac7227f1134680d5ca"
    life = Life(FIXED).take(order(at(0)))
    assert life.published()[0].id == identify("status.changed", Who("acme", "c-1"), at(0), 1)


def test_fields_of_an_id_cannot_run_into_each_other() -> None:
    made = [("k", "a", "bc", 1, 2), ("k", "ab", "c", 1, 2), ("ka", "", "bc", 1, 2), ("k", "a", "bc", 12, 2), ("k", "a", "bc", 1, 22)]
    made += [("k", "a", "bc", 11, 2), ("k", "a", "bc", 1, 12), ("k", "a", "b\u00e7", 1, 2), ("k", "a/", "bc", 1, 2)]
    assert len({identify(kind, Who(shop, customer), born, sequence) for kind, shop, customer, born, sequence in made}) == len(made)


def test_born_is_the_first_folded_event_not_the_oldest() -> None:
    early = Life(FIXED).take(contact(at(5)), order(at(2)))
    assert early.now.born_ms == at(5)
    assert early.published()[0].id == identify("status.changed", Who("acme", "c-1"), at(5), 1)


# --- proofs of each status


def test_valid_until_is_honest() -> None:
    rules = policy(default_rhythm=Fixed(40), rhythms={}, window_days=30)
    life = Life(rules).take(order(at(0.5), total=70_000), contact(at(3), "visit"), order(at(9.5), "o-2")).until(at(2_000))
    changes = [one.data for one in life.published()]
    for index, change in enumerate(changes):
        later = [one for one in changes[index + 1 :] if one["dimension"] == change["dimension"]]
        if later and later[0]["cause"]["kind"] == "time":
            assert change["valid_until"] is not None
            assert change["valid_until"] <= later[0]["effective_at"]
        assert change["valid_until"] is None or change["valid_until"] > change["effective_at"]
    assert len(changes) > 15


CODES: list[tuple[list[Event], float, dict[str, str]]] = [
    ([contact(at(0))], 0, {"lifecycle": "relation_without_order", "winback": "not_inactive"}),
    ([event("lead.identified", at(0), "l")], 0, {"lifecycle": "no_relation"}),
    ([event("lead.ruled_out", at(0), "l")], 0, {"lifecycle": "lead_ruled_out"}),
    (
        [order(at(0))],
        0,
        {"lifecycle": "ordered_within_rhythm", "churn_risk": "share_of_patience", "label": "class", "service_level": "class"},
    ),
    ([order(at(0))], 100, {"lifecycle": "silent_beyond_rhythm", "churn_risk": "no_longer_active", "winback": "time_since_inactive"}),
    ([order(at(0)), cancel(at(1))], 1, {"churn_risk": "no_counting_order", "class": "no_counting_order"}),
]


@pytest.mark.parametrize(("events", "day", "codes"), CODES)
def test_every_status_has_a_reason(events: list[Event], day: float, codes: dict[str, str]) -> None:
    life = Life(FIXED).take(*events).until(at(day))
    reasons = {dimension: last(life, dimension)["reason"] for dimension in codes}
    assert {dimension: reason["code"] for dimension, reason in reasons.items()} == codes  # type: ignore[index]


def test_a_loss_tells_the_last_order_of_any_group() -> None:
    rules = policy(default_rhythm=Fixed(10), rhythms={"wine": Fixed(100)}, category_groups={"red": "wine"})
    reason = last(Life(rules).take(order(at(0), "a", categories=("red",)), order(at(5), "b")).until(at(100)), "lifecycle")["reason"]
    assert (reason["measures"]["last_order_at"], reason["measures"]["last_counting_order_at"]) == (at(0), at(5))  # type: ignore[index]


# --- a new policy


def test_a_new_policy_takes_effect_at_the_clock_or_its_own_time() -> None:
    strict = policy(default_rhythm=Fixed(10), rhythms={}, version=2, hash="2" * 32, cooling_days=5)
    for from_ms, turn in [(at(50), at(50)), (at(5), at(20)), (at(120), at(120))]:
        life = Life(FIXED).take(order(at(0)), event("preference.set", at(20), "p"))
        outcome = Outcome()
        evaluate.adopt(Who("acme", "c-1"), life.now, FIXED, strict, from_ms, outcome)
        assert life.now.clock_ms == turn
        assert (life.now.policy_version, life.now.policy_hash) == (2, "2" * 32)
        found = {(one.data["dimension"], one.data["to"]): one.data for one in outcome.published if one.type == "status.changed"}
        by_policy = {key for key, data in found.items() if data["cause"] == {"kind": "policy"}}
        assert ("winback", "cooling") in by_policy
        assert found["winback", "cooling"]["effective_at"] == turn
        assert found["winback", "cooling"]["policy"] == {"version": 2, "hash": "2" * 32}
        # Deadlines before it fire under the old version: with day 120, inactivity at day 100 came by time.
        assert (("lifecycle", "inactive") in by_policy) == (from_ms != at(120))


def test_a_deadline_at_the_moment_of_the_policy_is_the_new_ones() -> None:
    patient = policy(default_rhythm=Fixed(200), rhythms={}, version=2, hash="2" * 32)
    life, outcome = Life(FIXED).take(order(at(0))), Outcome()
    evaluate.adopt(Who("acme", "c-1"), life.now, FIXED, patient, at(100), outcome)
    assert life.status("lifecycle") == "active"
    life.rules = patient
    life.until(at(200))
    assert life.status("lifecycle") == "inactive"


def test_a_dropped_dimension_goes_to_null_and_the_rest_stays() -> None:
    bare = policy(default_rhythm=Fixed(100), rhythms={}, classes=None, labels=None, service_levels=None, version=2, hash="2" * 32)
    life, outcome = Life(FIXED).take(order(at(0))), Outcome()
    evaluate.adopt(Who("acme", "c-1"), life.now, FIXED, bare, at(1), outcome)
    dropped = [(one.data["dimension"], one.data["to"], one.data["sequence"]) for one in outcome.published if one.type == "status.changed"]
    assert dropped == [("class", None, 7), ("label", None, 8), ("service_level", None, 9)]
    assert life.status("lifecycle") == "active"


def test_a_policy_change_keeps_the_hold() -> None:
    fits = [event("profile.assessed", at(day), f"s-{day}", criteria={"fit": points}) for day, points in [(0, 100), (10, 0)]]
    rules = policy(criteria=(Criterion("criteria.fit", 1, (50,), (100,)),), default_rhythm=Fixed(400), rhythms={})
    life = Life(rules).take(fits[0], order(at(0)), fits[1])
    assert life.now.class_hold_ms == at(10)
    slower = policy(criteria=rules.criteria, default_rhythm=Fixed(400), rhythms={}, downgrade_dwell_days=50, version=2, hash="2" * 32)
    evaluate.adopt(Who("acme", "c-1"), life.now, rules, slower, at(20), life.outcome)
    life.rules = slower
    life.until(at(300))
    assert [change[1:3] for change in life.changes("class")] == [("A", at(0)), ("B", at(60)), ("C", at(110))]


def test_a_refused_event_moves_the_clock_and_fires_deadlines_and_nothing_else() -> None:
    again = order(at(150))
    again.id = again.name = "again"
    life = Life(FIXED).take(order(at(0)), again)
    assert life.changes("lifecycle")[-1] == ("active", "inactive", at(100), "time")
    assert life.now.clock_ms == at(150)
    assert life.rejected() == [("order_exists", "again")]


@pytest.mark.parametrize(
    ("medium_pct", "high_pct", "promised"),
    [(50, 80, [None, "low", "low"]), (0, 80, [None, "medium"]), (0, 0, [None])],
)
def test_an_order_is_not_said_to_lower_a_risk_that_every_order_begins_with(medium_pct: int, high_pct: int, promised: list[str]) -> None:
    life = Life(policy(default_rhythm=Fixed(100), rhythms={}, medium_pct=medium_pct, high_pct=high_pct)).take(order(at(0))).until(at(99))
    risks = [one.data for one in life.published() if one.data["dimension"] == "churn_risk"]
    assert [risk.get("counterfactual", {}).get("to") for risk in risks] == promised
    if promised[-1]:
        life.take(order(at(99), "o-2"))
        assert life.status("churn_risk") == promised[-1], "and so it is"


def test_no_order_is_promised_to_make_active_whom_no_patience_is_left_for() -> None:
    """With `max_days: 0` nobody ever is active, and with `min_days: 0` not whoever buys once at an expected gap of nothing."""
    for curt in (OwnRhythm(min_days=0, max_days=0), Alive(1.0, 1.0, 1.0, 1.0, 0.5, 0, 0), OwnRhythm(prior_days=0, min_days=0)):
        rules = policy(default_rhythm=curt, rhythms={})
        life = Life(rules).take(contact(at(0)))
        assert "counterfactual" not in last(life, "lifecycle")
        life.take(order(at(1)))
        assert life.status("lifecycle") == "inactive"
        promised = curt.max_days > 0
        assert [("counterfactual" in last(life, dimension)) for dimension in ("lifecycle", "winback")] == [False, False]
        life.take(order(at(9), "o-2"))
        assert (life.status("lifecycle") == "active") is promised, "a second occasion shows a rhythm"

"""What a profile says (contract.md, customer-profiles)."""

import json

from stream_app.codec.changes import encode_outgoing, encode_profile, write_times
from stream_app.domain.ids import identify
from stream_app.domain.policy import Fixed
from stream_app.domain.profile import profile
from stream_app.domain.settle import Outcome
from stream_app.domain.status import stand
from stream_app.domain.value import MEASURES
from tests.builders import WHO, Life, at, contact, event, order, payment, policy

RULES = policy(default_rhythm=Fixed(100), rhythms={})


def test_the_full_picture() -> None:
    life = Life(RULES).take(
        order(at(0), categories=("red wine",)),
        order(at(0.5), "o-2", categories=("sneakers",)),
        event("profile.assessed", at(1), "a", criteria={"seen_at": 80, "fit": 20}),
        event("preference.set", at(2), "p", preferred_channel="chat"),
        payment(at(3), at(3), "o-9"),
    )
    made = profile(WHO, life.now, RULES)
    assert (made.topic, made.type, made.time_ms, made.origin) == ("customer-profiles", "customer.profile", at(3), "live")
    assert made.id == identify("customer.profile", WHO, at(0), life.now.sequence)
    assert made.data["statuses"] == {
        "lifecycle": "active",
        "churn_risk": "low",
        "class": life.status("class"),
        "label": life.status("label"),
        "service_level": life.status("service_level"),
        "winback": "none",
    }
    standing = stand(life.now, RULES)
    assert {name: made.data["measures"][name] for name in MEASURES} == {
        name: rule(life.now, RULES, standing) for name, rule in MEASURES.items()
    }
    assert list(made.data["measures"]) == [*MEASURES, "criteria.fit", "criteria.seen_at", "score"]
    assert {name: made.data["measures"][name] for name in ("revenue", "strategic", "p_alive_pct", "criteria.seen_at")} == {
        "revenue": 2_000,
        "strategic": 50,
        "p_alive_pct": None,
        "criteria.seen_at": 80,
    }
    assert made.data["facts"] == {
        "orders_counting": 2,
        "orders_open": 2,
        "first_order_at": at(0),
        "last_order_at": at(0.5),
        "product_groups": {"shoes": {"occasions": 1, "last_order_at": at(0.5)}, "wine": {"occasions": 1, "last_order_at": at(0)}},
        "preferred_channel": "chat",
        "events_waiting": 1,
        "first_event_at": at(0),
        "last_event_at": at(3),
    }
    assert made.data["next_deadline"] == life.now.deadline_ms == at(33)
    assert (made.data["sequence"], made.data["policy"]) == (6, {"version": 1, "hash": "0" * 32})
    encoded = encode_outgoing(made)
    assert encode_profile(WHO, life.now, RULES, Outcome()) == encoded, "times written as it is made, or afterwards"
    written = json.loads(encoded)["data"]
    assert (written["next_deadline"], written["facts"]["first_order_at"]) == ("2024-11-06T00:00:00.000Z", "2024-10-04T00:00:00.000Z")
    assert written["measures"]["criteria.seen_at"] == 80, "a criterion's name is the shop's, and no time"
    assert written["facts"]["product_groups"]["wine"]["last_order_at"] == "2024-10-04T00:00:00.000Z"


def test_someone_who_never_bought() -> None:
    life = Life(policy(labels=None, service_levels=None)).take(contact(at(0)))
    made = profile(WHO, life.now, life.rules).data
    assert made["statuses"] == {"lifecycle": "potential", "churn_risk": None, "class": None, "winback": "none"}, "nulls are listed"
    assert [made["measures"][name] for name in ("score", "recency_days", "tenure_days", "strategic", "value_now")] == [
        None,
        None,
        None,
        0,
        -5,
    ]
    assert (made["facts"]["first_order_at"], made["next_deadline"]) == (None, None)


def test_a_profile_of_history_is_marked_as_backfill() -> None:
    life = Life(policy(live_since_ms=at(1))).take(contact(at(0)))
    assert profile(WHO, life.now, life.rules).origin == "backfill"


def test_times_are_written_at_every_depth() -> None:
    data = {
        "a_at": 0,
        "valid_until": 1,
        "next_deadline": None,
        "reason": {"measures": {"last_order_at": 86_400_000, "criteria.a_at": 5}},
        "n": 2,
    }
    write_times(data)
    write_times(data)  # as for a record that is sent again
    assert data == {
        "a_at": "1970-01-01T00:00:00.000Z",
        "valid_until": "1970-01-01T00:00:00.001Z",
        "next_deadline": None,
        "reason": {"measures": {"last_order_at": "1970-01-02T00:00:00.000Z", "criteria.a_at": 5}},
        "n": 2,
    }

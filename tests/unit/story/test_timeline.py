"""One customer's story, told from what the domain really publishes."""

import inspect
import json
from typing import Any

import pytest

from stream_app.cli.explain import tell
from stream_app.codec.changes import encode_outgoing
from stream_app.codec.policy import read_policy
from stream_app.codec.times import format_time
from stream_app.domain import merge
from stream_app.domain.events import DERIVED_TYPES, EVENT_TYPES, CustomerFacts, Event, ReferralFirstOrder
from stream_app.domain.profile import profile
from stream_app.story.timeline import explain
from stream_app.worker.explain import Found
from tests.builders import RAW, WHO, Life, at, cancel, contact, event, order

POLICY = b"""
shop: acme
currency: EUR
clock: events
product_groups: {shoes: [boots], belts: [belt], bags: [bag]}
rhythm: {default: {method: fixed, days: 100}}
criteria: [{measure: value_now, weight: 1, bands: {0: 20, 500: 50, 1000: 100}}]
classes: {by: score, A: 70, B: 40}
labels: {A: gold, B: silver, C: bronze}
segments: [{name: busy, when: [{measure: churn_risk, is: low}, {measure: orders, at_least: 2}]}]
service_levels: {class: {A: premium, B: standard, C: basic}}
contact: {default: {max_contacts: 1, per_days: 30, max_silence_days: 60, budget_pct: 5}}
cross_sell: {shoes: [belts, bags]}
opportunity: {growth_pct: 150, growth_days: 30}
"""
EVENTS = [
    event("interest.shown", at(0), "i", kind="quote"),
    event("lead.identified", at(1), "l", note="a secret"),
    order(at(2), "o-1", 2_000, ("boots",)),
    contact(at(3), "phone"),
    contact(at(4)),
    order(at(40), "o-2", 9_000, ("boots", "belt")),
    cancel(at(41), "o-2"),
    contact(at(50), "visit"),
]


def life(*events: Event, until: float = 300) -> Life:
    return Life(read_policy(POLICY, "p.yaml")[1]).take(*events).until(at(until))


def found(told: Life, events: list[Event]) -> Found:
    """What Kafka would hold of him: topic by topic, then his profile."""
    outgoing = [one for one in told.outcome.published if one.topic != "customer-profiles"]
    outgoing.sort(key=lambda one: one.topic != "status-changes")
    published = [json.loads(encode_outgoing(one)) for one in outgoing]
    return Found(events, published, json.loads(encode_outgoing(profile(WHO, told.now, told.rules))))


@pytest.fixture(scope="module")
def story() -> dict[str, Any]:
    document = explain("acme", "c-1", found(life(*EVENTS), EVENTS))
    assert document is not None
    return document


def texts(document: dict[str, Any]) -> str:
    return "\n".join(" " * indentation + text for indentation, _, text in tell(document))


def entry(document: dict[str, Any], text: str) -> dict[str, Any]:
    return next(one for one in document["timeline"] if one["text"].startswith(text))


def test_everything_is_there_in_the_order_of_time(story: dict[str, Any]) -> None:
    kinds = [one["kind"] for one in story["timeline"]]
    assert kinds.count("event") == len(EVENTS)
    assert {"change", "notice", "reaction"} <= set(kinds)
    assert [one["at"] for one in story["timeline"]] == sorted(one["at"] for one in story["timeline"])
    sequences = [one["data"]["sequence"] for one in story["timeline"] if one["kind"] == "change"]
    assert sequences == list(range(1, len(sequences) + 1))
    assert {one["data"]["dimension"] for one in story["timeline"] if one["kind"] == "change"} >= set(story["now"]["statuses"])


def test_no_sentence_has_a_hole_and_no_note_is_told(story: dict[str, Any]) -> None:
    assert "?" not in texts(story)
    assert "secret" not in json.dumps(story)


def test_an_event_comes_before_what_it_causes(story: dict[str, Any]) -> None:
    timeline = story["timeline"]
    placed = next(number for number, one in enumerate(timeline) if one["id"] == "e-o-1")
    first = timeline[placed + 1]
    assert timeline[placed]["text"] == "order.placed, order_id o-1, currency EUR, total_minor 2000, discount_minor 0, categories boots"
    assert first["text"].startswith("lifecycle: potential -> active (change ")
    assert first["cause"] == {"kind": "event", "event_id": "e-o-1", "event_type": "order.placed", "event_at": format_time(at(2))}
    assert "caused by an event: e-o-1, order.placed of 2024-10-06 00:00" in first["says"]


def test_a_revocation_names_the_change_that_it_takes_back(story: dict[str, Any]) -> None:
    taken = [one for one in story["timeline"] if "revokes" in one["data"] and one["kind"] == "change"]
    assert taken
    numbers = {one["id"]: one["data"]["sequence"] for one in story["timeline"] if one["kind"] == "change"}
    for one in taken:
        assert f"takes back change {numbers[one['data']['revokes']]}" in one["says"]
        assert any(text.startswith("caused by a cancellation or a refund: x-o-2-") for text in one["says"])


def test_time_alone_is_a_cause(story: dict[str, Any]) -> None:
    turn = entry(story, "lifecycle: active -> inactive")
    assert turn["cause"] == {"kind": "time"}
    assert turn["says"][0].startswith("because no order in shoes since 2024-10-06 00:00, longer than his patience of 100.0 days")
    assert turn["says"][1] == "caused by time alone"
    assert turn["says"][-1] == "otherwise: order.placed in shoes, from 2025-01-14 00:00 on: lifecycle active"
    assert entry(story, "winback.opened")["kind"] == "reaction"


def test_what_comes_next_while_he_is_at_risk() -> None:
    document = explain("acme", "c-1", found(life(*EVENTS, until=95), EVENTS))
    assert document is not None
    coming = document["next"]
    turn = format_time(at(102))
    assert coming["announced"] == [
        {"at": turn, "text": "status.will_change: lifecycle will turn from active to inactive at 2025-01-14 00:00"}
    ]
    outlook = {one["dimension"]: one for one in coming["dimensions"]}
    assert set(outlook) == set(document["now"]["statuses"])
    assert (outlook["churn_risk"]["value"], outlook["churn_risk"]["valid_until"]) == ("high", turn)
    assert outlook["churn_risk"]["text"] == "order.placed in shoes, before 2025-01-14 00:00: churn_risk low"
    assert not outlook["churn_risk"]["since_then"]
    assert outlook["lifecycle"]["since_then"]
    assert coming["deadline"] == document["now"]["next_deadline"]


def test_the_announcement_ends_with_the_turn(story: dict[str, Any]) -> None:
    assert any(one["type"] == "status.will_change" for one in story["timeline"])
    assert story["next"]["announced"] == []


def test_a_second_event_of_one_id_says_so() -> None:
    again = [order(at(2)), order(at(2))]
    document = explain("acme", "c-1", found(life(*again), again))
    assert document is not None
    assert [bool(one["says"]) for one in document["timeline"] if one["kind"] == "event"] == [False, True]


def test_a_status_without_a_value_is_not_the_value_none(story: dict[str, Any]) -> None:
    assert entry(story, "winback:")["text"] == "winback: - -> none (change 3)"


def test_an_end_that_was_in_sight_and_has_passed_is_not_told_as_one_to_come() -> None:
    document = explain("acme", "c-1", found(life(*EVENTS, until=95), EVENTS))
    assert document is not None
    lines = [line.strip() for line in texts(document).splitlines()]
    assert "contact over_budget since 2024-10-07 00:00: has outlived 2024-12-06 00:00, the end that was in sight" in lines
    opportunity = "opportunity high since 2024-10-06 00:00: holds until 2025-10-06 00:00 at least"
    assert f"{opportunity}, as it was said before what has happened since" in lines
    assert "churn_risk high since 2024-12-25 00:00: holds until 2025-01-14 00:00 at least" in lines


def test_nobody() -> None:
    assert explain("acme", "c-1", Found()) is None


def test_events_of_which_nothing_is_computed_yet() -> None:
    document = explain("acme", "c-1", Found([order(at(2))]))
    assert document is not None
    assert document["now"] is None
    assert "nothing is computed yet" in texts(document)


def receipt(day: float) -> dict[str, Any]:
    return {"type": "erasure.completed", "id": "r", "time": format_time(at(day)), "data": {"erased_at": format_time(at(day))}}


def test_of_an_erased_customer_nothing_is_told_but_that() -> None:
    before = found(life(*EVENTS), EVENTS)
    document = explain("acme", "c-1", Found(EVENTS, [*before.published, receipt(60)]))
    assert document is not None
    assert (document["timeline"], document["now"], document["next"]["dimensions"]) == ([], None, [])
    assert document["erased"] == {"at": format_time(at(60)), "came_back": False}
    assert "o-1" not in json.dumps(document)
    assert texts(document).splitlines()[1:] == [
        "erased: everything up to 2024-12-03 00:00 is forgotten",
        "he has not come back, and nothing is known of him",
    ]


def test_who_came_back_after_his_erasure_begins_anew() -> None:
    before, again = found(life(*EVENTS), EVENTS), [order(at(400), "o-9")]
    after = found(life(*again, until=410), again)
    mine = {one["id"] for one in after.published}
    changes = [one for one in after.published if one["type"].startswith("status.")]
    rest = [one for one in after.published if not one["type"].startswith("status.")]
    old = [one for one in before.published if one["type"].startswith("status.")]
    others = [one for one in before.published if not one["type"].startswith("status.")]
    assert rest
    assert others
    document = explain("acme", "c-1", Found(EVENTS + again, [*old, receipt(350), *changes, *others, *rest], after.profile))
    assert document is not None
    assert {one["id"] for one in document["timeline"]} == mine | {"e-o-9"}
    assert document["erased"]["came_back"]


@pytest.mark.parametrize("kind", [*EVENT_TYPES, *DERIVED_TYPES])
def test_every_type_of_event_can_be_told(kind: str) -> None:
    values: dict[str, Any] = {
        "amount_minor": 1,
        "due_ms": at(1),
        "at_ms": at(1),
        "number": 1,
        "total_minor": 1,
        "accepted": True,
        "criteria": {"fit": 3},
    }
    shape: Any = {**EVENT_TYPES, **DERIVED_TYPES}[kind]
    required = [name for name, one in inspect.signature(shape).parameters.items() if one.default is inspect.Parameter.empty]
    data = {name: values.get(name, "x") for name in required}
    document = explain("acme", "c-1", Found([Event(kind, "e", "acme", "c-1", at(0), shape(**data))]))
    assert document is not None
    text = document["timeline"][0]["text"]
    assert text.startswith(kind)
    assert "_ms" not in text


def test_a_moment_in_an_event_is_a_time() -> None:
    word = Event("referral.first_order", "e", "acme", "c-1", at(0), ReferralFirstOrder("c-2", at(1), 1))
    document = explain("acme", "c-1", Found([word]))
    assert document is not None
    assert document["timeline"][0]["data"] == {"referred_customer_id": "c-2", "at": format_time(at(1)), "number": 1}


def test_one_who_was_merged_says_into_whom_and_when() -> None:
    events = [order(at(0)), event("customer.merged", at(5), "m", into="c-2")]
    told = life(events[0], until=4)
    told.state = merge.apply(WHO, told.state, events[1], RAW, told.rules, told.outcome)
    document = explain("acme", "c-1", Found(events, [json.loads(encode_outgoing(one)) for one in told.outcome.published]))
    assert document is not None
    assert document["merged"] == {"at": format_time(at(5)), "into": "c-2"}
    assert "where he stands: merged into customer c-2 at 2024-10-09 00:00; what he does is the other's" in texts(document)
    last = entry(document, "lifecycle: active -> -")
    assert last["says"][:2] == [
        "because he was merged into another customer, and is one with him from now on",
        "caused by a merge of customers: m, customer.merged of 2024-10-09 00:00",
    ]
    assert "?" not in texts(document)


def test_one_who_took_another_in_is_where_he_was() -> None:
    taken = Life(read_policy(POLICY, "p.yaml")[1]).take(order(at(1), "other"))
    facts = Event("customer.facts", "f", "acme", "c-1", at(5), CustomerFacts("c-0", "m", taken.now, RAW))
    told = life(order(at(0)), until=4)
    told.state = merge.apply(WHO, told.state, facts, RAW, told.rules, told.outcome)
    document = explain("acme", "c-1", found(told, [order(at(0)), facts]))
    assert document is not None
    assert document["merged"] is None
    assert entry(document, "customer.facts")["data"] == {}


@pytest.mark.parametrize(
    ("due_ms", "written"),
    [(-62_135_600_400_000, "0001-01-01T00:00:00.000Z"), (253_402_318_799_000, "9999-12-31T23:59:59.999Z")],
    ids=["an hour before the year 1", "after the year 9999"],
)
def test_a_date_that_cannot_be_written_is_told_as_the_nearest(due_ms: int, written: str) -> None:
    paid = event("payment.received", at(3), "p", order_id="o-1", due_ms=due_ms, amount_minor=5)
    history = [order(at(2), "o-1", 2_000, ("boots",)), paid]
    told = explain("acme", "c-1", found(life(*history), history))
    assert told is not None
    assert next(one for one in told["timeline"] if one.get("type") == "payment.received")["data"]["due_at"] == written

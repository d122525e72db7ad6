"""Try an event: what it would do equals what the worker's fold then does; nothing is stored."""

import json
from typing import Any

import pytest

from stream_app.codec.events import decode_record
from stream_app.codec.times import format_time
from stream_app.domain.events import Event
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.feed import PolicyRecord
from stream_app.processor.policies import PolicyBook
from stream_app.web.history.database import Database
from tests.builders import at
from tests.unit.processor.rig import Rig, bought, text, told
from tests.unit.web.records import Log, MemoryTopics, Story
from tests.unit.web.serving import api
from tests.unit.web.test_filling import everything, lives

DOCUMENT = {
    "shop": "acme",
    "currency": "EUR",
    "clock": "events",
    "rhythm": {"default": {"method": "fixed", "days": 100}},
    "criteria": [{"measure": "orders", "weight": 1, "bands": {"1": 50, "3": 100}}],
    "classes": {"by": "score", "A": 70, "B": 40},
}
HISTORY = [told(at(0)), bought(at(1)), bought(at(20)), bought(at(41), total_minor=700)]


def folded(records: list[Any]) -> Rig:
    """The worker's own fold over these records."""
    book = PolicyBook()
    book.put("acme", 0, json.dumps(DOCUMENT).encode())
    rig = Rig(book)
    for record in records:
        rig.work(record, fire=False)
    return rig


def events(records: list[Any]) -> list[Event]:
    decoded = [decode_record(record.key, record.value, (), 0) for record in records]
    return [event for event in decoded if isinstance(event, Event)]


def topics(records: list[Any]) -> MemoryTopics:
    profiles = [output.event for output in folded(records).outputs if output.topic == "customer-profiles"]
    story = Story(events(records), (), profiles[-1] if profiles else None)
    return MemoryTopics(stories={("acme", "c-1"): story}, policies=[PolicyRecord("acme", 0, json.dumps(DOCUMENT).encode())])


def changes(rig: Rig) -> list[dict[str, Any]]:
    return [output.event["data"] for output in rig.of("status-changes") if output.event["type"] == "status.changed"]


def sent(record: Any) -> dict[str, Any]:
    return json.loads(record.value)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "tried",
    [
        bought(at(50)),
        told(at(60)),
        bought(at(300)),  # after a long silence: time alone has changed him before
        text("order.cancelled", at(50), order_id=f"o-c-1-{at(41)}"),
        bought(at(30)),  # late
        text("order.refunded", at(55), order_id=f"o-c-1-{at(1)}", refund_id="r", amount_minor=1000),
    ],
    ids=["order", "contact", "return", "cancel", "late order", "refund"],
)
async def test_what_an_event_would_do_is_what_the_fold_then_does(sqlite: Database, tried: Any) -> None:
    lives().into(sqlite)
    before, after = changes(folded(HISTORY)), changes(folded([*HISTORY, tried]))
    async with api(sqlite, topics(HISTORY)) as ask:
        stored = everything(sqlite)
        told_of = await ask.post("events/preview", sent(tried))
        assert told_of["meanwhile"] + told_of["changes"] == after[len(before) :]
        assert told_of["accepted"]
        assert told_of["based_on"]["events"] == len(HISTORY)
        assert told_of["based_on"]["agrees_with_profile"]
        profile = [one.event["data"] for one in folded([*HISTORY, tried]).of("customer-profiles")][-1]
        if after != before:
            assert {**dict.fromkeys(DIMENSIONS), **profile["statuses"]} == told_of["after"]["statuses"]
            assert profile["measures"] == told_of["after"]["measures"]
        assert everything(sqlite) == stored, "nothing is stored"
        assert await ask.post("events/preview", sent(tried)) == told_of, "and nothing is remembered"


async def test_what_would_be_refused_is_told_with_its_code(sqlite: Database) -> None:
    async with api(sqlite, topics(HISTORY)) as ask:
        again = sent(bought(at(50), order_id=f"o-c-1-{at(41)}"))
        told_of = await ask.post("events/preview", again)
        assert (told_of["accepted"], told_of["rejected"]["code"], told_of["changes"]) == (False, "order_exists", [])
        copy = await ask.post("events/preview", sent(HISTORY[-1]))
        assert (copy["accepted"], copy["duplicate"], copy["changes"]) == (False, True, [])
        for wrong, field in (
            ({"data": {"order_id": "x", "currency": "EUR", "total_minor": "12"}}, "data.total_minor"),
            ({"type": "order.guessed"}, "type"),
            ({"subject": None}, "subject"),
            ({"time": "yesterday"}, "time"),
            ({"time": "2100-01-01T00:00:00Z"}, "time"),
            ({"source": "acme"}, "source"),
            ({"type": "watermark"}, "type"),
        ):
            problem = await ask.post("events/preview", {**sent(bought(at(50))), **wrong}, 422)
            assert problem["field"] == field, problem
            assert problem["fix"]


async def test_somebody_new_and_what_may_be_left_out(sqlite: Database) -> None:
    async with api(sqlite, topics([])) as ask:
        told_of = await ask.post(
            "events/preview", {"source": "/shops/acme", "subject": "c-1", "type": "interest.shown", "data": {"kind": "quote"}}
        )
        assert told_of["before"] is None
        assert told_of["after"]["statuses"]["lifecycle"] == "potential"
        assert told_of["based_on"] == {"events": 0, "policy": told_of["based_on"]["policy"], "agrees_with_profile": None}
        gone = {"source": "/shops/nowhere", "subject": "c-1", "type": "interest.shown", "data": {"kind": "quote"}}
        assert (await ask.post("events/preview", gone, 422))["field"] == "source"


async def test_a_replay_that_ends_elsewhere_than_the_worker_says_so(sqlite: Database) -> None:
    source = topics(HISTORY)
    story = source.stories["acme", "c-1"]
    source.stories["acme", "c-1"] = Story(story.events[:-3], (), story.profile)  # his topics no longer hold everything
    async with api(sqlite, source) as ask:
        assert not (await ask.post("events/preview", sent(bought(at(50)))))["based_on"]["agrees_with_profile"]


async def test_the_event_log_and_the_policy_are_read_from_the_topics(sqlite: Database) -> None:
    log = Log()
    log.changed("c-1", 1, "lifecycle", None, "active")
    log.into(sqlite)
    source = topics(HISTORY)
    async with api(sqlite, source) as ask:
        told_of = (await ask.get("customer/events", id="c-1"))["events"]
        assert [(one["type"], one["at"]) for one in told_of] == [(sent(one)["type"], format_time(one.timestamp)) for one in HISTORY]
        assert told_of[1]["data"]["total_minor"] == 1000
        source.policies += [PolicyRecord("*", 5, json.dumps({"currency": "USD", "version": 7}).encode()), PolicyRecord("acme", 9, b"{}")]
        policy = await ask.get("policy")
        assert (policy["in_force"]["document"], policy["in_force"]["is_default"]) == (DOCUMENT, False)
        assert [(one["shop"], one["version"], one["status"]) for one in policy["versions"]] == [
            ("acme", 1, "in_force"),
            ("*", 7, "earlier"),
            ("acme", None, "unusable"),
        ]
        source.policies.append(PolicyRecord("acme", 10, b"shop: acme\ncurrency: USD\n"))  # workers take YAML, too
        ask.context._policies = None
        assert (await ask.get("policy"))["in_force"]["document"]["currency"] == "USD"

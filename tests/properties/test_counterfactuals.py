"""A counterfactual is true: whoever does what a change suggests, at its very moment, sees the status that it promises."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.days import parse_ms
from tests.oracle.histories import History
from tests.oracle.policies import GROUPS
from tests.properties.program import run
from tests.properties.stories import end_of, stories

DIMENSIONS = ("lifecycle", "churn_risk", "contact", "winback", "opportunity")
Event = dict[str, Any]


def suggested(change: dict[str, Any], like: Event) -> Event:
    """The order, or the answer, of a change's counterfactual."""
    told = change["counterfactual"]
    said = like | {"id": "suggested", "time": change["effective_at"]}
    if told.get("event_type") == "contact.responded":
        return said | {"type": "contact.responded", "data": {"channel": "email", "outcome": "neutral"}}
    category = GROUPS.get(told.get("product_group"), ["toys"])[0]
    total = told["at_least"] - change["reason"]["measures"][told["measure"]] if "measure" in told else 0
    lines = [{"sku": "s-1", "category": category, "quantity": 1, "total_minor": total}]
    data = {"order_id": "suggested", "currency": "EUR", "total_minor": total, "lines": lines}
    return said | {"type": "order.placed", "data": data}


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(0, 400), st.data())
def test_what_is_suggested_brings_what_is_promised(story: History, silence: int, data: st.DataObject) -> None:
    (told,) = run(story.events, story.document, end_of(story.events, silence)).customers.values()
    able = [event["data"] for event in told.changes if event["data"]["dimension"] in DIMENSIONS and "counterfactual" in event["data"]]
    able = [change for change in able if "at_most" not in change["counterfactual"]]  # what was done cannot be undone
    if not able:
        return
    change = data.draw(st.sampled_from(able))
    at_ms = parse_ms(change["effective_at"])
    (then,) = run([*known_at(change, story), suggested(change, story.events[0])], story.document, at_ms).customers.values()
    assert then.profile["data"]["statuses"][change["dimension"]] == change["counterfactual"]["to"]


def known_at(change: dict[str, Any], story: History) -> list[Event]:
    """The events up to the change, its own included."""
    at_ms, cause = parse_ms(change["effective_at"]), change["cause"].get("event_id")
    ids = [raw["id"] for raw in story.events]
    return [raw for raw in story.events if parse_ms(raw["time"]) < at_ms] if cause is None else story.events[: ids.index(cause) + 1]


EXIT = {
    "name": "exit",
    "value_now_below": 10**9,
    "value_future_below": 10**9,
    "strategic_below": 101,
    "exit_dwell_days": 1,
    "min_age_days": 0,
}


@settings(max_examples=100, deadline=None)
@given(stories(), st.integers(0, 2), st.data())
def test_feedback_keeps_whoever_is_let_go(story: History, place: int, data: st.DataObject) -> None:
    """At any moment that the counterfactual names, and into the segment that it names."""
    others = [rule for rule in story.document.get("segments", []) if rule["name"] != "exit"]
    document = story.document | {"segments": [*others[:place], EXIT | {"protect_criteria": {"default": 100}}, *others[place:]]}
    (told,) = run(story.events, document, end_of(story.events, 100)).customers.values()
    exits = [event["data"] for event in told.changes if (event["data"]["dimension"], event["data"]["to"]) == ("segment", "exit")]
    if not exits:
        return
    change = data.draw(st.sampled_from(exits))
    promise = change["counterfactual"]
    first, end = parse_ms(promise["from_at"]), parse_ms(promise["before_at"]) if "before_at" in promise else None
    at_ms = data.draw(st.integers(first, first + 3_000_000_000 if end is None else end - 1))
    time = f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
    idea = {"id": "suggested", "type": promise["event_type"], "time": time, "data": {"kind": "idea", "accepted": True}}
    (then,) = run([*known_at(change, story), story.events[0] | idea], document, at_ms).customers.values()
    assert then.profile["data"]["statuses"]["segment"] == promise["to"]
    assert then.profile["data"]["exit"]["protected_by"][:1] == ["feedback"]

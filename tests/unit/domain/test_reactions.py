"""Win-back and service-level reactions (domain.md, section 7)."""

from typing import Any

import pytest

from stream_app.domain import evaluate
from stream_app.domain.changes import Outgoing
from stream_app.domain.events import Event
from stream_app.domain.ids import identify
from stream_app.domain.policy import Fixed
from stream_app.domain.settle import Outcome
from tests.builders import WHO, Life, at, cancel, contact, event, order, policy

TYPES = ("winback.opened", "winback.cooled", "winback.closed", "winback.won", "winback.withdrawn")
RULES = policy(default_rhythm=Fixed(100), rhythms={"wine": Fixed(20)}, cooling_days=90, gone_days=365)


def reactions(life: Life) -> list[tuple[str, float]]:
    return [(one.type.removeprefix("winback."), (one.time_ms - at(0)) / 86_400_000) for one in life.published(*TYPES)]


TABLE: list[tuple[str, list[Event], float, list[tuple[str, float]]]] = [
    # (what, events, time, reactions and their days)
    ("silence", [order(at(0))], 900, [("opened", 100), ("cooled", 190), ("closed", 465)]),
    ("bought in time", [order(at(0)), order(at(99), "o-2")], 150, []),
    ("won", [order(at(0)), order(at(120), "o-2")], 121, [("opened", 100), ("won", 120)]),
    ("won after cooling", [order(at(0)), order(at(200), "o-2")], 201, [("opened", 100), ("cooled", 190), ("won", 200)]),
    ("a late order withdraws", [order(at(0)), contact(at(120)), order(at(90), "o-2")], 121, [("opened", 100), ("withdrawn", 120)]),
    ("a void of all withdraws", [order(at(0)), cancel(at(120))], 121, [("opened", 100), ("withdrawn", 120)]),
    (
        "an order a cancel waited for, of others",
        [order(at(0)), cancel(at(119), "o-2"), order(at(120), "o-2"), order(at(121), "o-3")],
        122,
        [("opened", 100), ("won", 121)],
    ),
    (
        "what a refund waited for comes by a void",
        [order(at(0)), event("order.refunded", at(119), "r", order_id="o-2", refund_id="r", amount_minor=1), order(at(120), "o-2")],
        122,
        [("opened", 100), ("withdrawn", 120)],
    ),
    ("a void makes inactive", [order(at(0)), order(at(90), "o-2"), cancel(at(120), "o-2")], 121, [("opened", 120)]),
    (
        "a void skips to cooling",
        [order(at(0)), order(at(99), "o-2"), order(at(190), "o-3"), cancel(at(194), "o-2"), cancel(at(195), "o-3")],
        196,
        [("opened", 195), ("cooled", 195)],
    ),
    (
        "a late order brings the tier back",
        [order(at(0)), contact(at(200)), order(at(50), "o-2")],
        200,
        [("opened", 100), ("cooled", 190), ("opened", 200)],
    ),
]


@pytest.mark.parametrize(("what", "events", "time", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_winback(what: str, events: list[Event], time: float, expected: list[tuple[str, float]]) -> None:
    assert reactions(Life(RULES).take(*events).until(at(time))) == expected


def test_history_mails_nobody() -> None:
    rules = policy(default_rhythm=Fixed(100), rhythms={}, live_since_ms=at(150))
    life = Life(rules).take(order(at(0))).until(at(900))
    assert reactions(life) == [("cooled", 190), ("closed", 465)], "what comes to pass before live_since is backfill"
    assert [one.time_ms for one in life.published("service_level.changed") if one.time_ms < at(150)] == []


def test_what_won_him_back() -> None:
    answer = {"channel": "mailing", "outcome": "positive"}
    life = Life(RULES).take(
        order(at(0)),
        event("contact.responded", at(99), "early", **answer, campaign_id="before he left"),
        event("contact.responded", at(200), "a", **answer, campaign_id="spring"),
        event("contact.responded", at(201), "b", channel="email", outcome="neutral", campaign_id="not an answer"),
        order(at(210), "o-2", categories=("red wine", "belts")),
    )
    won = life.published("winback.won")[0]
    change = [one for one in life.published() if one.data["dimension"] == "lifecycle"][-1]
    assert won.data == {"days_away": 210, "tier": "cooling", "campaign_id": "spring", "product_groups": ["belts", "wine"]}
    assert (won.topic, won.causation_id, won.origin, won.time_ms) == ("win-back", change.id, "live", at(210))
    assert won.id == identify("winback.won", WHO, at(0), change.sequence)


def test_an_answer_from_before_he_left_won_nobody() -> None:
    early = event("contact.responded", at(99), "early", channel="email", outcome="positive", campaign_id="before")
    assert Life(RULES).take(order(at(0)), early, order(at(110), "o-2")).published("winback.won")[0].data["campaign_id"] is None


def opened(*events: Event, time: float = 100, **changes: Any) -> dict[str, Any]:
    rules = policy(**{"default_rhythm": Fixed(100), "rhythms": {}, **changes})
    return Life(rules).take(*events).until(at(time)).published("winback.opened")[-1].data


def test_what_a_win_back_tool_needs() -> None:
    bought = [order(at(0), "o-1", 100_000, ("sneakers",)), order(at(10), "o-2", 100_000, ("red wine",)), cancel(at(11), "o-2")]
    assert opened(*bought) == {
        "days_since": 100,
        "tier": "recent",
        "product_groups": ["shoes"],
        "advised_channel": "email",
        "budget_minor": 2_000,  # 5 % of the value of 40 000
    }
    assert opened(order(at(0)), order(at(10), "o-2"), time=110)["days_since"] == 100


CHANNELS: list[tuple[str, list[Event], int, str | None]] = [
    # (what, events, the order's total, advised channel) with 2 % of the total to spend
    ("the cheapest", [], 100_000, "email"),
    ("the preferred", [event("preference.set", at(1), "p", preferred_channel="mailing")], 100_000, "mailing"),
    ("not the preferred beyond the budget", [event("preference.set", at(1), "p", preferred_channel="visit")], 100_000, "email"),
    ("nor when closed", [event("preference.set", at(1), "p", preferred_channel="email", closed_channels=["email"])], 100_000, "other"),
    ("not a channel he left", [event("contact.responded", at(1), "u", channel="email", outcome="unsubscribed")], 100_000, "other"),
    ("none within the budget", [], 200, None),
    ("exactly the budget", [], 250, "email"),
]


@pytest.mark.parametrize(("what", "events", "total", "channel"), CHANNELS, ids=[row[0] for row in CHANNELS])
def test_the_advised_channel(what: str, events: list[Event], total: int, channel: str | None) -> None:
    assert opened(order(at(0), total=total), *events)["advised_channel"] == channel


def test_of_equally_cheap_channels_the_first_listed() -> None:
    costs = {"email": 9, "mailing": 5, "phone": 5, "visit": 5, "chat": 5, "other": 5}
    assert opened(order(at(0), total=100_000), channel_costs=costs)["advised_channel"] == "mailing"


def test_service_level_changes() -> None:
    life = Life(RULES).take(order(at(0), total=100_000), cancel(at(5)))
    levels = life.published("service_level.changed")
    assert [(one.topic, one.data) for one in levels] == [
        ("service-level", {"from": None, "to": "premium", "class": "A", "segment": None}),
        ("service-level", {"from": "premium", "to": None, "class": None, "segment": None}),
    ]
    changes = [one for one in life.published() if one.data["dimension"] == "service_level"]
    assert [one.causation_id for one in levels] == [one.id for one in changes]
    assert len({one.id for one in levels}) == 2


def test_a_policy_that_brings_him_back_is_no_win() -> None:
    life, outcome = Life(RULES).take(order(at(0))).until(at(120)), Outcome()
    patient = policy(default_rhythm=Fixed(500), rhythms={}, version=2, hash="2" * 32)
    evaluate.adopt(WHO, life.now, RULES, patient, at(130), outcome)
    found: list[Outgoing] = [one for one in outcome.published if one.topic == "win-back"]
    assert [one.type for one in found] == ["winback.withdrawn"]
    assert found[0].data == {"lifecycle": "active", "cause": "policy"}

"""Announcements of a turn to inactive, and taking them back (domain.md, 3.3)."""

from typing import Any

import pytest

from stream_app.domain.changes import WILL_CHANGE, WILL_NOT_CHANGE, Outgoing
from stream_app.domain.events import Event
from stream_app.domain.ids import STATUS_CHANGED, identify
from stream_app.domain.policy import Fixed, OwnRhythm, Policy
from tests.builders import WHO, Life, at, cancel, contact, event, order, policy

FIXED = policy(default_rhythm=Fixed(100), rhythms={})
OWN = policy(default_rhythm=OwnRhythm(60, 2, 250, 30, 730), rhythms={})


def notices(life: Life) -> list[tuple[str, float, float]]:
    """(will or will not, the announced day, the day of the notice)."""
    found = life.published(WILL_CHANGE, WILL_NOT_CHANGE)
    return [(one.type.removeprefix("status."), day(one.data["will_change_at"]), day(one.time_ms)) for one in found]


def day(time_ms: int) -> float:
    return (time_ms - at(0)) / 86_400_000


TABLE: list[tuple[str, list[Event], float, list[tuple[str, float, float]]]] = [
    # what, the events, the time and the notices
    ("not before high", [order(at(0))], 79.9, []),
    ("at high", [order(at(0))], 80, [("will_change", 100, 80)]),
    ("once", [order(at(0)), contact(at(85)), contact(at(90))], 95, [("will_change", 100, 80)]),
    ("what comes true is not taken back", [order(at(0))], 500, [("will_change", 100, 80)]),
    ("an order prevents it", [order(at(0)), order(at(90), "o-2")], 91, [("will_change", 100, 80), ("will_not_change", 100, 90)]),
    (
        "and it may be announced again",
        [order(at(0)), order(at(90), "o-2")],
        171,
        [("will_change", 100, 80), ("will_not_change", 100, 90), ("will_change", 190, 170)],
    ),
    (
        "a late order moves it and is high itself",
        [order(at(0)), contact(at(95)), order(at(10), "o-2")],
        95,
        [("will_change", 100, 80), ("will_not_change", 100, 95), ("will_change", 110, 95)],
    ),
    ("a void that makes him inactive now", [order(at(0)), order(at(1), "o-2"), cancel(at(100.5), "o-2")], 101, [("will_change", 101, 81)]),
    (
        "a void that leaves no order",
        [contact(at(0)), order(at(0)), cancel(at(90))],
        91,
        [("will_change", 100, 80), ("will_not_change", 100, 90)],
    ),
    ("inactive at once announces nothing", [contact(at(200)), order(at(0))], 300, []),
]


@pytest.mark.parametrize(("what", "events", "time", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_notices(what: str, events: list[Event], time: float, expected: list[tuple[str, float, float]]) -> None:
    assert notices(Life(FIXED).take(*events).until(at(time))) == expected


def test_a_notice_says_what_when_and_what_would_prevent_it() -> None:
    life = Life(FIXED).take(order(at(0))).until(at(80))
    notice = life.published(WILL_CHANGE)[0]
    high = [one for one in life.published() if one.data["dimension"] == "churn_risk"][-1]
    data = dict(notice.data)
    assert data.pop("reason") == high.data["reason"]
    assert data == {
        "dimension": "lifecycle",
        "from": "active",
        "to": "inactive",
        "will_change_at": at(100),
        "policy": {"version": 1, "hash": "0" * 32},
        "counterfactual": {"event_type": "order.placed", "product_group": "default", "before_at": at(100), "to": "active"},
    }
    assert (notice.topic, notice.causation_id) == ("status-changes", high.id)
    assert notice.id == identify(WILL_CHANGE, WHO, at(0), high.sequence, at(100))
    life.take(order(at(90), "o-2"))
    back = life.published(WILL_NOT_CHANGE)[0]
    assert back.data["revokes"] == notice.id
    assert back.causation_id == [one for one in life.published() if one.data["dimension"] == "churn_risk"][-1].id


def test_a_notice_has_no_sequence_of_its_own() -> None:
    life = Life(FIXED).take(order(at(0)), order(at(90), "o-2")).until(at(500))
    assert [one.data["sequence"] for one in life.published()] == list(range(1, len(life.published()) + 1))
    assert all("sequence" not in one.data for one in life.published(WILL_CHANGE, WILL_NOT_CHANGE))


def there_and_back() -> list[Event]:
    """Churn risk stays high while the announced moment moves to and fro, without a change of any status."""
    events: list[Any] = [order(at(0)), contact(at(130))]
    for n in range(4):
        events += [order(at(-40 + n), f"late-{n}"), cancel(at(130), f"late-{n}", f"x-{n}")]
    return events


def all_ids(rules: Policy, events: list[Event], time_ms: int) -> list[Outgoing]:
    return Life(rules).take(*events).until(time_ms).outcome.published


@pytest.mark.parametrize("rules", [OWN, policy(default_rhythm=OwnRhythm(60, 2, 250, 30, 730), rhythms={}, classes=None)])
def test_ids_are_unique_even_when_one_deadline_is_announced_twice(rules: Policy) -> None:
    published = all_ids(rules, there_and_back(), at(900))
    ids = [one.id for one in published]
    assert len(ids) == len(set(ids))
    known = {one.id for one in published}
    for one in published:
        assert one.causation_id is None or one.causation_id in known
        assert (one.type == STATUS_CHANGED) == (one.causation_id is None)
        assert one.data.get("revokes", one.id) in known


def test_the_announced_moment_did_move_to_and_fro() -> None:
    life = Life(policy(default_rhythm=OwnRhythm(60, 2, 250, 30, 730), rhythms={}, classes=None)).take(*there_and_back())
    announced = [when for kind, when, _ in notices(life) if kind == "will_change"]
    assert len(announced) == 9
    assert announced[0::2] == [150.0] * 5
    assert all(when != 150.0 for when in announced[1::2])


def test_notices_of_history_are_marked_as_backfill() -> None:
    life = Life(policy(default_rhythm=Fixed(100), rhythms={}, live_since_ms=at(85))).take(
        order(at(0)), event("preference.set", at(90), "p")
    )
    assert [one.origin for one in life.published(WILL_CHANGE)] == ["backfill"]
    life.take(order(at(91), "o-2"))
    assert [one.origin for one in life.published(WILL_NOT_CHANGE)] == ["live"]

"""Duplicates, the latest of several facts, and what is kept of relations (domain.md, section 2)."""

import itertools
from dataclasses import fields
from typing import Any

import pytest

from stream_app.codec.columns import to_columns
from stream_app.domain.events import Event
from stream_app.domain.facts.fold import closed_channels
from stream_app.domain.facts.state import State
from tests.builders import DAY, Life, at, contact, event, order, policy


def interest(time_ms: int, event_id: str) -> Event:
    return event("interest.shown", time_ms, event_id, kind="quote")


def test_an_id_counts_once() -> None:
    life = Life().take(order(at(0)), order(at(0)))
    assert life.outcome.duplicates == 1
    assert life.rejected() == []
    assert life.measure("orders") == 1


def test_a_duplicate_moves_no_clock() -> None:
    life = Life().take(order(at(0)), interest(at(1), "e-o-1"))
    assert life.outcome.duplicates == 1
    assert life.now.clock_ms == life.now.high_ms == at(0)
    assert life.now.deadline_ms is not None


def test_the_id_of_a_rejected_event_is_remembered() -> None:
    again = order(at(1))
    again.id = again.name = "again"
    life = Life().take(order(at(0)), again, again)
    assert life.rejected() == [("order_exists", "again")]
    assert life.outcome.duplicates == 1


@pytest.mark.parametrize(("high", "is_duplicate"), [(at(30), True), (at(30) + 1, False)])
def test_an_id_is_remembered_up_to_the_horizon(high: int, is_duplicate: bool) -> None:
    life = Life().take(interest(at(0), "a"), interest(high, "b"), interest(at(0), "a"))
    assert life.outcome.duplicates == int(is_duplicate)


def test_the_arriving_event_moves_the_horizon_too() -> None:
    life = Life().take(interest(at(0), "a"), interest(at(30) + 1, "a"))
    assert life.outcome.duplicates == 0
    assert life.now.clock_ms == at(30) + 1


def test_timers_do_not_move_the_horizon() -> None:
    life = Life().take(order(at(0)))
    life.until(at(900))
    life.take(order(at(0)))
    assert life.outcome.duplicates == 1


def test_the_number_of_ids_is_bounded() -> None:
    life = Life(policy(dedup_events=3)).take(*[interest(at(0) + n, f"e-{n}") for n in range(5)])
    assert life.now.seen_ids == ["e-2", "e-3", "e-4"]
    assert life.outcome.forgotten == ["event_id", "event_id"]
    life.take(interest(at(0), "e-0"))
    assert life.outcome.duplicates == 0


LONG = "x" * 30
LATEST = [
    # (time, id) of two events of one kind: the second of each pair is the latest
    ((at(0), "b"), (at(1), "a")),
    ((at(0), "a"), (at(0), "b")),
    ((at(0), "Z"), (at(0), "a")),  # by code point
    ((at(0), "a" * 9), (at(0), "b" * 8)),
    *[((at(0), LONG + one), (at(0), LONG + two)) for one, two in itertools.pairwise("abcdefgh")],
    ((at(0), "9" * 40), (at(0), "\U0001f600")),
    ((at(0), "\uffee"), (at(0), "\U0001f600")),  # UTF-16 would say otherwise
]


@pytest.mark.parametrize("early_first", [True, False])
@pytest.mark.parametrize(("early", "late"), LATEST)
def test_the_latest_is_the_greatest_time_and_id(early: tuple[int, str], late: tuple[int, str], early_first: bool) -> None:
    def both(kind: str, lose: dict[str, Any], win: dict[str, Any], win_kind: str | None = None) -> Life:
        pair = [event(kind, *early, **lose), event(win_kind or kind, *late, **win)]
        return Life().take(*(pair if early_first else reversed(pair)))

    assert both("lead.identified", {}, {}, "lead.ruled_out").status("lifecycle") == "other"
    assert both("lead.ruled_out", {}, {}, "lead.identified").status("lifecycle") == "possibly_interested"
    preference = both("preference.set", {"closed_channels": ["phone"]}, {"preferred_channel": "chat", "closed_channels": ["email"]}).now
    assert preference.preference is not None
    assert preference.preference[2:] == ("chat", ["email"])
    assert closed_channels(preference) == {"email"}, "the latest replaces earlier ones whole"
    life = both("profile.assessed", {"criteria": {"fit": 1, "reach": 7}}, {"criteria": {"fit": 2}})
    assert [life.measure(name) for name in ("criteria.fit", "criteria.reach", "criteria.other", "strategic")] == [2, 7, None, 4]
    answered = {"channel": "email", "outcome": "positive"}
    campaigns = both("contact.responded", {**answered, "campaign_id": "lose"}, {**answered, "campaign_id": "win"}).now.answered
    assert campaigns is not None
    assert campaigns[2] == "win"
    closing = {"channel": "email", "outcome": "unsubscribed"}
    assert closed_channels(both("preference.set", {}, closing, "contact.responded").now) == {"email"}
    assert closed_channels(both("contact.responded", closing, {}, "preference.set").now) == set()


def test_accepted_feedback_counts_and_has_a_price() -> None:
    given = [event("feedback.given", at(n), f"f-{n}", kind="idea", accepted=n > 0) for n in range(3)]
    life = Life().take(*given)
    assert [life.measure(name) for name in ("feedback", "value_strategic")] == [2, 1000]
    assert life.status("lifecycle") == "possibly_interested", "feedback is no relation"


def test_contacts_cost_their_own_price_or_the_policys() -> None:
    life = Life().take(contact(at(0)), contact(at(0), "visit", "inbound"), contact(at(1), "phone", cost=7), contact(at(1), "chat", cost=0))
    assert [life.measure(name) for name in ("contacts", "contact_cost", "cost_to_serve", "value_now")] == [4, 12012, 12012, -12012]


def test_an_event_this_version_cannot_take_is_refused_and_changes_nothing() -> None:
    for kind, code in [("customer.erased", "erasure_key_missing")]:
        life = Life().take(event(kind, at(0), "first"))
        assert life.state is None
        life.take(order(at(1)), event(kind, at(2), "second"))
        assert life.rejected() == [(code, "first"), (code, "second")]
        assert life.now.clock_ms == at(2)
        assert life.measure("orders") == 1


def test_a_self_made_history_is_the_same_in_any_order() -> None:
    events = [
        order(at(0), "o-1", categories=("red wine",)),
        order(at(0), "o-0"),
        order(at(2), "o-2", 500, ("red wine", "belts")),
        event("order.cancelled", at(3), "x", order_id="o-0"),
        contact(at(1)),
    ]
    seen = set()
    names = [field.name for field in fields(State)]
    for arrival in itertools.permutations(events):
        life = Life().take(*arrival).until(at(5))
        state = life.now
        seen.add(str(to_columns(state)[names.index("high_ms") :]))
        assert life.status("lifecycle") == "active"
    assert len(seen) == 1
    assert DAY == 86_400_000

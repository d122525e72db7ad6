"""What an erasure leaves: a receipt, a mark that drops what is from before, and nobody's old ids (domain.md, section 9)."""

from typing import Any

import pytest

from stream_app.domain import evaluate
from stream_app.domain.changes import Outgoing
from stream_app.domain.erasure import erase
from stream_app.domain.events import Event, ReferralFirstOrder, RelationErased, RelationForgotten
from stream_app.domain.facts.notes import Mark
from tests.builders import DAY, RAW, WHO, Life, at, cancel, event, order, policy

RULES = policy(suppress_days=400)
KEPT = {"orders": None, "status-changes": 7 * DAY}


def erased(time_ms: int, event_id: str = "bye") -> Event:
    """A `customer.erased`."""
    return event("customer.erased", time_ms, event_id)


class Lives(Life):
    """A customer who may be erased and come back."""

    mark: Mark | None = None

    def take(self, *events: Event) -> "Lives":
        for happened in events:
            if happened.type == "customer.erased":
                made = erase(WHO, self.state, happened, self.rules, self.mark, KEPT, ["his digest"], self.outcome)
                if made is not None:
                    self.state, self.mark = None, made
            else:
                after = evaluate.apply(WHO, self.state, happened, RAW, self.rules, self.outcome, self.mark)
                self.mark = self.mark if after is None else None
                self.state = after
        return self

    def receipts(self) -> list[Outgoing]:
        return self.published("erasure.completed")


def test_the_receipt_says_what_is_kept_and_until_when() -> None:
    lives = Lives(RULES).take(order(at(0)), erased(at(10)))
    (receipt,) = lives.receipts()
    assert lives.state is None
    assert (receipt.topic, receipt.time_ms, receipt.causation_id) == ("status-changes", at(10), None)
    assert receipt.data == {
        "event_id": "bye",
        "erased_at": at(10),
        "was_known": True,
        "suppressed_until_at": at(410),
        "kept": {
            "orders": {"retention_ms": None, "until_at": None},
            "status-changes": {"retention_ms": 7 * DAY, "until_at": at(17)},
        },
    }
    assert lives.mark == (at(10), at(410), [])


def test_deadlines_up_to_its_time_fire_first_and_nothing_is_taken_back() -> None:
    lives = Lives(RULES).take(order(at(0)))
    turn = max(lives.now.until_ms)
    before = len(lives.outcome.published)
    lives.take(erased(turn))
    said = lives.outcome.published[before:]
    assert [
        outgoing.data["to"] for outgoing in said if outgoing.type == "status.changed" and outgoing.data["dimension"] == "lifecycle"
    ] == ["inactive"]
    assert said[-1].type == "erasure.completed"
    assert all(outgoing.time_ms <= turn for outgoing in said)
    early = Lives(RULES).take(order(at(0)))
    before = len(early.outcome.published)
    early.take(erased(turn - 1))
    assert "inactive" not in [outgoing.data.get("to") for outgoing in early.outcome.published[before:] if outgoing.type == "status.changed"]


def mark_of(lives: Lives) -> Mark | None:
    return lives.now.mark


DROPPED = [
    # (events before, the erasure's time, events after it in the log, are these dropped)
    ([order(at(0))], at(10), [order(at(5), "o-2")], True),
    ([order(at(0))], at(10), [order(at(10), "o-2")], True),  # up to and including its time
    ([order(at(0))], at(10), [order(at(10) + 1, "o-2")], False),
    ([], at(10), [order(at(5))], True),  # nobody was known, and still nobody returns
    ([order(at(20))], at(10), [order(at(15), "o-2")], False),  # what was known from after it is gone, too; what comes anew is new
    ([order(at(0))], at(10), [order(at(12), "o-2"), order(at(5), "o-3")], None),  # he came back: only the old one is dropped
]


@pytest.mark.parametrize(("before", "erased_ms", "after", "dropped"), DROPPED)
def test_events_from_up_to_the_erasure_are_dropped_and_counted(
    before: list[Event], erased_ms: int, after: list[Event], dropped: bool | None
) -> None:
    lives = Lives(RULES).take(*before, erased(erased_ms))
    said = len(lives.outcome.published)
    lives.take(*after)
    assert lives.outcome.suppressed == (0 if dropped is False else 1)
    assert (lives.state is None) == (dropped is True)
    assert (len(lives.outcome.published) == said) == (dropped is True)
    if lives.state is not None:
        assert lives.now.order_ids == ["o-2"]
        assert lives.now.mark == (erased_ms, max(erased_ms, at(20) if before and before[0].time_ms == at(20) else 0) + 400 * DAY, []) or (
            lives.now.mark is not None and lives.now.mark[2] == [at(20)]
        )


def test_a_dropped_event_becomes_no_dead_letter_and_moves_no_clock() -> None:
    lives = Lives(RULES).take(order(at(0)), erased(at(10)))
    lives.take(event("order.placed", at(4), order_id="x", currency="USD", total_minor=1), cancel(at(5)))
    assert lives.outcome.rejected == []
    assert (lives.outcome.suppressed, lives.outcome.timeless) == (2, True)


def test_what_waited_is_dropped_with_him_and_what_had_ended_before_is_not() -> None:
    waits = Lives(RULES).take(cancel(at(0), "never"), erased(at(29)))
    assert waits.outcome.rejected == []
    ended = Lives(RULES).take(cancel(at(0), "never"), erased(at(30)))
    assert [rejected.code for rejected, _ in ended.outcome.rejected] == ["order_unknown"]


AGAIN: list[tuple[list[Event], int, int, int]] = [
    # what is sent, then how many receipts, dropped events and duplicates come of it
    ([order(at(0)), erased(at(10)), erased(at(10))], 1, 1, 0),  # the same again
    ([order(at(0)), erased(at(10)), erased(at(10), "other")], 1, 1, 0),
    ([order(at(0)), erased(at(10)), erased(at(9), "older")], 1, 1, 0),  # an older one has nothing left to do
    ([order(at(0)), erased(at(10)), erased(at(11), "later")], 2, 0, 0),  # a later one drops more
    ([erased(at(10)), order(at(12)), erased(at(20), "later")], 2, 0, 0),
    ([erased(at(10)), order(at(12)), erased(at(10))], 1, 1, 0),
    ([order(at(12)), event("interest.shown", at(13), "bye", kind="quote"), erased(at(14))], 0, 0, 1),  # an id that he has seen
]


@pytest.mark.parametrize(("events", "receipts", "dropped", "duplicates"), AGAIN)
def test_erased_again(events: list[Event], receipts: int, dropped: int, duplicates: int) -> None:
    lives = Lives(RULES).take(*events)
    assert (len(lives.receipts()), lives.outcome.suppressed, lives.outcome.duplicates) == (receipts, dropped, duplicates)
    assert len({receipt.id for receipt in lives.receipts()}) == receipts


def test_no_id_returns_in_a_new_life_even_when_it_begins_at_the_same_time() -> None:
    lives = Lives(RULES)
    for day in range(5):
        lives.take(order(at(100)), erased(at(day), f"bye-{day}"))
    lives.take(order(at(100)))
    ids = [outgoing.id for outgoing in lives.outcome.published]
    assert len(ids) > 20
    assert len(set(ids)) == len(ids)
    sequences = [outgoing.sequence for outgoing in lives.published()]
    assert sequences == [*range(1, max(sequences) + 1)] * 6, "each life counts from 1"


def test_the_mark_ends_after_suppress_days_and_not_before() -> None:
    lives = Lives(RULES).take(order(at(0)), erased(at(10)), order(at(12), "o-2"))
    assert lives.now.mark == (at(10), at(410), [])
    evaluate.advance(WHO, lives.now, at(410) - 1, RULES, lives.outcome)
    assert lives.take(order(at(5), "o-3")).outcome.suppressed == 1
    evaluate.advance(WHO, lives.now, at(410), RULES, lives.outcome)
    assert mark_of(lives) is None
    assert lives.take(order(at(5), "o-3")).outcome.suppressed == 1
    assert lives.now.order_ids == ["o-3", "o-2"]


def test_a_late_erasure_is_marked_from_the_time_he_has_reached() -> None:
    lives = Lives(RULES).take(order(at(0)), order(at(50), "o-2"), erased(at(10)))
    assert lives.mark == (at(10), at(450), [])
    assert lives.receipts()[0].data["erased_at"] == at(10)


def test_a_policy_that_comes_when_a_wait_or_a_mark_ends_ends_it() -> None:
    newer = policy(version=2, hash="1" * 32)
    lives = Lives(RULES).take(erased(at(0)), cancel(at(370), "never"))
    assert lives.now.mark is not None
    evaluate.adopt(WHO, lives.now, RULES, newer, at(400), lives.outcome)
    assert mark_of(lives) is None
    assert not lives.now.waiting
    assert [rejected.code for rejected, _ in lives.outcome.rejected] == ["order_unknown"]


def test_whoever_knows_his_name_is_told_without_it() -> None:
    lives = Lives(RULES).take(event("referral.made", at(1), "r", referred_customer_id="b"), order(at(2)))
    lives.now.referrers = ["a", "b"]
    told = len(lives.outcome.derived)
    lives.take(erased(at(3)))
    assert [(derived.type, derived.customer_id, derived.time_ms, derived.data) for derived in lives.outcome.derived[told:]] == [
        ("relation.erased", name, at(3), RelationErased("his digest")) for name in ("a", "b")
    ]


@pytest.mark.parametrize(("first_ms", "conversions"), [(at(5), [at(5)]), (None, [])])
def test_a_converted_referral_stays_without_a_name_and_another_is_dropped(first_ms: int | None, conversions: list[int]) -> None:
    lives = Lives(RULES).take(order(at(0)), event("referral.made", at(1), "r", referred_customer_id="b"))
    said = Event("referral.first_order", "x", "acme", "c-1", at(5), ReferralFirstOrder("b", first_ms, 1))
    lives.take(said, Event("relation.erased", "y", "acme", "c-1", at(6), RelationForgotten(["b"])))
    assert (lives.now.referred, lives.now.heard, lives.now.conversions) == ({}, {}, conversions)
    assert lives.measure("referrals") == len(conversions)


def test_the_mark_is_small_however_often_he_is_erased() -> None:
    lives = Lives(RULES)
    for n in range(100):
        lives.take(order(at(500 + n)), erased(at(n), f"bye-{n}"))
    mark: Any = lives.mark
    assert len(mark[2]) == 16

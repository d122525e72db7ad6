"""What a merge must leave as it was: orders that cannot stand beside others, holds, and who begins with a merge that is refused."""

import pytest

from stream_app.codec.state import decode_state, encode_facts, encode_state
from stream_app.domain.events import Event
from stream_app.domain.facts import window
from stream_app.domain.facts.referrals import ABSORBED_BYTES_MAX
from stream_app.domain.facts.state import NEVER, is_customer
from stream_app.domain.policy import Fixed
from tests.builders import Life, at, contact, order, policy, refund
from tests.unit.domain.test_merging import Merging, merges
from tests.unit.domain.test_referrals import buys, by, cancels

RED, BOOTS = ("red wine",), ("sneakers",)


@pytest.mark.parametrize(
    ("before", "counting", "first_at", "last_at", "left_out"),
    [
        ([buys("x", 0, "o"), buys("y", 5, "o")], 1, 5, 5, 1),
        ([buys("x", 5, "o"), buys("y", 0, "o")], 1, 0, 0, 1),
        ([buys("x", 2, "o"), buys("y", 0, "o"), cancels("y", "o", 1)], 0, None, None, 1),
        ([buys("x", 2, "o"), buys("y", 0, "o"), by("y", refund(at(1), 1_000, "o"))], 0, None, None, 1),
        ([buys("x", 2, "o"), cancels("x", "o", 3), buys("y", 0, "o")], 1, 0, 0, 1),
        ([buys("x", 2, "o"), buys("y", 2, "o"), cancels("y", "o", 3)], 0, None, None, 0),
        ([buys("x", 2, "o"), buys("x", 3), buys("x", 4, "p"), buys("y", 0, "o"), buys("y", 1, "p")], 3, 0, 3, 2),
        ([by("x", order(at(0), "o", categories=RED)), by("y", order(at(1), "o", categories=BOOTS))], 1, 1, 1, 1),
        ([by("x", order(at(0), "o", categories=RED + BOOTS)), by("y", order(at(1), "o", categories=RED))], 1, 1, 1, 1),
    ],
)
def test_an_order_that_cannot_stand_beside_another_has_never_been(
    before: list[Event], counting: int, first_at: float | None, last_at: float | None, left_out: int
) -> None:
    rules = policy(default_rhythm=Fixed(30), category_groups={"red wine": "wine", "sneakers": "shoes"}, downgrade_dwell_days=0)
    both = Merging(rules)
    both.take(*before, merges("x", "y", 6))
    y = both.life("y").now
    assert y.counting == counting
    assert (y.first_ms, max(y.last_ms)) == (NEVER if first_at is None else at(first_at), NEVER if last_at is None else at(last_at))
    assert both.rejected("y") == ["order_exists"] * bool(left_out), "the merge says that orders were left out; a copy is none"
    again = decode_state(encode_state(y))
    window.rebuild(again, rules)
    assert encode_facts(again) == encode_facts(y)


def test_a_refused_merge_leaves_the_hold_of_a_class() -> None:
    """He would fall at once if he were judged as one without a class; he has 30 days from when he began to look worse."""
    rules = policy(default_rhythm=Fixed(300), rhythms={}, downgrade_dwell_days=30)
    alone, some = Life(rules), Merging(rules)
    for life in (alone, some.life("x")):
        life.take(*(order(at(n), f"o-{n}", total=100_000) for n in range(3)))
        life.until(at(400))
        life.take(contact(at(410), "email"))
    some.take(buys("y", 0))
    some.life("y").now.absorbed = [f"{n:0>120}" for n in range(ABSORBED_BYTES_MAX // 144 + 1)]
    held = alone.now.class_hold_ms
    assert held is not None, "the story is of one who is about to fall"
    some.take(merges("x", "y", 411))
    assert some.rejected("x") == ["merge_refused"]
    assert (some.life("x").status("class"), some.life("x").now.class_hold_ms) == (alone.status("class"), held)


def test_who_begins_with_a_refused_merge_has_never_been() -> None:
    some = Merging()
    some.take(buys("y", 0))
    some.life("y").now.absorbed = [f"{n:0>120}" for n in range(ABSORBED_BYTES_MAX // 144 + 1)]
    some.take(merges("x", "y", 2))
    assert some.rejected("x") == ["merge_refused"]
    assert some.life("x").outcome.published == []
    assert not is_customer(some.life("x").state)
    some.take(buys("x", 3))
    assert some.life("x").changes("lifecycle") == [(None, "active", at(3), "event")]

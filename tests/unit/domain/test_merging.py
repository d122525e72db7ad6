"""Merging: one customer's facts become another's, his statuses end, and what comes later is the other's (domain.md, section 2)."""

from typing import Any

import pytest

from stream_app.codec.state import decode_state, encode_facts, encode_state
from stream_app.domain import evaluate, merge
from stream_app.domain.events import CustomerFacts, Event
from stream_app.domain.facts import window
from stream_app.domain.facts.referrals import ABSORBED_BYTES_MAX, NAMES_BYTES_MAX, names_bytes
from stream_app.domain.facts.state import is_customer
from stream_app.domain.ids import Who
from stream_app.domain.policy import Fixed, Policy
from stream_app.domain.settle import Outcome
from tests.builders import Life, at, contact, event, order, policy, refund
from tests.unit.domain.test_referrals import buys, by, cancels, refers

RULES = policy(default_rhythm=Fixed(30), rhythms={}, downgrade_dwell_days=0)
RECORD: Any = ("contacts", 3, 7, b"acme/x", b"{}", [])


class Merging:
    """Some customers of one shop; what one is told by another arrives at once, unless it is held back."""

    def __init__(self, rules: Policy = RULES) -> None:
        self.rules = rules
        self.lives: dict[str, Life] = {}

    def life(self, name: str) -> Life:
        return self.lives.setdefault(name, Life(self.rules))

    def take(self, *events: Event, hold: bool = False) -> list[Event]:
        """Apply events and what comes of them; with `hold` what comes of them is returned instead."""
        waiting, held = list(events), []
        while waiting:
            happened = waiting.pop(0)
            life = self.life(happened.customer_id)
            while life.state is not None and life.state.merged_into and not isinstance(happened.data, CustomerFacts):
                happened.customer_id = life.state.merged_into
                life = self.life(happened.customer_id)
            life.state = merge.apply(Who("acme", happened.customer_id), life.state, happened, RECORD, self.rules, life.outcome)
            told, life.outcome.derived = life.outcome.derived, []
            if hold:
                held += told
            else:
                waiting = told + waiting
        return held

    def rejected(self, name: str) -> list[str]:
        return [rejected.code.value for rejected, _ in self.life(name).outcome.rejected]


def merges(name: str, into: str, days: float) -> Event:
    return by(name, event("customer.merged", at(days), f"{name}-into-{into}-{days}", into=into))


def test_the_subject_ends_and_the_other_goes_on() -> None:
    both = Merging()
    both.take(buys("x", 0), buys("y", 5), merges("x", "y", 10))
    x, y = both.life("x"), both.life("y")
    assert x.now.merged_into == "y"
    assert not is_customer(x.state)
    assert x.now.deadline_ms is None
    assert x.changes("lifecycle") == [(None, "active", at(0), "event"), ("active", None, at(10), "merge")]
    last = {change.data["dimension"]: change.data for change in x.published()}
    assert {change["to"] for change in last.values()} == {None}
    assert {change["reason"]["code"] for change in last.values()} == {"merged"}
    assert {change["cause"]["event_id"] for change in last.values()} == {"x-into-y-10"}
    assert [change.data["sequence"] for change in x.published()] == list(range(1, len(x.published()) + 1))
    assert (y.measure("orders"), y.now.first_ms, y.now.absorbed) == (2, at(0), ["x"])


def test_later_events_are_the_others() -> None:
    both = Merging()
    both.take(buys("x", 0), buys("y", 5), merges("x", "y", 10), buys("x", 20), buys("x", 0))
    assert both.life("y").measure("orders") == 3
    assert both.life("y").outcome.duplicates == 1, "an event of the subject that was known is known"


def test_a_customer_is_made_by_a_merge() -> None:
    both = Merging()
    both.take(buys("x", 0), merges("x", "y", 10))
    assert both.life("y").status("lifecycle") == "active"
    assert both.life("y").changes("lifecycle") == [(None, "active", at(10), "merge")]


def test_an_unknown_subject_is_known_by_where_he_went() -> None:
    both = Merging()
    both.take(merges("x", "y", 1), buys("x", 2))
    assert both.life("x").outcome.published == []
    assert both.life("y").measure("orders") == 1


@pytest.mark.parametrize(
    ("events", "refused_of"),
    [
        ([merges("x", "x", 10)], "x"),
        ([merges("x", "y", 10), merges("y", "x", 11)], "y"),
        ([merges("x", "y", 10), merges("y", "z", 11), merges("z", "x", 12)], "z"),
        ([merges("x", "y", 10), merges("x", "y", 11)], "y"),
    ],
)
def test_a_circle_is_refused(events: list[Event], refused_of: str) -> None:
    some = Merging()
    some.take(buys("x", 0), buys("y", 1), buys("z", 2), *events)
    assert some.rejected(refused_of) == ["merge_refused"]
    assert is_customer(some.life(refused_of).state)


def test_of_a_circle_that_closes_at_once_nothing_is_lost() -> None:
    some = Merging()
    some.take(buys("x", 0), buys("y", 1))
    x_sent, y_sent = some.take(merges("x", "y", 10), hold=True), some.take(merges("y", "x", 10), hold=True)
    assert [is_customer(some.life(name).state) for name in ("x", "y")] == [False, False]
    some.take(*x_sent)
    some.take(*y_sent)
    orders = [some.life(name).measure("orders") if is_customer(some.life(name).state) else 0 for name in ("x", "y")]
    assert sum(count or 0 for count in orders) == 2
    assert some.rejected("x") + some.rejected("y") == ["merge_refused"]
    changes = some.life("x").published()
    assert [change.data["sequence"] for change in changes] == list(range(1, len(changes) + 1))
    assert len({change.id for change in changes}) == len(changes)


def test_facts_that_come_again_change_nothing() -> None:
    both = Merging()
    both.take(buys("x", 0), buys("y", 5))
    sent = both.take(merges("x", "y", 10), hold=True)
    again = [Event(one.type, one.id, one.shop_id, one.customer_id, one.time_ms, one.data) for one in sent]
    both.take(*sent)
    before = encode_facts(both.life("y").now)
    both.take(*again)
    assert encode_facts(both.life("y").now) == before
    assert both.life("y").outcome.duplicates == 1


def test_what_waited_finds_its_order() -> None:
    both = Merging()
    both.take(cancels("x", "o", 1), buys("y", 2, "o"), merges("x", "y", 3))
    assert both.life("y").measure("orders") == 0
    other = Merging()
    other.take(buys("x", 2, "o"), cancels("y", "o", 1), merges("x", "y", 3))
    assert other.life("y").measure("orders") == 0


def test_a_large_merge_is_refused() -> None:
    life = Life(RULES)
    large: Any = ("contacts", 0, 0, None, b"x" * 70_000, [])
    life.state = merge.apply(Who("acme", "c-1"), None, merges("c-1", "y", 1), large, RULES, life.outcome)
    assert life.state is None
    assert [rejected.code.value for rejected, _ in life.outcome.rejected] == ["merge_refused"]


def test_referrals_follow() -> None:
    some = Merging()
    some.take(refers("a", "x", 1), refers("x", "b", 1), buys("x", 2), buys("b", 3), buys("y", 0.5), merges("x", "y", 4))
    assert some.life("y").measure("referrals") == 1, "whom the subject has referred"
    assert some.life("a").measure("referrals") == 0, "the one he is now had bought before"
    assert set(some.life("a").now.referred) == {"y"}
    some.take(cancels("y", "y-0.5", 5))
    assert some.life("a").measure("referrals") == 1
    assert some.life("y").now.referrers == ["a"]


def test_who_referred_himself_referred_nobody() -> None:
    some = Merging()
    some.take(refers("x", "y", 1), refers("y", "z", 1), buys("y", 2), buys("z", 3), merges("x", "y", 4), merges("z", "y", 5))
    assert some.life("y").measure("referrals") == 0
    assert (some.life("y").now.referred, some.life("y").now.referrers, some.life("y").now.conversions) == ({}, [], [])
    some.take(refers("x", "y", 6), refers("y", "z", 7))
    assert some.life("y").now.referred == {}


def test_a_referral_of_the_subject_is_one_of_the_other() -> None:
    some = Merging()
    some.take(buys("x", 3), merges("x", "y", 4), refers("a", "x", 1), refers("a", "y", 2))
    assert some.life("a").now.referred == {"y": (at(1), at(3))}


def test_what_is_left_is_stored() -> None:
    both = Merging()
    both.take(buys("x", 0), merges("x", "y", 10))
    assert decode_state(encode_state(both.life("x").now)) == both.life("x").now
    assert len(encode_state(both.life("x").now)) < 250


def test_a_service_level_and_a_win_back_end() -> None:
    both = Merging()
    both.take(buys("x", 0))
    both.life("x").until(at(31))
    both.take(buys("y", 0), merges("x", "y", 40))
    kinds = [outgoing.type for outgoing in both.life("x").outcome.published]
    assert "winback.withdrawn" in kinds[kinds.index("winback.opened") :]


def big(name: str, rules: Policy) -> Life:
    """One who has everything that a state has room for; his events and orders have names of their own."""
    life = Life(rules)
    for n in range(2_000):
        order_id = f"{name}-{n}-{'o' * 20}"
        refunds = [refund(at(n / 10) + 1, 1, order_id, f"{name}-{k}-{'r' * 20}", f"{name}-{n}-{k}") for k in range(2)]
        life.take(order(at(n / 10), order_id, categories=("red wine", "sneakers"), cost_minor=2**40), *refunds)
    for n in range(1_000):
        life.take(event("referral.made", at(200), f"{name}-ref-{n}", referred_customer_id=f"{name}-friend-{n}"))
        life.take(event("profile.assessed", at(200), f"{name}-p-{n}", criteria={f"{name}-{n}": 1}))
        life.take(contact(at(n / 5), ("email", "mailing", "phone", "visit", "chat", "other")[n % 6]))
    for n in range(60):
        raw: Any = ("orders", 0, 0, None, b"x" * 2_500, [])
        life.state = evaluate.apply(Who("acme", name), life.state, cancels(name, f"{name}-late-{n}", 200), raw, rules, life.outcome)
    life.outcome = Outcome()
    return life


def test_two_full_states_united_stay_within_the_bounds() -> None:
    rules = policy(default_rhythm=Fixed(300), rhythms={}, window_days=365)
    some, mine, theirs = Merging(rules), big("y", rules), big("x", rules)
    assert min(len(encode_state(life.now)) for life in (mine, theirs)) > 300_000
    some.lives = {"y": mine, "x": theirs}
    worth = (mine.measure("orders") or 0) + (theirs.measure("orders") or 0)
    some.take(merges("x", "y", 201))
    y = mine.now
    assert len(encode_state(y)) < 512 * 1024
    assert (len(y.order_ms), len(y.seen_ms), len(y.criteria)) == (2_000, 4_000, 100)
    assert sum(len(note.refund_ids) for note in y.notes.values()) <= 4_000
    assert names_bytes(y) <= NAMES_BYTES_MAX
    assert mine.measure("orders") == worth, "what closed early stays in the totals"
    assert {"order", "event_id", "referral", "waiting"} <= set(mine.outcome.forgotten)
    again = decode_state(encode_state(y))
    window.rebuild(again, rules)
    assert encode_facts(again) == encode_facts(y), "the running sums are those of the columns"


def test_of_two_orders_under_one_id_the_targets_stands() -> None:
    both = Merging()
    both.take(buys("x", 0, "o"), cancels("x", "o", 1), buys("y", 2, "o"), merges("x", "y", 3))
    assert both.life("y").measure("orders") == 1


def test_too_many_names_are_refused() -> None:
    both = Merging()
    both.take(buys("y", 0))
    both.life("y").now.absorbed = [f"{n:0>120}" for n in range(ABSORBED_BYTES_MAX // 144 + 1)]
    both.take(buys("x", 1), merges("x", "y", 2))
    assert both.rejected("x") == ["merge_refused"]
    assert both.life("x").status("lifecycle") == "active"
    assert both.life("y").measure("orders") == 1

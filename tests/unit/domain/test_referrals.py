"""Referrals: who converts, when, and what the two customers tell each other (domain.md, section 2)."""

from typing import Any

import pytest

from stream_app.codec.state import encode_facts
from stream_app.domain import evaluate
from stream_app.domain.events import Event, OrderPlaced
from stream_app.domain.facts.referrals import CONVERSIONS_MAX, NAMES_BYTES_MAX, names_bytes
from stream_app.domain.facts.state import NEVER, is_customer
from stream_app.domain.ids import Who
from stream_app.domain.policy import Criterion, Fixed
from tests.builders import DAY, Life, at, event, policy, raw

BY_REFERRALS = policy(
    criteria=(Criterion("referrals", 1, (1, 2), (60, 100)),),
    default_rhythm=Fixed(5_000),
    rhythms={},
    window_days=100,
    downgrade_dwell_days=0,
)


class Shop:
    """Some customers of one shop: what they do, and what is told from one to another, at once and in order."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.told: list[Event] = []

    def life(self, name: str) -> Life:
        return self.lives.setdefault(name, Life(BY_REFERRALS))

    def take(self, *events: Event) -> "Shop":
        waiting = list(events)
        while waiting:
            happened = waiting.pop(0)
            life = self.life(happened.customer_id)
            who = Who("acme", happened.customer_id)
            life.state = evaluate.apply(who, life.state, happened, raw(happened.id), life.rules, life.outcome)
            self.told += life.outcome.derived
            waiting = life.outcome.derived + waiting
            life.outcome.derived = []
        return self

    def referrals(self, name: str) -> int | None:
        return self.life(name).measure("referrals")


def by(name: str, happened: Event) -> Event:
    """The event as this customer's."""
    happened.customer_id = name
    return happened


def refers(name: str, other: str, days: float) -> Event:
    return by(name, event("referral.made", at(days), f"{name}-{other}-{days}", referred_customer_id=other))


def buys(name: str, days: float, order_id: str = "") -> Event:
    order_id = order_id or f"{name}-{days}"
    return by(name, Event("order.placed", f"e-{order_id}", "acme", name, at(days), OrderPlaced(order_id, "EUR", 1_000)))


def cancels(name: str, order_id: str, days: float) -> Event:
    return by(name, event("order.cancelled", at(days), f"x-{order_id}", order_id=order_id))


CASES: list[tuple[str, list[Event], int]] = [
    ("a first order after the referral", [refers("a", "b", 1), buys("b", 2)], 1),
    ("a first order at the very moment", [refers("a", "b", 1), buys("b", 1)], 1),
    ("someone who bought before", [buys("b", 0.9), refers("a", "b", 1), buys("b", 2)], 0),
    ("nobody ever bought", [refers("a", "b", 1)], 0),
    ("a referral of himself", [refers("a", "a", 1), buys("a", 2)], 0),
    ("the pair's earliest referral counts", [refers("a", "b", 3), buys("b", 2), refers("a", "b", 1)], 1),
    ("a later referral of the pair changes nothing", [refers("a", "b", 1), buys("b", 2), refers("a", "b", 3)], 1),
    ("a second order converts nobody again", [refers("a", "b", 1), buys("b", 2), buys("b", 3)], 1),
    ("two referred customers", [refers("a", "b", 1), refers("a", "c", 1), buys("c", 2), buys("b", 3)], 2),
    ("the only order is voided", [refers("a", "b", 1), buys("b", 2, "o"), cancels("b", "o", 3)], 0),
    ("the next order takes the place of a voided one", [refers("a", "b", 1), buys("b", 2, "o"), buys("b", 3), cancels("b", "o", 4)], 1),
    ("an order before the referral is voided", [buys("b", 0, "o"), refers("a", "b", 1), buys("b", 3), cancels("b", "o", 4)], 1),
    ("an earlier order comes late", [refers("a", "b", 1), buys("b", 2), buys("b", 0.5)], 0),
    ("the referral comes late", [buys("b", 2), refers("a", "b", 1)], 1),
    ("a cancel was there before the order", [refers("a", "b", 1), cancels("b", "o", 2), buys("b", 2, "o")], 0),
]


@pytest.mark.parametrize(("what", "events", "referrals"), CASES, ids=[case[0] for case in CASES])
def test_who_is_converted(what: str, events: list[Event], referrals: int) -> None:
    assert Shop().take(*events).life("a").until(at(50)).measure("referrals") == referrals


@pytest.mark.parametrize(("what", "events", "referrals"), CASES, ids=[case[0] for case in CASES])
def test_the_order_of_arrival_does_not_matter(what: str, events: list[Event], referrals: int) -> None:
    for turn in range(len(events)):
        shop = Shop().take(*events[turn:], *events[:turn])
        assert shop.life("a").until(at(50)).measure("referrals") == referrals
        told = {name: facts(life) for name, life in shop.lives.items()}
        assert told == {name: facts(life) for name, life in Shop().take(*events).lives.items()}


def facts(life: Life) -> bytes:
    """The facts once time has come to day 50."""
    if is_customer(life.state):
        life.until(at(50))
    return encode_facts(life.now)


def test_every_referrer_counts() -> None:
    shop = Shop().take(refers("z", "b", 1), refers("a", "b", 1.5), refers("m", "b", 3), buys("b", 2))
    assert [shop.referrals(name) for name in ("a", "m", "z")] == [1, 0, 1]
    first_orders = [told for told in shop.told if told.type == "referral.first_order"]
    assert [told.customer_id for told in first_orders] == ["a", "m", "z"], "by customer id"
    assert {told.time_ms for told in first_orders} == {at(2)}
    assert len({told.id for told in shop.told}) == 6


def test_what_is_told_and_when() -> None:
    shop = Shop().take(
        refers("a", "b", 1), refers("a", "b", 1.5), buys("b", 3, "o"), buys("b", 5), cancels("b", "o", 6), cancels("b", "b-5", 7)
    )
    told = [(one.type, one.customer_id, one.time_ms, getattr(one.data, "at_ms", "")) for one in shop.told]
    assert told == [
        ("referral.known", "b", at(1), ""),
        ("referral.first_order", "a", at(3), at(3)),
        ("referral.first_order", "a", at(6), at(5)),
        ("referral.first_order", "a", at(7), None),
    ]
    assert len({one.id for one in shop.told}) == 4
    again = Shop().take(refers("a", "b", 1), refers("a", "b", 1.5), buys("b", 3, "o"), buys("b", 5))
    assert [one.id for one in again.told] == [one.id for one in shop.told[:2]], "the same in every replay"


def test_a_referral_makes_no_customer() -> None:
    shop = Shop().take(refers("a", "b", 1))
    known = shop.life("b")
    assert not is_customer(known.state)
    assert known.now.deadline_ms is None
    assert (known.now.sequence, known.outcome.published, known.now.referrers) == (0, [], ["a"])
    shop.take(buys("b", 2))
    assert is_customer(known.state)
    assert (known.now.born_ms, known.now.low_ms, known.now.high_ms) == (at(2), at(2), at(2))
    assert known.published()[0].data["sequence"] == 1


def test_a_refused_first_event_leaves_what_is_known() -> None:
    foreign = buys("b", 2)
    assert isinstance(foreign.data, OrderPlaced)
    foreign.data.currency = "USD"
    shop = Shop().take(refers("a", "b", 1), foreign)
    assert not is_customer(shop.life("b").state)
    assert shop.life("b").rejected() == [("currency_mismatch", foreign.id)]
    assert shop.take(buys("b", 3)).referrals("a") == 1


def test_nobody_is_born_of_what_is_told() -> None:
    told: list[Any] = []
    shop = Shop().take(refers("a", "b", 1), buys("b", 2))
    told += shop.told
    stranger = Shop().take(by("x", told[-1]))
    assert stranger.life("x").state is None


def test_an_older_word_that_comes_again_says_nothing() -> None:
    shop = Shop().take(refers("a", "b", 1), buys("b", 2, "o"), cancels("b", "o", 3))
    before = encode_facts(shop.life("a").now)
    for told in shop.told[1:]:
        shop.take(told)
    assert encode_facts(shop.life("a").now) == before
    assert shop.life("a").outcome.duplicates == 2


def test_what_is_told_moves_the_clock_and_not_the_ledger() -> None:
    shop = Shop().take(refers("a", "b", 1), buys("b", 2))
    referrer = shop.life("a").now
    assert (referrer.clock_ms, referrer.high_ms, len(referrer.seen_ids)) == (at(2), at(1), 1)


def test_the_change_of_a_referrer() -> None:
    shop = Shop().take(buys("a", 0), refers("a", "b", 1), refers("a", "c", 1), buys("b", 2), buys("c", 3, "late"))
    assert shop.life("a").changes("class") == [(None, "C", at(0), "event"), ("C", "B", at(2), "event"), ("B", "A", at(3), "event")]
    cause = shop.life("a").published()[-1].data["cause"]
    assert cause["event_id"] == shop.told[-1].id
    shop.take(buys("a", 9), cancels("c", "late", 5))
    change = [one for one in shop.life("a").published() if one.data["dimension"] == "class"][-1].data
    assert (change["from"], change["to"], change["effective_at"], change["cause"]["kind"]) == ("A", "B", at(9), "late")
    assert "revokes" in change


def test_a_conversion_leaves_the_window_by_itself() -> None:
    shop = Shop().take(buys("a", 0), refers("a", "b", 1), buys("b", 2.5))
    change = [one for one in shop.life("a").published() if one.data["dimension"] == "class"][-1].data
    assert change["valid_until"] <= at(102)
    assert shop.life("a").until(at(102) - 1).measure("referrals") == 1
    assert shop.life("a").until(at(102)).measure("referrals") == 0
    assert shop.life("a").changes("class")[-1] == ("B", "C", at(102), "time")


def test_a_conversion_ahead_of_the_referrers_clock_comes_by_itself() -> None:
    """The void of a first order makes a later one the first, which the referrer's clock has not reached."""
    shop = Shop().take(buys("a", 0), refers("a", "b", 1), buys("b", 1.5, "o"), cancels("b", "o", 2))
    shop.take(buys("b", 20), cancels("b", "b-20", 21), buys("b", 40, "last"), buys("b", 0.5, "early"))
    shop.take(cancels("b", "early", 30))
    assert shop.referrals("a") == 1
    late = Shop().take(buys("a", 0), buys("b", 40), refers("a", "b", 1))
    assert late.referrals("a") == 0
    assert late.life("a").until(at(40)).measure("referrals") == 1
    assert late.life("a").changes("class")[-1] == ("C", "B", at(40), "time")


def test_names_are_bounded_and_conversions_stay() -> None:
    shop = Shop()
    for n in range(700):
        shop.take(refers("a", f"{n:03}".ljust(128, "x"), 1 + n / 1_000), buys(f"{n:03}".ljust(128, "x"), 2))
    referrer = shop.life("a").now
    assert names_bytes(referrer) <= NAMES_BYTES_MAX
    assert "referral" in shop.life("a").outcome.forgotten
    assert shop.referrals("a") == 700, "what was converted stays, without its name"
    assert all(made_ms >= at(1.2) for made_ms, _ in referrer.referred.values()), "the oldest are forgotten"
    referred = Shop()
    for n in range(700):
        referred.take(refers(f"{n:03}".ljust(128, "x"), "b", 1))
    assert names_bytes(referred.life("b").now) <= NAMES_BYTES_MAX
    assert "referrer" in referred.life("b").outcome.forgotten


def test_conversions_are_bounded() -> None:
    shop = Shop()
    for n in range(CONVERSIONS_MAX + 5):
        shop.take(refers("a", f"{n}", 1 + n / 10_000), buys(f"{n}", 2 + n / 100))
    assert len(shop.life("a").now.conversions) == CONVERSIONS_MAX
    assert shop.life("a").now.conversions[0] == at(2) + 5 * DAY // 100
    assert NEVER not in shop.life("a").now.conversions

"""What each event does to the facts, one rule a row (domain.md, section 2)."""

import pytest

from stream_app.domain.events import CHANNELS, Event
from stream_app.domain.facts.fold import closed_channels
from tests.builders import Life, at, cancel, contact, event, order, payment, policy, refund

RULES = policy(ledger_days=400, pending_days=30)


def again(days: float, order_id: str = "o-1") -> Event:
    """An order's id under another event's id."""
    placed = order(at(days), order_id, 9_999)
    placed.id = placed.name = f"again-{days}"
    return placed


def interest(days: float, event_id: str = "i") -> Event:
    return event("interest.shown", at(days), event_id, kind="quote")


ACCEPTED: list[tuple[str, list[Event], float, list[str], int]] = [
    # (what, the events in log order, the clock, the codes of the dead letters, the revenue)
    ("an order", [order(at(0))], 0, [], 1_000),
    ("the same event twice", [order(at(0)), order(at(0))], 0, [], 1_000),
    ("an order id under another event id", [order(at(0)), again(1)], 1, ["order_exists"], 1_000),
    ("an order id from before the order", [order(at(5)), again(1)], 5, ["order_exists"], 1_000),
    ("the id of a cancelled order", [order(at(0)), cancel(at(1)), again(2)], 2, ["order_exists"], 0),
    ("the id of a refunded order", [order(at(0)), refund(at(1), 1_000), again(2)], 2, ["order_exists"], 0),
    ("the id of a closed order counts anew", [order(at(0)), interest(400.1), again(400.1)], 400.1, [], 9_999),
    ("a refund id again", [order(at(0)), refund(at(1), 300), refund(at(2), 1)], 2, ["refund_exists"], 700),
    ("two refund ids", [order(at(0)), refund(at(1), 300), refund(at(2), 1, refund_id="r-2")], 2, [], 699),
    ("one refund id of two orders", [order(at(0)), order(at(0), "o-2"), refund(at(1), 300), refund(at(1), 1, "o-2")], 1, [], 1_699),
    ("a refund from before the order's time", [order(at(5)), refund(at(1), 300)], 5, [], 700),
    ("a refund id again while both wait", [refund(at(1), 300), refund(at(2), 1), order(at(3))], 3, ["refund_exists"], 700),
    ("a cancel from before the order's time", [order(at(5)), cancel(at(1))], 5, [], 0),
    ("a second cancel", [order(at(0)), cancel(at(1)), cancel(at(2))], 2, [], 0),
    ("a cancel that waits", [cancel(at(0)), order(at(29.9))], 29.9, [], 0),
    ("a cancel that waited in vain", [cancel(at(0)), order(at(30))], 30, ["order_unknown"], 1_000),
    ("a refund that waited in vain", [refund(at(0), 300), order(at(30))], 30, ["order_unknown"], 1_000),
    ("a payment that waited in vain", [payment(at(0), at(0)), order(at(30))], 30, ["order_unknown"], 1_000),
    ("a wait that time alone ends", [cancel(at(0))], 30, ["order_unknown"], 0),
    ("a wait that is not over", [cancel(at(0))], 29.9, [], 0),
    ("each waits for itself", [cancel(at(0), "o-8"), cancel(at(10), "o-9")], 39.9, ["order_unknown"], 0),
    ("a late one waits from the clock on", [interest(10), cancel(at(0))], 39.9, [], 0),
    ("and no longer", [interest(10), cancel(at(0))], 40, ["order_unknown"], 0),
    ("of several the log's order", [payment(at(0), at(0)), cancel(at(0))], 30, ["order_unknown", "order_unknown"], 0),
    ("an order as old as the ledger", [interest(400), order(at(0))], 365, [], 0),
    ("an order older than the ledger", [interest(400), order(at(0) - 1)], 400, ["order_closed"], 0),
    ("a cancel of an order as old as the ledger", [order(at(100)), interest(500), cancel(at(101))], 531, [], 0),
    ("a refund of a closed order", [order(at(0)), interest(400.1), refund(at(1), 5)], 430.2, ["order_unknown"], 0),
]


@pytest.mark.parametrize(("what", "events", "clock", "codes", "revenue"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_what_is_accepted(what: str, events: list[Event], clock: float, codes: list[str], revenue: int) -> None:
    life = Life(RULES).take(*events)
    assert life.now.clock_ms == max(one.time_ms for one in events), "a refused event, too, has moved the clock"
    life.until(at(clock))
    assert [code for code, _ in life.rejected()] == codes
    assert life.measure("revenue") == revenue


LATE: list[tuple[str, list[Event], int]] = [
    # (what, the events after an order of day 0, the days late of the orders with a payment, on average)
    ("not paid", [], 0),
    ("paid early", [payment(at(1), at(3))], 0),
    ("paid at the very moment", [payment(at(3), at(3))], 0),
    ("a moment less than a day", [payment(at(4) - 1, at(3))], 0),
    ("a day", [payment(at(4), at(3))], 1),
    ("the largest counts, first", [payment(at(8), at(3)), payment(at(9), at(8))], 5),
    ("the largest counts, last", [payment(at(5), at(3)), payment(at(9), at(4))], 5),
    ("an early one takes nothing off", [payment(at(8), at(3)), payment(at(9), at(90))], 5),
    ("two orders", [order(at(0), "o-2"), payment(at(8), at(3)), payment(at(9), at(5), "o-2")], 4),
    ("an order without a payment is left out", [order(at(0), "o-2"), payment(at(8), at(3))], 5),
    ("one paid in time is not", [order(at(0), "o-2"), payment(at(8), at(3)), payment(at(1), at(1), "o-2")], 2),
    ("a cancelled order", [payment(at(8), at(3)), cancel(at(9))], 0),
    ("a fully refunded order", [payment(at(8), at(3)), refund(at(9), 1_000)], 0),
]


@pytest.mark.parametrize(("what", "events", "days"), LATE, ids=[row[0] for row in LATE])
def test_days_late(what: str, events: list[Event], days: int) -> None:
    assert Life(RULES).take(order(at(0)), *events).measure("late_days_average") == days
    assert Life(RULES).take(*events, order(at(0))).measure("late_days_average") == days, "payments may wait"


GROUPS: list[tuple[str, list[tuple[str | None, ...]], dict[str, int]]] = [
    # (what, the categories of the lines of orders on days of their own, the groups and their occasions)
    ("no lines", [()], {"default": 1}),
    ("a line without a category", [(None,)], {"default": 1}),
    ("a category the policy does not map", [("hats",)], {"default": 1}),
    ("both", [(None, "hats")], {"default": 1}),
    ("a category the policy maps", [("red wine",)], {"wine": 1}),
    ("a name that differs by a capital", [("Red wine",)], {"default": 1}),
    ("two lines of one group", [("red wine", "red wine")], {"wine": 1}),
    ("two groups", [("red wine", "belts")], {"belts": 1, "wine": 1}),
    ("mapped and not", [("red wine", None)], {"default": 1, "wine": 1}),
    ("two orders", [("red wine",), ("red wine", "sneakers")], {"shoes": 1, "wine": 2}),
]


@pytest.mark.parametrize(("what", "orders", "groups"), GROUPS, ids=[row[0] for row in GROUPS])
def test_product_groups(what: str, orders: list[tuple[str | None, ...]], groups: dict[str, int]) -> None:
    life = Life(RULES).take(*[order(at(day), f"o-{day}", categories=categories) for day, categories in enumerate(orders)])
    assert dict(sorted(zip(life.now.groups, life.now.occasions, strict=True))) == groups
    assert life.measure("product_groups") == len(groups)


def prefers(days: float, *closed: str) -> Event:
    return event("preference.set", at(days), f"p-{days}", closed_channels=list(closed))


def answers(days: float, channel: str, outcome: str = "unsubscribed") -> Event:
    return event("contact.responded", at(days), f"a-{channel}-{days}", channel=channel, outcome=outcome)


CLOSED: list[tuple[str, list[Event], set[str]]] = [
    # (what, the events, the closed channels)
    ("nothing said", [interest(0)], set()),
    ("a preference", [prefers(0, "phone", "visit")], {"phone", "visit"}),
    ("the latest replaces it whole", [prefers(0, "phone"), prefers(1, "chat")], {"chat"}),
    ("the latest that closes nothing", [prefers(0, "phone"), prefers(1)], set()),
    ("unsubscribed", [answers(0, "email")], {"email"}),
    *[(f"{outcome} closes nothing", [answers(0, "email", outcome)], set()) for outcome in ("positive", "neutral", "negative")],
    ("unsubscribed from two", [answers(0, "email"), answers(1, "chat")], {"email", "chat"}),
    ("unsubscribed after a preference", [prefers(0, "phone"), answers(1, "email")], {"phone", "email"}),
    ("a preference after it opens it", [answers(0, "email"), prefers(1, "phone")], {"phone"}),
    ("an answer does not open it", [answers(0, "email"), answers(1, "email", "positive")], {"email"}),
    ("unsubscribed before and after", [answers(0, "email"), prefers(1), answers(2, "email")], {"email"}),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("what", "events", "closed"), CLOSED, ids=[row[0] for row in CLOSED])
def test_closed_channels(what: str, events: list[Event], closed: set[str], backwards: bool) -> None:
    assert closed_channels(Life(RULES).take(*(reversed(events) if backwards else events)).now) == closed


COSTS = {"email": 5, "mailing": 150, "phone": 600, "visit": 12_000, "chat": 200, "other": 100}
PRICES: list[tuple[str, list[Event], int, int]] = [
    # (what, the events, contacts, their cost)
    *[(f"the policy's price of {channel}", [contact(at(0), channel)], 1, COSTS[channel]) for channel in CHANNELS],
    ("its own price", [contact(at(0), "visit", cost=7)], 1, 7),
    ("its own price of nothing", [contact(at(0), "visit", cost=0)], 1, 0),
    ("inbound costs the same", [contact(at(0), "phone", "inbound")], 1, 600),
    ("several", [contact(at(0)), contact(at(1)), contact(at(2), "chat", cost=1)], 3, 11),
    ("an answer is no contact", [answers(0, "phone", "positive")], 0, 0),
]


@pytest.mark.parametrize(("what", "events", "contacts", "cost"), PRICES, ids=[row[0] for row in PRICES])
def test_the_price_of_a_contact(what: str, events: list[Event], contacts: int, cost: int) -> None:
    life = Life(RULES).take(*events)
    assert [life.measure(name) for name in ("contacts", "contact_cost", "cost_to_serve")] == [contacts, cost, cost]

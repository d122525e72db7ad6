"""Orders, voids, refunds, payments, waiting and closing (domain.md, section 2)."""

import pytest

from stream_app.domain.events import Event
from tests.builders import Life, at, cancel, event, order, payment, policy, refund

FACTS = ("counting", "first_ms", "groups", "occasions", "last_ms", "sums", "notes", "order_ids")

VOIDS = [
    # (events after the order of 1000, still counting, revenue, refund_pct, cost_to_serve)
    ([], True, 1000, 0, 0),
    ([refund(at(1), 300)], True, 700, 30, 500),
    ([refund(at(1), 300), refund(at(2), 699, refund_id="r-2")], True, 1, 99, 1000),
    ([refund(at(1), 1000)], False, 0, 100, 500),  # fully refunded: only refund cost and refund_pct
    ([refund(at(1), 5000)], False, 0, 100, 500),  # refunded at most its total
    ([refund(at(1), 600), refund(at(2), 400, refund_id="r-2")], False, 0, 100, 1000),
    ([cancel(at(1))], False, 0, 0, 0),
    ([cancel(at(1)), cancel(at(2))], False, 0, 0, 0),  # a second cancel changes nothing
    ([refund(at(1), 300), cancel(at(2))], False, 0, 0, 0),  # a cancelled order's refunds count nowhere
    ([cancel(at(1)), refund(at(2), 300)], False, 0, 0, 0),
]


@pytest.mark.parametrize(("after", "counts", "revenue", "refund_pct", "cost"), VOIDS)
def test_cancels_and_refunds_decide_what_an_order_is_worth(
    after: list[Event], counts: bool, revenue: int, refund_pct: int, cost: int
) -> None:
    life = Life().take(order(at(0)), *after)
    assert life.now.counting == counts
    assert [life.measure(name) for name in ("revenue", "refund_pct", "cost_to_serve", "orders")] == [revenue, refund_pct, cost, int(counts)]
    assert not life.rejected()
    assert life.status("lifecycle") == ("active" if counts else "potential")


@pytest.mark.parametrize(("after", "counts", "revenue", "refund_pct", "cost"), VOIDS)
def test_it_does_not_matter_whether_they_come_before_the_order(
    after: list[Event], counts: bool, revenue: int, refund_pct: int, cost: int
) -> None:
    first, last = Life().take(order(at(0)), *after), Life().take(*after, order(at(0)))
    assert [getattr(first.now, name) for name in FACTS] == [getattr(last.now, name) for name in FACTS]
    assert first.now.values == last.now.values


def test_an_order_of_nothing_counts_until_it_is_refunded() -> None:
    life = Life().take(order(at(0), total=0))
    assert life.status("lifecycle") == "active"
    life.take(refund(at(1), 1))  # with a refund and refunds >= total it is voided
    assert life.status("lifecycle") == "potential"


def test_an_order_id_is_used_once() -> None:
    again = order(at(1))
    again.id = again.name = "e-other"
    life = Life().take(order(at(0)), again)
    assert life.rejected() == [("order_exists", "e-other")]
    assert life.measure("orders") == 1
    assert life.now.clock_ms == at(1), "the rejected event moves the clock"
    assert not Life().take(order(at(0)), cancel(at(1)), order(at(2), "o-2")).rejected()
    life = Life().take(order(at(0)), cancel(at(1)), again)
    assert life.rejected() == [("order_exists", "e-other")], "a voided order still holds its id"


def test_a_refund_id_is_used_once_per_order() -> None:
    life = Life().take(order(at(0)), order(at(0), "o-2"), refund(at(1), 100), refund(at(2), 50), refund(at(2), 70, "o-2"))
    assert life.rejected() == [("refund_exists", f"r-1-o-1-{at(2)}")]
    assert life.measure("revenue") == 900 + 930


def test_of_two_waiting_refunds_with_one_id_the_first_in_the_log_counts() -> None:
    life = Life().take(refund(at(2), 50, event_id="a"), refund(at(1), 100, event_id="b"), order(at(0)))
    assert life.rejected() == [("refund_exists", "b")]
    assert life.measure("revenue") == 950


def test_days_late_is_the_largest_over_the_payments() -> None:
    life = Life(policy(annual_rate_pct=10)).take(
        order(at(0), total=36500), payment(at(5.5), at(3)), payment(at(6), at(6)), payment(at(4), at(9))
    )
    assert life.measure("late_days_average") == 2  # floor(2.5), 0 and 0
    assert life.measure("cost_to_serve") == 36500 * 2 * 10 // 36500


WAITING = [
    cancel(at(0), "o-9", "w"),
    refund(at(0), 5, "o-9", event_id="w"),
    event("payment.received", at(0), "w", order_id="o-9", due_ms=0, amount_minor=1),
]


@pytest.mark.parametrize("waits", WAITING)
def test_what_has_no_order_waits_and_ends_as_a_dead_letter(waits: Event) -> None:
    life = Life().take(waits)
    assert life.status("lifecycle") == "possibly_interested", "it creates the customer but is no relation"
    assert life.now.deadline_ms == at(30)
    life.until(at(30) - 1)
    assert life.rejected() == []
    life.until(at(30))
    assert life.rejected() == [("order_unknown", "w")]
    assert life.now.waiting == []
    assert life.now.deadline_ms is None


def test_waiting_is_counted_from_the_clock_when_folded() -> None:
    life = Life().take(order(at(10)), cancel(at(2), "o-9", "w"))  # late: the clock stands at day 10
    life.until(at(40) - 1)
    assert life.rejected() == []
    assert life.until(at(40)).rejected() == [("order_unknown", "w")]


def test_an_order_at_the_very_end_of_the_wait_comes_too_late() -> None:
    life = Life().take(cancel(at(0), "o-9", "w"), order(at(30), "o-9"))
    assert life.rejected() == [("order_unknown", "w")]
    assert life.status("lifecycle") == "active"
    assert Life().take(cancel(at(0), "o-9", "w"), order(at(30) - 1, "o-9")).status("lifecycle") == "potential"


def test_without_pending_days_nothing_waits() -> None:
    life = Life(policy(pending_days=0)).take(order(at(0)), cancel(at(1), "o-9", "w"))
    assert life.rejected() == [("order_unknown", "w")]


def test_an_order_closes_behind_the_ledger() -> None:
    rules = policy(ledger_days=400)
    life = Life(rules).take(order(at(0)), order(at(400), "o-2"))
    assert life.now.order_ids == ["o-1", "o-2"], "exactly the ledger's days old is still open"
    life.take(order(at(400) + 1, "o-3"))
    assert life.now.order_ids == ["o-2", "o-3"]
    assert (life.now.counting, life.now.first_ms) == (3, at(0)), "it stays in the totals"
    life.take(cancel(at(401), "o-1", "w"))
    assert life.now.counting == 3
    assert life.until(at(431)).rejected() == [("order_unknown", "w")]


def test_an_order_older_than_the_ledger_is_refused() -> None:
    life = Life(policy(ledger_days=400)).take(order(at(400) + 1), order(at(0), "o-2"), order(at(0) + 1, "o-3"))
    assert life.rejected() == [("order_closed", "e-o-2")]
    assert life.now.order_ids == ["o-3", "o-1"]


def test_time_alone_closes_nothing() -> None:
    life = Life(policy(ledger_days=400)).take(order(at(0)))
    life.until(at(900)).take(cancel(at(2)))  # the clock is far, but the latest event of his own is day 2
    assert life.rejected() == []
    assert life.status("lifecycle") == "potential"


def test_a_rejected_event_too_moves_the_border_of_the_ledger() -> None:
    life = Life(policy(ledger_days=400)).take(order(at(0)), order(at(1), "o-2"))
    again = order(at(401), "o-2")
    again.id = again.name = "again"
    life.take(again)  # refused, and yet an event of his own: high is day 401
    assert life.rejected() == [("order_exists", "again")]
    assert life.take(order(at(0.5), "o-3")).rejected()[1:] == [("order_closed", "e-o-3")]


def test_the_number_of_open_orders_is_bounded() -> None:
    life = Life(policy(ledger_orders=3)).take(*[order(at(n), f"o-{n}") for n in range(5)])
    assert life.now.order_ids == ["o-2", "o-3", "o-4"]
    assert life.outcome.forgotten == ["order", "order"]
    assert [life.measure(name) for name in ("orders", "revenue", "occasions", "tenure_days")] == [5, 5000, 5, 4]
    life.until(at(365))
    assert [life.measure(name) for name in ("orders", "revenue", "occasions")] == [4, 4000, 4], "closed ones leave the window too"


def test_an_order_belongs_to_the_groups_of_its_lines() -> None:
    life = Life().take(
        order(at(0), "o-1", categories=("red wine", "sneakers")),
        order(at(1), "o-2", categories=("red wine", "red wine")),
        order(at(2), "o-3", categories=("unheard of", None)),
        order(at(3), "o-4"),
    )
    assert dict(zip(life.now.groups, life.now.occasions, strict=True)) == {"wine": 2, "shoes": 1, "default": 2}
    assert life.measure("product_groups") == 3


def test_an_occasion_is_a_day_not_an_order() -> None:
    life = Life().take(order(at(0.1)), order(at(0.9), "o-2"), order(at(1.0), "o-3"))
    assert life.now.occasions == [2]
    life.take(cancel(at(2), "o-1"))
    assert (life.measure("occasions"), life.now.occasions) == (2, [2])
    life.take(cancel(at(2.5), "o-2"))
    assert (life.measure("occasions"), life.now.occasions, life.now.first_ms) == (1, [1], at(1))

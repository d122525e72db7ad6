"""`python -X pure -m tests.unit.domain.costs`: what an event costs with few and with many orders, in executed lines of our code.

Lines, so that the machine's mood does not matter; plain Python, because compiled code executes none. What C does at one call
(searching or shifting a list of 2 000) is not counted: it takes microseconds.
"""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from stream_app.domain.events import Event
from tests.builders import DAY, Life, at, cancel, contact, order, payment, refund

MANY = 2_000


def lines_of(act: Callable[[], object]) -> int:
    """How many lines `act` executes."""
    count = 0

    def trace(_frame: FrameType, what: str, _arg: object) -> Any:
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def grown(orders: int, per_day: int) -> Life:
    """A customer with so many open orders up to day 300; both product groups are known (a group's first order costs a walk, once)."""
    days, first = orders // per_day, order(at(-1), "first", categories=("red wine", "sneakers"))
    return Life().take(
        first,
        cancel(at(-1), "first"),
        *[order(at(300 * n / days) + k, f"o-{n}-{k}", categories=("red wine",)) for n in range(days) for k in range(per_day)],
    )


ACTS: list[tuple[str, Callable[[Life], Event]]] = [
    ("a new order", lambda _: order(at(300.5), "new", categories=("red wine", "sneakers"))),
    ("an order of another group", lambda _: order(at(300.5), "new", categories=("sneakers",))),
    ("a late order", lambda _: order(at(150), "new", categories=("red wine",))),
    ("a contact", lambda _: contact(at(300.5))),
    ("a payment", lambda life: payment(at(300.5), at(1), named(life, -1))),
    ("a cancel of the last", lambda life: cancel(at(300.5), named(life, -1))),
    ("a cancel of the first", lambda life: cancel(at(300.5), named(life, 0))),
    ("a cancel in the middle", lambda life: cancel(at(300.5), named(life, len(life.now.order_ids) // 2))),
    ("a refund in the middle", lambda life: refund(at(300.5), 1_000, named(life, len(life.now.order_ids) // 2))),
]


def named(life: Life, row: int) -> str:
    return life.now.order_ids[row]


def costs() -> dict[str, list[int]]:
    """Per act and orders a day: the lines it takes with 21 orders and with 2 000; and those of a day's leaving."""
    found: dict[str, list[int]] = {}
    for per_day in (1, 20):
        for what, act in ACTS:
            few, many = grown(20, per_day), grown(MANY, per_day)
            assert (len(few.now.order_ids), len(many.now.order_ids)) == (21, MANY)
            found[f"{what}, {per_day} a day"] = [lines_of(lambda: few.take(act(few))), lines_of(lambda: many.take(act(many)))]  # noqa: B023
    life = grown(MANY, 1)
    found["a day leaves"] = [lines_of(lambda: life.until(at(365) + DAY // 10)), life.measure("orders") or 0]
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(costs()))

"""What one customer adds to his shop's sums, step by step, and that the order in which orders and changes are read is free."""

from itertools import permutations

import pytest

from stream_app.domain.insights.customer import CustomerSums
from stream_app.domain.insights.tally import NOW, Name, Tally
from stream_app.domain.insights.turns import Turn

DAY = 86_400_000
HORIZON_DAYS = 100
Step = tuple[object, ...]

# A step is to or revoked to a lifecycle on a day, an order with its id, day, amount and category, a cancel of one, or a refund.
JAN, FEB, MAR, APR = 5, 36, 64, 95


def month(day: int) -> str:
    return f"1970-{1 + (day >= 31) + (day >= 59) + (day >= 90):02}"


def live(*steps: Step) -> Tally:
    customer, tally = CustomerSums(), Tally()
    for step in steps:
        take(customer, step, tally)
    return tally


def take(customer: CustomerSums, step: Step, tally: Tally) -> None:
    match step:
        case ("to", str() | None as value, int(day)):
            cause = value == "active"
            customer.change("lifecycle", value, Turn("", month(day), day * DAY, HORIZON_DAYS * DAY, 20, cause), tally)
        case ("revoked to", str() | None as value, int(day)):
            customer.change("lifecycle", value, None, tally)
            customer.revoke(day * DAY, tally)
        case ("order", str(order), int(day), int(minor), str(category)):
            customer.place(order, day * DAY, minor, {category}, {category.upper()}, tally)
        case ("cancel", str(order)):
            customer.cancel(order, tally)
        case ("refund", str(order), str(refund), int(minor)):
            customer.refund(order, refund, minor, tally)
        case _:
            raise AssertionError(step)


def flows(tally: Tally) -> dict[str, dict[str, int]]:
    """By month what is not a product, without the lag."""
    found = {}
    for period, sums in tally.sums.items():
        kept = {
            name[0]: n
            for name, n in sums.items()
            if period != NOW and name[0] in ("new", "lost", "won_back", "left", "revoked", "false_alarms")
        }
        if kept:
            found[period] = kept
    return found


NEW, LOST, BACK = ("to", "active", JAN), ("to", "inactive", FEB), ("to", "active", MAR)
J, F, M, A = (month(day) for day in (JAN, FEB, MAR, APR))

FLOWS: list[tuple[str, list[Step], dict[str, dict[str, int]]]] = [
    ("a relation only", [("to", "potential", JAN)], {}),
    ("new", [NEW], {J: {"new": 1}}),
    ("new after a relation", [("to", "potential", JAN), ("to", "active", FEB)], {F: {"new": 1}}),
    ("lost", [NEW, LOST], {J: {"new": 1}, F: {"lost": 1}}),
    ("won back within the horizon", [NEW, LOST, BACK], {J: {"new": 1}, F: {"lost": 1, "false_alarms": 1}, M: {"won_back": 1}}),
    (
        "won back at its last moment",
        [NEW, LOST, ("to", "active", FEB + 100)],
        {J: {"new": 1}, F: {"lost": 1, "false_alarms": 1}, A: {"won_back": 1}},
    ),
    ("won back after it", [NEW, LOST, ("to", "active", FEB + 101)], {J: {"new": 1}, F: {"lost": 1}, A: {"won_back": 1}}),
    ("the loss is revoked", [NEW, LOST, ("revoked to", "active", MAR)], {J: {"new": 1}, F: {"revoked": 1}}),
    (
        "the revoking one is revoked: lost after all",
        [NEW, LOST, ("revoked to", "active", MAR), ("revoked to", "inactive", APR)],
        {J: {"new": 1}, F: {"lost": 1}},
    ),
    (
        "and once more",
        [NEW, LOST, ("revoked to", "active", MAR), ("revoked to", "inactive", MAR), ("revoked to", "active", APR)],
        {J: {"new": 1}, F: {"revoked": 1}},
    ),
    (
        "the return is revoked, and with it the false alarm",
        [NEW, LOST, BACK, ("revoked to", "inactive", APR)],
        {J: {"new": 1}, F: {"lost": 1}, M: {"revoked": 1}},
    ),
    (
        "a return after a revoked one",
        [NEW, LOST, BACK, ("revoked to", "inactive", MAR), ("to", "active", APR)],
        {J: {"new": 1}, F: {"lost": 1, "false_alarms": 1}, M: {"revoked": 1}, A: {"won_back": 1}},
    ),
    (
        "lost again after a revoked loss",
        [NEW, LOST, ("revoked to", "active", MAR), ("to", "inactive", APR)],
        {J: {"new": 1}, F: {"revoked": 1}, A: {"lost": 1}},
    ),
    ("the first order is void", [NEW, ("revoked to", None, FEB)], {J: {"revoked": 1}}),
    (
        "a void that nothing revokes",
        [("to", "potential", JAN), ("to", "active", JAN), ("to", "other", FEB)],
        {J: {"new": 1}, F: {"left": 1}},
    ),
    ("inactive to nothing counts for nothing", [NEW, LOST, ("to", None, MAR)], {J: {"new": 1}, F: {"lost": 1}}),
]


@pytest.mark.parametrize(("what", "steps", "expected"), FLOWS, ids=[row[0] for row in FLOWS])
def test_flows(what: str, steps: list[Step], expected: dict[str, dict[str, int]]) -> None:
    tally = live(*steps)
    assert flows(tally) == expected
    signs = {"new": 1, "won_back": 1, "lost": -1, "left": -1}
    flow = {period: sum(signs.get(kind, 0) * n for kind, n in kinds.items()) for period, kinds in expected.items()}
    assert {name[1]: n for name, n in tally.sums.get(NOW, {}).items() if name[0] == "flow"} == {p: n for p, n in flow.items() if n}
    lags = sum(n for sums in tally.sums.values() for name, n in sums.items() if name[0] == "lag_days")
    assert lags == sum(kinds.get("lost", 0) for kinds in expected.values())


def now(tally: Tally, *kinds: str) -> dict[Name, int]:
    return {name: n for name, n in tally.sums.get(NOW, {}).items() if name[0] in kinds}


WINE = ("order", "o-1", JAN, 900, "wine")
PRODUCTS: list[tuple[str, list[Step], dict[Name, int]]] = [
    ("an order of nobody yet", [WINE], {}),
    ("kept", [WINE, NEW], {("category", "wine", "kept"): 1, ("group", "WINE", "kept"): 1}),
    ("lost", [WINE, NEW, LOST], {("category", "wine", "lost"): 1, ("group", "WINE", "lost"): 1}),
    ("twice is once", [WINE, NEW, ("order", "o-2", JAN, 1, "wine")], {("category", "wine", "kept"): 1, ("group", "WINE", "kept"): 1}),
    ("the same order again", [WINE, NEW, WINE, ("cancel", "o-1")], {}),
    ("cancelled", [WINE, NEW, ("cancel", "o-1"), ("cancel", "o-1")], {}),
    ("cancelled before it came", [("cancel", "o-1"), WINE, NEW], {}),
    (
        "refunded in part",
        [WINE, NEW, ("refund", "o-1", "r", 899), ("refund", "o-1", "r", 899)],
        {("category", "wine", "kept"): 1, ("group", "WINE", "kept"): 1},
    ),
    ("refunded whole", [WINE, NEW, ("refund", "o-1", "r", 899), ("refund", "o-1", "s", 1)], {}),
    (
        "one of two is cancelled",
        [WINE, NEW, ("order", "o-2", JAN, 1, "wine"), ("cancel", "o-1")],
        {("category", "wine", "kept"): 1, ("group", "WINE", "kept"): 1},
    ),
    ("no customer any more", [WINE, NEW, ("to", None, FEB)], {}),
]


@pytest.mark.parametrize(("what", "steps", "expected"), PRODUCTS, ids=[row[0] for row in PRODUCTS])
def test_products(what: str, steps: list[Step], expected: dict[Name, int]) -> None:
    assert now(live(*steps), "category", "group") == expected


def test_revenue_stands_in_one_bucket_of_those_who_are_customers() -> None:
    assert now(live(WINE), "revenue") == {}
    assert now(live(WINE, NEW), "revenue") == {("revenue", "481", "customers"): 1, ("revenue", "481", "minor"): 900}
    more = live(WINE, NEW, ("refund", "o-1", "r", 100), ("order", "o-2", JAN, 55, "tea"), ("order", "o-3", JAN, 0, "tea"))
    assert now(more, "revenue") == {("revenue", "469", "customers"): 1, ("revenue", "469", "minor"): 855}
    assert now(live(WINE, NEW, ("cancel", "o-1")), "revenue") == {}


RETURN = ("order", "o-2", MAR, 50, "tea")


def test_what_a_customer_bought_when_he_came_back() -> None:
    tally = live(WINE, NEW, LOST, RETURN, BACK)
    assert {name: n for name, n in tally.sums[M].items() if name[0].startswith("back")} == {
        ("back_category", "tea"): 1,
        ("back_group", "TEA"): 1,
    }
    assert now(tally, "back_category", "back_group") == {("back_category", "tea"): 1, ("back_group", "TEA"): 1}
    void = live(WINE, NEW, LOST, RETURN, BACK, ("cancel", "o-2"), ("revoked to", "inactive", APR))
    assert now(void, "back_category", "back_group") == {}


def test_orders_and_changes_may_come_in_any_order_among_each_other() -> None:
    orders: list[Step] = [WINE, RETURN, ("refund", "o-1", "r", 10), ("cancel", "o-2")]
    changes: list[Step] = [NEW, LOST, BACK]
    mixtures = [mixed for mixed in permutations((*orders, *changes)) if [step for step in mixed if step in changes] == changes]
    found = [live(*mixed).sums for mixed in mixtures]
    assert len(found) == 840
    trimmed = [{period: sums for period, sums in tally.items() if sums} for tally in found]
    assert all(tally == trimmed[0] for tally in trimmed)


def test_an_erasure_keeps_the_counts_and_nothing_of_the_customer() -> None:
    customer, tally = CustomerSums(), Tally()
    for step in (WINE, NEW, ("order", "o-9", APR, 70, "tea")):
        take(customer, step, tally)
    before = dict(tally.sums[NOW])
    left = customer.erase(FEB * DAY, FEB * DAY, tally)
    kept = {name: n for name, n in tally.sums[NOW].items() if name[0] != "erased"}
    assert kept == {name: n for name, n in before.items() if name[0] != "revenue" and "tea" not in name and "TEA" not in name} | {
        ("revenue", "481", "customers"): 1,
        ("revenue", "481", "minor"): 900,
    }
    assert now(tally, "erased") == {("erased", "lifecycle", "active"): 1}
    assert list(left.orders) == ["o-9"]  # bought later: the life that begins
    again = Tally()
    take(left, WINE, again)
    assert list(left.orders) == ["o-9"]
    assert not again.sums
    nobody = live()
    assert CustomerSums().erase(0, 0, nobody).is_empty()


def test_what_is_remembered_is_bounded() -> None:
    customer, tally = CustomerSums(), Tally()
    take(customer, NEW, tally)
    for number in range(2_010):
        take(customer, ("order", f"o-{number}", JAN + number, 1, "wine"), tally)
    assert len(customer.orders) == 2_000
    assert "o-9" not in customer.orders
    assert customer.revenue_minor == 2_010
    for number in range(300):
        take(customer, ("cancel", f"x-{number}"), tally)
    assert len([order for order in customer.orders.values() if order.at_ms is None]) == 200

"""Which policy holds, since when, and how customers come under a new one (domain.md, section 6)."""

import json

import pytest

from stream_app.domain.policy import Fixed, Policy
from stream_app.engine.unit import UnitOfWork
from stream_app.errors import PolicyError
from stream_app.processor.policies import PolicyBook
from tests.builders import at, policy
from tests.unit.processor.rig import Rig, book, bought, iso, told, watermark


def version(number: int, days: int, **changes: object) -> Policy:
    bare: dict[str, object] = {"labels": None, "service_levels": None, "classes": None, "rhythms": {}, **changes}
    return policy(default_rhythm=Fixed(days), version=number, hash=f"{number:032}", **bare)


def held(made: PolicyBook, shop: str) -> tuple[int, int]:
    """Since when which version is in force."""
    found = made.current(shop)
    assert found is not None
    return found[0], found[1].version


def test_a_shop_has_its_own_policy_or_the_default() -> None:
    made = book(version(1, 10, shop=None), version(2, 20, shop="acme"))
    assert [held(made, shop) for shop in ("acme", "other")] == [(0, 2), (0, 1)]
    assert book(version(1, 10, shop="acme")).current("other") is None


def test_the_same_document_again_changes_nothing() -> None:
    made = book(version(1, 10))
    made.add("acme", 99, version(1, 10))
    assert held(made, "acme") == (0, 1)
    made.add("acme", 99, version(2, 10))
    assert held(made, "acme") == (99, 2)


def test_documents_are_read_from_the_topic() -> None:
    made = PolicyBook()
    made.put("*", 5, b'{"currency": "EUR"}')
    made.put("acme", 7, b'{"shop": "acme", "currency": "USD", "version": 3}')
    found = made.current("acme")
    assert found is not None
    assert (found[0], found[1].currency, found[1].version) == (7, "USD", 3)
    with pytest.raises(PolicyError):
        made.put("acme", 9, b'{"shop": "acme"}')
    assert made.current("acme") == found, "what held before still holds"
    made.put("acme", 9, None)
    back = made.current("acme")
    assert back is not None
    assert (back[0], back[1].currency) == (9, "EUR"), "the default holds from the withdrawal on"


def adopted(rig: Rig, customer: str = "c-1") -> str:
    state = rig.state(customer)
    assert state is not None
    return state.policy_hash.lstrip("0")


def test_deadlines_before_a_new_version_fire_under_the_old_one() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)), bought(at(0), "c-2"), told(at(40), "c-2"))
    policies.add("acme", at(70), version(2, 60))
    rig.work(told(at(65), "c-2", event_id="t"))
    assert adopted(rig) == "1", "it is not in force yet"
    rig.work(told(at(80), "c-2", event_id="t-2"))
    assert rig.changes("churn_risk") == [
        ("c-1", "low", iso(0), "event"),
        ("c-2", "low", iso(0), "event"),
        ("c-2", "medium", iso(50), "time"),
        ("c-1", "medium", iso(50), "time"),
        ("c-2", None, iso(70), "policy"),
        ("c-1", None, iso(70), "policy"),
    ]


def test_an_event_brings_his_customer_under_the_new_version_first() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)))
    policies.add("acme", at(70), version(2, 60))
    rig.work(bought(at(75)))
    assert rig.changes() == [
        ("c-1", "active", iso(0), "event"),
        ("c-1", "inactive", iso(70), "policy"),
        ("c-1", "active", iso(75), "event"),
    ]
    assert [change[1:] for change in rig.changes("churn_risk")] == [
        ("low", iso(0), "event"),
        ("medium", iso(50), "time"),
        (None, iso(70), "policy"),
        ("low", iso(75), "event"),
    ]
    by_version = [output.event["data"]["policy"]["version"] for output in rig.of("status-changes") if "sequence" in output.event["data"]]
    assert by_version == [1] * 4 + [2] * 6
    assert adopted(rig) == "2"


def test_a_version_older_than_the_clock_takes_effect_at_the_clock() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)), told(at(40)))
    policies.add("acme", at(10), version(2, 30))
    rig.work(told(at(20), event_id="late"))
    assert rig.changes()[-1] == ("c-1", "inactive", iso(40), "policy")


def test_a_customer_who_comes_later_knows_only_the_new_version() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    policies.add("acme", at(70), version(2, 60))
    rig.work(bought(at(0), "c-9"))
    assert adopted(rig, "c-9") == "2"


def test_adoption_takes_its_place_among_the_deadlines() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0), "a"), bought(at(10), "b"), fire=False)
    policies.add("acme", at(85), version(2, 1_000))
    rig.work(watermark(at(300)), limit=1)
    rig.drain(limit=1)
    assert rig.changes("churn_risk")[2:] == [
        ("a", "medium", iso(50), "time"),
        ("b", "medium", iso(60), "time"),
        ("a", "high", iso(80), "time"),
        ("b", "low", iso(85), "policy"),
        ("a", "low", iso(85), "policy"),
    ]


def test_a_dropped_dimension_goes_to_null_by_policy() -> None:
    full = policy(default_rhythm=Fixed(100), rhythms={}, version=1, hash="1" * 32)
    policies = book(full)
    rig = Rig(policies)
    rig.work(bought(at(0)))
    policies.add("acme", at(5), version(2, 100))
    rig.work(told(at(6)))
    for dimension in ("class", "label", "service_level"):
        assert rig.changes(dimension)[-1] == ("c-1", None, iso(5), "policy")
    profile = rig.of("customer-profiles")[-1].event["data"]
    assert set(profile["statuses"]) == {"lifecycle", "churn_risk", "winback"}


def test_the_old_version_is_not_needed_to_go_on() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)), told(at(5)))
    rig.policies = book(version(2, 3))  # after a restart the topic holds only the latest version
    rig.restart()
    rig.work(told(at(6), event_id="t"))
    assert rig.changes()[-1] == ("c-1", "inactive", iso(5), "policy")
    assert adopted(rig) == "2"


def test_a_withdrawn_policy_refuses_new_events() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)))
    policies.put("acme", at(1), None)
    rig.work(told(at(2)))
    assert [letter.header("error.code") for letter in rig.of("dead-letters")] == ["unknown_shop"]


@pytest.mark.parametrize("restart", [False, True])
def test_without_a_policy_a_shop_stands_still(restart: bool) -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    rig.work(bought(at(0)), watermark(at(500)), fire=False)
    policies.put("acme", at(1), None)
    if restart:
        rig.policies = PolicyBook()
        rig.restart()
    rig.drain(wall=at(999))
    assert rig.changes() == [("c-1", "active", iso(0), "event")]
    rig.policies.add("acme", at(1), version(2, 100))
    rig.drain(wall=at(999))
    assert rig.changes()[-1] == ("c-1", "inactive", iso(100), "time")


def test_the_currency_is_checked_against_the_policy_in_force() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    policies.add("acme", at(5), version(2, 100, currency="USD"))
    rig.work(bought(at(6), currency="USD"), bought(at(7), "c-2", currency="EUR"))
    assert [json.loads(letter.value or b"")["subject"] for letter in rig.of("dead-letters")] == ["c-2"]


def test_deadlines_before_a_new_version_fire_under_the_old_one_after_a_restart() -> None:
    rig = Rig(book(version(1, 100)))
    rig.work(bought(at(0)))
    rig.policies = book(version(1, 100))  # the topic keeps every version, and is read again
    rig.policies.add("acme", at(70), version(2, 60))
    rig.restart()
    rig.work(told(at(80)))
    assert rig.changes("churn_risk") == [
        ("c-1", "low", iso(0), "event"),
        ("c-1", "medium", iso(50), "time"),
        ("c-1", None, iso(70), "policy"),
    ]


@pytest.mark.parametrize(
    ("published", "bought_at", "expected"),
    [
        pytest.param([(10, 60), (20, 70)], 0, [("medium", 55, "policy")], id="both begin before his clock: the last one counts"),
        pytest.param([(60, 110), (80, 100)], 0, [("medium", 60, "policy"), ("high", 80, "policy")], id="each begins at its time"),
        pytest.param([(60, 200), (60, 100)], 0, [("medium", 60, "policy")], id="of two at the same time the last one counts"),
        pytest.param([(80, 200), (60, 100)], 0, [("high", 80, "policy")], id="a later record never holds earlier"),
        pytest.param([(60, 100)], 70, [], id="who comes later knows only the new one"),
    ],
)
def test_versions_come_into_effect_one_after_another(
    published: list[tuple[int, int]], bought_at: int, expected: list[tuple[str, int, str]]
) -> None:
    policies = book(version(1, 300))
    rig = Rig(policies)
    rig.work(bought(at(0)), told(at(55)))
    for place, (from_day, patience) in enumerate(published):
        policies.add("acme", at(from_day), version(place + 2, patience))
    customer = "c-1"
    if bought_at:
        customer = "c-2"
        rig.work(bought(at(bought_at), customer))
    rig.work(told(at(95), customer, event_id="t"))
    found = [change for change in rig.changes("churn_risk") if change[0] == customer and change[3] == "policy"]
    assert [(to, day, cause) for _, to, day, cause in found] == [(to, iso(day), cause) for to, day, cause in expected]
    assert adopted(rig, customer) == str(len(published) + 1)


def test_a_withdrawn_policy_leaves_its_customers_to_the_default() -> None:
    policies = book(version(1, 100, shop=None), version(2, 300))
    rig = Rig(policies)
    rig.work(bought(at(0)))
    policies.put("acme", at(85), None)
    rig.work(told(at(90)))
    assert rig.changes("churn_risk") == [("c-1", "low", iso(0), "event"), ("c-1", "high", iso(85), "policy")]
    policies.add("*", at(95), version(3, 1_000, shop=None))
    policies.add("acme", at(97), version(4, 400))
    rig.work(told(at(99), event_id="t"))
    assert rig.changes("churn_risk")[2:] == [("c-1", "low", iso(95), "policy")]
    assert adopted(rig) == "4"


def test_what_is_published_while_a_unit_of_work_is_made_is_for_the_next() -> None:
    policies = book(version(1, 100))
    rig = Rig(policies)
    unit = UnitOfWork(0, rig.store, rig.cache, rig.bounds)
    fold = rig.processor.fold(rig.decode([bought(at(0), f"c-{n}") for n in range(150)]), unit)
    next(fold)
    policies.put("acme", at(1), None)
    list(fold)
    rig.processor.finish(unit)
    assert len([key for key in unit.states if key.startswith(b"acme/c-")]) == 150
    rig.work(told(at(2), "c-x"))
    assert [letter.header("error.code") for letter in rig.of("dead-letters")] == ["unknown_shop"]


def test_a_shops_history_is_its_own_policy_and_the_default_in_between() -> None:
    made = book(version(1, 10, shop=None))
    made.add("acme", 5, version(2, 20))
    made.add("*", 7, version(3, 30, shop=None))
    made.put("acme", 9, None)
    assert [(since, one.version) for since, one in made.after("acme", version(1, 0).hash)] == [(5, 2), (9, 3)]
    assert [(since, one.version) for since, one in made.after("other", version(1, 0).hash)] == [(7, 3)]
    assert [one.version for _, one in made.after("acme", "unheard of")] == [3]
    assert made.is_own("acme") is made.is_own("other") is False


@pytest.mark.parametrize("order", [1, -1])
def test_the_fingerprint_is_that_of_what_is_in_force(order: int) -> None:
    made, other = PolicyBook(), PolicyBook()
    for shop in ("a", "b", "c")[::order]:
        made.add(shop, 1, version(1, 10, shop=shop))
    for shop in ("c", "a", "b"):
        other.add(shop, 2, version(2, 10, shop=shop))
        other.add(shop, 3, version(1, 10, shop=shop))
    assert made.fingerprint() == other.fingerprint() != PolicyBook().fingerprint()
    made.put("a", 9, None)
    assert made.fingerprint() != other.fingerprint()

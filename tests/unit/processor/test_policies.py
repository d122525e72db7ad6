"""Which policy holds, since when, and how customers come under a new one (domain.md, section 6)."""

import json

import pytest

from stream_app.domain.policy import Fixed, Policy
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
    assert (back[0], back[1].currency) == (5, "EUR")


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

"""An endpoint's filters: what they let through, and that one which nothing can pass is refused when the file is read."""

from typing import Any

import pytest

from stream_app.worker.webhooks.endpoints import Said
from tests.unit.worker.test_webhook_endpoints import CHANGE, endpoint

WILL, WILL_NOT = "status.will_change", "status.will_not_change"


@pytest.mark.parametrize(
    ("given", "said", "taken"),
    [
        ({}, CHANGE, True),
        ({"types": ["status.changed", "winback.opened"]}, CHANGE, True),
        ({"types": ["winback.opened"]}, CHANGE, False),
        ({"dimensions": ["lifecycle"]}, CHANGE, True),
        ({"dimensions": ["class"]}, CHANGE, False),
        ({"dimensions": ["class"]}, Said("winback.opened", "i", "/shops/acme"), False),
        ({"from": ["active"]}, CHANGE, True),
        ({"from": [None]}, CHANGE, False),
        ({"from": [None]}, Said("status.changed", "i", "/shops/acme", "live", "class", None, "C"), True),
        ({"from": [None]}, Said("winback.opened", "i", "/shops/acme"), False),
        ({"to": ["inactive", None]}, CHANGE, True),
        ({"to": ["active"]}, CHANGE, False),
        ({"shops": ["acme"]}, CHANGE, True),
        ({"shops": ["other"]}, CHANGE, False),
        ({"types": ["status.changed"], "to": ["active"]}, CHANGE, False),
        ({}, Said("status.changed", "i", "/shops/acme", "backfill"), False),
        ({"backfill": True}, Said("status.changed", "i", "/shops/acme", "backfill"), True),
        ({"backfill": True}, Said("status.changed", "i", "/shops/acme", "replay"), False),
        ({}, Said("status.changed", "i", "/shops/acme", "replay"), False),
    ],
)
def test_filters(given: dict[str, Any], said: Said, taken: bool) -> None:
    assert endpoint(**given).takes(said) is taken


@pytest.mark.parametrize(
    "given",
    [
        {"dimensions": ["lifecycle"], "to": ["inactive", None]},
        {"dimensions": ["segment"], "to": ["vip"]},
        {"types": [WILL, "status.changed"], "dimensions": ["class"], "from": [None]},
        {"types": [WILL], "dimensions": ["class", "lifecycle"], "to": ["inactive"]},
        {"dimensions": ["lifecycle", "class"], "from": ["active", "B"], "to": ["A"]},
        {"types": None, "from": ["gold"], "to": [None]},
        {"types": ["service_level.changed"], "from": [None], "to": ["gold"]},
        {"from": ["active", "inactive"], "to": ["active"]},
        {"from": ["active"]},
    ],
)
def test_filters_that_something_can_pass_are_taken(given: dict[str, Any]) -> None:
    assert endpoint(**{"types": ["status.changed", "winback.opened"], **given}, shops=["acme-2.nl"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"types": ["winback.opened"], "dimensions": ["lifecycle"]}, "dimensions: none of the types has one"),
        ({"types": ["winback.opened"], "to": ["inactive"]}, "to: none of the types has one"),
        ({"dimensions": ["lifecycle", "class"], "to": ["inactiv"]}, "lifecycle, class is never inactiv"),
        ({"types": [WILL], "dimensions": ["class"]}, f"dimensions: {WILL} is only of lifecycle"),
        ({"types": [WILL, WILL_NOT], "to": [None]}, "to: lifecycle is never null; there are inactive"),
        ({"types": [WILL, "winback.opened"], "from": [None]}, "from: lifecycle is never null; there are active"),
        ({"from": ["active"], "to": ["active"]}, "to: nothing turns from any of `from`"),
        ({"types": [WILL], "to": ["Inactive"]}, "to: lifecycle is never Inactive"),
        ({"types": [WILL], "from": ["inactive"], "to": ["active"]}, "from: lifecycle is never inactive"),
        ({"types": [WILL], "dimensions": ["lifecycle", "segment"], "to": ["vip"]}, "is never vip"),
        ({"dimensions": ["lifecycle", "class"], "from": ["active"], "to": ["A"]}, "to: nothing turns from"),
        ({"dimensions": ["class"], "from": [None], "to": [None]}, "to: nothing turns from"),
    ],
)
def test_filters_that_nothing_can_pass_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        endpoint(**given)
    assert said in str(refused.value)
